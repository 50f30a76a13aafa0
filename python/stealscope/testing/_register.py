"""Where laws are kept: what a law is, and the register that the files of laws fill.

Invariant: a law is the function that is named after it; its docstring is the statement. Read next: `laws.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ._log import Run

__all__ = ["LAWS", "Law", "law"]

Breaches: TypeAlias = "Callable[[Run], Iterator[str]]"


@dataclass(frozen=True)
class Law:
    """One law of the scheduler.

    Attributes:
        name: of the function, such as ``s1_every_task_ran_once``.
        statement: in words.
        applies: whether a run can decide it.
        breaches: a sentence for each breach; none: the law holds.
    """

    name: str
    statement: str
    applies: Callable[[Run], bool]
    breaches: Callable[[Run], Iterable[str]]

    @property
    def letter(self) -> str:
        """Its short name in the documentation, such as ``S1``."""
        return self.name.partition("_")[0].upper()


LAWS: dict[str, Law] = {}
"""All laws by name, safety first, then accounting, order, liveness and bounds."""


def law(when: Callable[[Run], bool]) -> Callable[[Breaches], Breaches]:
    """Register a function as a law; `when` says which runs can decide it."""

    def register(function: Breaches) -> Breaches:
        statement = " ".join((function.__doc__ or "").split())
        LAWS[function.__name__] = Law(function.__name__, statement, when, function)
        return function

    return register


def sort_laws() -> None:
    """Into the order of the letters and numbers."""
    ordered = sorted(LAWS.values(), key=lambda each: ("SAFLP".index(each.letter[0]), int(each.letter[1:])))
    LAWS.clear()
    LAWS.update((each.name, each) for each in ordered)
