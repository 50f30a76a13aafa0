"""How much faster, and how sure are we? Pure arithmetic on pairs of measurements; nothing here runs or reads anything.

Invariant: a ratio is always peer time over our time of one pair, both processes run back to back; ratios from
different pairs are only ever combined by their order. Read next: run.py, which makes the pairs.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Ratio", "compare", "fastest", "median_interval"]

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    """Peer time over our time: above 1 we are faster. ``low`` and ``high`` are None with fewer than six pairs."""

    pairs: tuple[float, ...]
    median: float
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, object]:
        """The fields as plain values, for JSON."""
        return asdict(self)


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The narrowest symmetric order-statistic interval that covers the true median with at least 95 %.

    Each value falls below the median with probability one half, whatever the distribution, so the number that do is
    binomial: dropping k values at each end leaves a coverage of 1 - 2 P(B(n, 1/2) <= k).

    >>> median_interval([1, 2, 3, 4, 5]) is None
    True
    >>> median_interval([6, 1, 2, 3, 4, 5])
    (1, 6)
    >>> median_interval(range(1, 10))
    (2, 8)
    """
    ordered = sorted(values)
    count = len(ordered)
    dropped = -1
    missed = 0.0
    while dropped + 1 < count / 2:
        missed += 2.0 * math.comb(count, dropped + 1) / 2.0**count
        if missed > 1.0 - _CONFIDENCE:
            break
        dropped += 1
    if dropped < 0:
        return None
    return ordered[dropped], ordered[count - 1 - dropped]


def compare(ours: Sequence[float], peer: Sequence[float]) -> Ratio:
    """The ratio over pairs ``(ours[i], peer[i])`` of times in one unit.

    Raises:
        ValueError: no pair, or lists of different length.

    >>> compare([1.0, 2.0], [3.0, 4.0]).median
    2.5
    """
    if not ours or len(ours) != len(peer):
        raise ValueError(f"{len(ours)} times of ours and {len(peer)} of the peer; need the same number, at least one")
    pairs = tuple(theirs / mine for mine, theirs in zip(ours, peer, strict=True))
    interval = median_interval(pairs)
    low, high = interval if interval else (None, None)
    return Ratio(pairs=pairs, median=statistics.median(pairs), low=low, high=high)


def fastest(times: Mapping[str, Sequence[float]]) -> str | None:
    """The name whose median time is least; None when there is none.

    >>> fastest({"a": [3.0, 3.0], "b": [1.0, 9.0, 2.0], "c": []})
    'b'
    """
    medians = {name: statistics.median(values) for name, values in times.items() if values}
    return min(medians, key=lambda name: medians[name]) if medians else None
