"""What is an open system? Jobs that arrive by a law of their own, whether the workers keep up or not.

Invariant: gap and size of job i are functions of (seed, i), so every policy and every number of workers meets the same jobs. Read
next: `dist.py`, `workloads.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from .dist import Law
from .units import checked_count, optional_seconds_to_ns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .graph import IntArray

__all__ = ["OpenSystem", "Place", "checked_open_system"]

Place: TypeAlias = "Literal['inject', 'worker'] | tuple[Literal['jsq'], int] | None"
"""Where a job starts: the shared queue, a uniformly random worker, the least loaded of d random ones, or as the policy says."""

_PLACES = (None, "inject", "worker", "jsq")


@dataclass(frozen=True)
class OpenSystem:
    """The description behind `workloads.open_system`, checked.

    Attributes:
        arrivals: gaps between arrivals to the whole system.
        service: sizes of the jobs.
        n: how many jobs.
        place: where they start.
        slice_ns: ns of work between two yields; None: a job is not interrupted.
        seed: of gaps and sizes.
    """

    arrivals: Law
    service: Law
    n: int
    place: Place
    slice_ns: int | None
    seed: int

    kind = "open_system"

    def __repr__(self) -> str:
        more = "" if self.slice_ns is None else f", slice={self.slice_ns / 1e9!r}"
        place = f"place={self.place!r}"
        return f"workloads.open_system({self.arrivals!r}, {self.service!r}, n={self.n}, {place}{more}, seed={self.seed})"

    @property
    def expected(self) -> int:
        """All jobs end."""
        return self.n

    @cached_property
    def gaps(self) -> IntArray:
        """Time from the arrival before (or the start) to each arrival, ns, shape ``(n,)``."""
        return self.arrivals.draws(self.n, self.seed, column=0)

    @cached_property
    def sizes(self) -> IntArray:
        """Work of each job, ns, shape ``(n,)``."""
        return self.service.draws(self.n, self.seed, column=1)

    @cached_property
    def work(self) -> int:
        """The sum of all sizes, ns."""
        return sum(self.sizes.tolist())

    @cached_property
    def span(self) -> int:
        """No run is shorter: the latest arrival plus size, ns."""
        return int((np.cumsum(self.gaps) + self.sizes).max(initial=0))

    def with_seed(self, seed: int) -> OpenSystem:
        """Other gaps and sizes of the same laws."""
        return replace(self, seed=seed)

    def native(self) -> tuple[str, tuple[int, ...], tuple[IntArray, ...]]:
        """As the C++ side takes it; see ``rt/workload/open_system.hpp``."""
        name, choices = self.place if isinstance(self.place, tuple) else (self.place, 0)
        head = (self.n, self.seed, _PLACES.index(name), choices, self.slice_ns or 0)
        return self.kind, (*head, *self.arrivals.native(), *self.service.native()), (self.arrivals.values, self.service.values)

    def edges(self) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """From the source to each job."""
        return ((("root",), (i,)) for i in range(self.n))


def _checked_place(place: object) -> Place:
    """`place`, or ValueError."""
    match place:
        case None | "inject" | "worker":
            return place
        case ("jsq", int() as choices):
            return "jsq", checked_count(choices, "d", low=1, high=65_535)
    raise ValueError(f"place={place!r}; need 'inject', 'worker', ('jsq', d), or None for the policy's own")


def checked_open_system(arrivals: Law, service: Law, n: int, place: object, slice_s: float | None, seed: int) -> OpenSystem:
    """An `OpenSystem` from a user's arguments."""
    for name, law in (("arrivals", arrivals), ("service", service)):
        if not isinstance(law, Law):
            raise TypeError(f"{name}={law!r}; need a law, such as ss.dist.exponential(10e-6)")
    slice_ns = optional_seconds_to_ns(slice_s, "slice")
    if slice_ns == 0:
        raise ValueError(f"slice={slice_s!r}; need at least a nanosecond, or None for jobs that are not interrupted")
    count = checked_count(n, "n", high=10**9, hint="more jobs would not fit in memory")
    return OpenSystem(arrivals, service, count, _checked_place(place), slice_ns, checked_count(seed, "seed"))
