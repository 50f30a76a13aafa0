"""What happened on each worker, and when? Reading `Report.timeline`: events by kind, polls as intervals, steals.

Invariant: an array of events is in time order, and each worker's times ascend; a record that found its lane full is counted
and never guessed. Read next: ``cpp/rt/observe/timeline.hpp`` (who writes them), `activity.py` (states, queues, latencies),
`report.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import _core
from .errors import FeatureNotEnabled
from .units import checked_count

if TYPE_CHECKING:
    from .handle import Handle

__all__ = [
    "KINDS",
    "NOBODY",
    "Events",
    "Recording",
    "Timeline",
    "capacity_of",
    "check_built",
    "counts",
    "intervals",
    "of_kind",
    "steals",
]

Events: TypeAlias = npt.NDArray[np.void]
"""A structured array, one event an element: ``at`` (int64, ns), ``task`` (its id, or 0), ``worker`` and ``other`` (indices, or
`NOBODY`), ``count`` (how many, or ns for ``lane_wait``), ``kind`` (a number of `KINDS`)."""

Timeline = _core.Timeline

KINDS: Mapping[str, int] = MappingProxyType({name: number for number, name in enumerate(_core.EVENT_KINDS)})
"""The number of each kind of event, by its name."""

NOBODY = 2**32 - 1
"""In ``worker``: a thread outside the workers. In ``other``: there is none."""

_MOST = 2**26  # events a lane: 2 GiB of address space
_MOST_IN_ALL = 2**24  # unless the user says more

_POLL = np.dtype([("begin", "<i8"), ("end", "<i8"), ("task", "<u8")])
_STEAL = np.dtype([("at", "<i8"), ("thief", "<u4"), ("victim", "<u4"), ("taken", "<u4"), ("task", "<u8")])

_renewing = threading.Lock()


def of_kind(events: Events, *kinds: str) -> Events:
    """The events of these kinds, in their order.

    Raises:
        ValueError: no such kind; the message lists all.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r}; need one of {', '.join(KINDS)}")
    is_one = np.zeros(len(KINDS), bool)
    is_one[[KINDS[kind] for kind in kinds]] = True
    chosen: npt.NDArray[np.bool_] = is_one[events["kind"]]
    return events[chosen]


def counts(events: Events) -> dict[str, int]:
    """How many events there are of each kind, by its name."""
    numbers = np.bincount(events["kind"], minlength=len(KINDS))
    return {name: int(numbers[number]) for name, number in KINDS.items() if name != "none"}


def intervals(events: Events) -> dict[int, npt.NDArray[np.void]]:
    """The polls of each worker.

    Returns:
        By worker: ``begin`` and ``end`` (int64, ns) and ``task`` (its id), in time order, shape ``(polls,)``. A poll whose
        worker went on without it (`block_in_place`), or whose end is not in `events`, is left out.
    """
    ends = of_kind(events, "poll_begin", "poll_end")
    polls = {}
    for worker in np.unique(ends["worker"]).tolist():
        own = ends[ends["worker"] == worker]
        first, second = own[:-1], own[1:]
        whole = (first["kind"] == KINDS["poll_begin"]) & (second["kind"] == KINDS["poll_end"]) & (first["task"] == second["task"])
        found = np.empty(np.count_nonzero(whole), _POLL)
        found["begin"], found["end"], found["task"] = first["at"][whole], second["at"][whole], first["task"][whole]
        polls[worker] = found
    return polls


def steals(events: Events) -> npt.NDArray[np.void]:
    """The steals that brought something, in time order.

    Returns:
        ``at`` (int64, ns), ``thief`` and ``victim`` (workers), ``taken`` (tasks), ``task`` (the one that runs at once), shape
        ``(steals,)``.
    """
    hits = of_kind(events, "steal")
    found = np.empty(len(hits), _STEAL)
    for name, source in (("at", "at"), ("thief", "worker"), ("victim", "other"), ("taken", "count"), ("task", "task")):
        found[name] = hits[source]
    return found


def capacity_of(timeline: bool | int, workers: int) -> int:
    """Events a worker for the argument ``timeline=``; 0 is none.

    Raises:
        TypeError, ValueError: neither a bool nor a number in range.
        FeatureNotEnabled: built without ``TIMELINE``.
    """
    if timeline is False:
        return 0
    if timeline is True:
        capacity = min(_core.TIMELINE_CAPACITY, max(1, _MOST_IN_ALL // workers))
    else:
        capacity = checked_count(timeline, "timeline", low=1, high=_MOST, hint="events a worker; True and False are allowed too")
    check_built("timeline=")
    return capacity


def check_built(what: str) -> None:
    """Raise `FeatureNotEnabled` in a build that writes no timelines."""
    if not _core.FEATURES["timeline"]:
        raise FeatureNotEnabled(f"{what} needs a build with TIMELINE=ON (see features())")


@dataclass(frozen=True)
class Recording:
    """Where a timeline stood when a run began: what comes after that is the run's.

    Attributes:
        timeline: that is being written.
        sizes: of each lane, at that moment.
        dropped: the same.
    """

    timeline: Timeline
    sizes: tuple[int, ...]
    dropped: tuple[int, ...]

    @classmethod
    def begin(cls, handle: Handle) -> Recording | None:
        """Where the timeline stands now; None if none is written.

        On threads an idle runtime starts an empty one, so that each run has the whole room. For that its workers must be at
        rest: one that still moves would write its next events onto the old one.
        """
        native = handle._native
        timeline = _core.timeline_of(native)
        if timeline is None:
            return None
        if not native.simulated and _core.current_world() is None:
            with _renewing, suppress(TimeoutError):
                is_idle = handle.metrics(settled=True, timeout=0.05)["num_alive_tasks"] == 0
                timeline = _core.timeline_of(native) or timeline
                if is_idle and any(_sizes(timeline)):
                    timeline = _core.timeline_on(native, timeline.capacity)
        return cls(timeline, _sizes(timeline), _dropped(timeline))

    @classmethod
    def of_machine(cls, machine: _core.Machine) -> Recording | None:
        """All of a simulated run: its machine writes about nothing else."""
        timeline = _core.timeline_of(machine)
        return None if timeline is None else cls(timeline, (0,) * timeline.lanes, (0,) * timeline.lanes)

    def taken(self, zero: int = 0) -> dict[str, Any]:
        """The fields ``timeline`` and ``timeline_dropped`` of a `Report`; `zero` is the clock's reading at time 0, ns."""
        parts = [self.timeline.events(lane)[size:] for lane, size in enumerate(self.sizes)]
        events = np.empty(sum(map(len, parts)), parts[0].dtype)
        np.concatenate(parts, out=events)
        events["at"] -= zero
        dropped = sum(_dropped(self.timeline)) - sum(self.dropped)
        return {"timeline": events[np.argsort(events["at"], kind="stable")], "timeline_dropped": dropped}


def _sizes(timeline: Timeline) -> tuple[int, ...]:
    return tuple(timeline.size(lane) for lane in range(timeline.lanes))


def _dropped(timeline: Timeline) -> tuple[int, ...]:
    return tuple(timeline.dropped(lane) for lane in range(timeline.lanes))
