"""Which random numbers does a replication use? One key a stream, from its seed and nothing else.

Invariant: integers only, no library of the machine takes part: the same (seed, stream) gives the same key everywhere, and keys of
different streams or seeds look unrelated. Read next: `_cells.py`.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["STREAMS", "Stream", "shuffled", "stream_key"]

Stream = Literal["workload", "scheduler", "faults", "order"]

STREAMS: dict[Stream, int] = {"workload": 1, "scheduler": 2, "faults": 3, "order": 4}
"""The number of each stream. ``order`` is that of the runs in a block on real threads."""

_MASK = 2**64 - 1
_STEP = 0x9E3779B97F4A7C15  # 2**64 / golden ratio, odd: SplitMix64's distance between two counters


def stream_key(seed: int, stream: Stream) -> int:
    """The key of a stream of the replication that has this seed: an int in 0 .. 2**63 - 1.

    Source: SplitMix64 (Steele, Lea & Flood 2014), its output function over a counter.
    """
    return _mixed(_mixed(seed + _STEP) + STREAMS[stream] * _STEP) >> 1


def shuffled(count: int, key: int) -> list[int]:
    """The numbers 0 .. count - 1 in an order that `key` decides; every order is about equally likely."""
    return sorted(range(count), key=lambda position: (_mixed(key + (position + 1) * _STEP), position))


def _mixed(value: int) -> int:
    value &= _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
