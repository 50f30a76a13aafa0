"""What can go wrong with a virtual worker, and when?

Invariant: a fault is a frozen value in seconds of virtual time, checked when it is made; the worker's index is checked by
the `Simulation` that takes it. Read next: `simulation.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from .units import checked_count, seconds_to_ns

__all__ = ["Fault", "LateWake", "Slow", "Stall"]

_Native: TypeAlias = tuple[str, int, int, int, float]


@dataclass(frozen=True)
class Stall:
    """For `duration` a worker does nothing, as if the system ran somebody else; it does not wake up either.

    Args:
        worker: its index.
        at: from when on, seconds.
        duration: for how long, seconds.
    """

    worker: int
    at: float
    duration: float

    def __post_init__(self) -> None:
        self._native()

    def _native(self) -> _Native:
        return _row("stall", self.worker, self.at, "duration", self.duration)


@dataclass(frozen=True)
class Slow:
    """For `duration` all that a worker does takes `factor` times as long.

    Args:
        worker: its index.
        at: from when on, seconds.
        duration: for how long, seconds.
        factor: 2.0 is half as fast.
    """

    worker: int
    at: float
    duration: float
    factor: float

    def __post_init__(self) -> None:
        if isinstance(self.factor, bool) or not isinstance(self.factor, int | float):
            raise TypeError(f"factor={self.factor!r}; need a number, such as 2.0 for half as fast")
        if not (math.isfinite(self.factor) and self.factor > 0):
            raise ValueError(f"factor={self.factor!r}; need a finite number above 0; Stall(...) stops a worker")
        self._native()

    def _native(self) -> _Native:
        return _row("slow", self.worker, self.at, "duration", self.duration, float(self.factor))


@dataclass(frozen=True)
class LateWake:
    """The first wake-up of a worker from `at` on arrives later by `delay`.

    Args:
        worker: its index.
        at: from when on, seconds.
        delay: how much later, seconds.
    """

    worker: int
    at: float
    delay: float

    def __post_init__(self) -> None:
        self._native()

    def _native(self) -> _Native:
        return _row("late_wake", self.worker, self.at, "delay", self.delay)


Fault = Stall | Slow | LateWake


def _row(kind: str, worker: int, at: float, length_name: str, length: float, factor: float = 1.0) -> _Native:
    """As the C++ side takes it: kind, worker, when and for how long (ns), factor."""
    index = checked_count(worker, "worker", low=0, high=65_534)
    return (kind, index, seconds_to_ns(at, "at"), seconds_to_ns(length, length_name), factor)
