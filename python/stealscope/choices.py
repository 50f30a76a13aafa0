"""Which open choices did a run answer otherwise than its seed, and how is that run replayed?

A decision with more than one option (who moves next, which victim, who is woken) has a number, from 0, and the seed answers
it. A deviation (number, k) takes the k-th option after the seed's answer, modulo their number. Invariant: the same arguments
and the same deviations give the same run. Read next: `explore.py`, `simulation.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ReplayMismatch
from .units import checked_count

__all__ = ["Choices"]

_MAX_NUMBER = (1 << 63) - 1


@dataclass(frozen=True)
class Choices(Mapping[int, int]):
    """The deviations of one run, by number; what is not in it is the seed's.

    Attributes:
        deviations: (number, k) pairs in ascending order, k >= 1.
        configuration: which version and arguments they were recorded with; empty: any.
    """

    deviations: tuple[tuple[int, int], ...] = ()
    configuration: str = ""

    @classmethod
    def resolve(cls, given: Choices | bytes | Mapping[int, int] | None, configuration: str) -> tuple[bytes, Choices]:
        """What a `Simulation` was given, as a schedule of bytes and as deviations.

        Raises:
            TypeError, ValueError: not choices, or out of range.
            ReplayMismatch: recorded with another version or configuration.
        """
        if given is None:
            return b"", cls()
        if isinstance(given, bytes | bytearray):
            return bytes(given), cls()
        if isinstance(given, cls):
            if given.configuration and given.configuration != configuration:
                raise ReplayMismatch(
                    f"these choices were recorded with another version or other arguments ({given.configuration}, this is "
                    f"{configuration}); give the same arguments, or dict(choices) to apply them all the same"
                )
            return b"", given
        if not isinstance(given, Mapping):
            raise TypeError(f"choices={given!r}; need Choices, bytes, a mapping of decision numbers to options, or None")
        pairs = sorted(
            (checked_count(number, "choices: number", low=0, high=_MAX_NUMBER), checked_count(k, "choices: k", high=2**32 - 1))
            for number, k in given.items()
        )
        return b"", cls(tuple((number, k) for number, k in pairs if k))

    def __getitem__(self, number: int) -> int:
        for other, k in self.deviations:
            if other == number:
                return k
        raise KeyError(number)

    def __iter__(self) -> Iterator[int]:
        return (number for number, _ in self.deviations)

    def __len__(self) -> int:
        return len(self.deviations)

    def __str__(self) -> str:
        if not self.deviations:
            return "the seed's choices"
        return "the seed's choices except: " + ", ".join(f"decision {number} +{k}" for number, k in self.deviations)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {"deviations": [list(pair) for pair in self.deviations], "configuration": self.configuration}
