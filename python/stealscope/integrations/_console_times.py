"""How long did each task run, and how long did it wait for a worker? Counted from the timeline, a look at a time, while it is written.

Invariant: an interval is counted in the look in which its end was read, once; what began before the first look, or whose event did not fit,
is left out. Whole arrays at once, but for one step a task. Read next: `_console_tasks.py` (what becomes of it), `_console_histogram.py`.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import _core
from ..timeline import KINDS, NOBODY, capacity_of
from ._console_histogram import bucket_of
from ._console_tasks import Times

__all__ = ["Measured", "TimesBook"]

_BEGIN, _END, _SPAWN, _WAKE = (KINDS[kind] for kind in ("poll_begin", "poll_end", "spawn", "wake"))
_SOURCES_KEPT = 4
"""Timelines that are still read after a fresh one took their place: a worker goes over to it between two polls."""

_NEVER = -(2**62)

_ROW = np.dtype([("task", "<u8"), ("at", "<i8"), ("kind", "u1"), ("running", "?"), ("itself", "?"), ("old", "?")])
_CARRIED = 3
"""Rows of a task that the next look may need: a poll's begin, a wake meanwhile, and its end."""


@dataclass
class Measured:
    """One task's times so far, and its polls and waits by bucket of `_console_histogram`."""

    times: Times = field(default_factory=Times)
    polls: dict[int, int] = field(default_factory=dict)
    waits: dict[int, int] = field(default_factory=dict)


class TimesBook:
    """The times of a runtime's tasks, from the moment it is made until `close`.

    A timeline that the runtime writes already is read and left alone; otherwise one is written meanwhile, a fresh one when it is half full.
    """

    def __init__(self, native: _core.World) -> None:
        self.tasks: dict[int, Measured] = {}
        self._native = native
        self._capacity = capacity_of(True, native.num_workers())
        self._is_ours = _core.timeline_of(native) is None
        if self._is_ours:
            _core.timeline_on(native, self._capacity)
        self._zero = time.monotonic_ns() - native.elapsed()  # the workers read the same clock
        self._sources: list[_Source] = []
        self._carried = np.empty(0, _ROW)
        self._follow(from_now=True)

    def close(self) -> None:
        """Write it no more, if it is ours."""
        if self._is_ours:
            _core.timeline_off(self._native)

    def read(self) -> None:
        """Count what has come since the last time."""
        rows = [source.rows(self._zero) for source in self._sources]
        if self._is_ours and self._sources[-1].fullest > self._capacity // 2:
            _core.timeline_on(self._native, self._capacity)
        self._follow()
        together = np.concatenate([self._carried, *rows])
        together = together[np.lexsort((together["at"], together["task"]))]
        self._count(together)
        self._carried = _last_of_each(together)

    def take_dropped(self) -> int:
        """Events that did not fit since it was asked last."""
        return sum(source.take_dropped() for source in self._sources)

    def keep(self, tasks: Collection[int]) -> None:
        """Forget all other tasks."""
        self.tasks = {task: measured for task, measured in self.tasks.items() if task in tasks}
        self._carried = self._carried[np.isin(self._carried["task"], list(self.tasks))]

    def _follow(self, *, from_now: bool = False) -> None:
        current = _core.timeline_of(self._native)
        if current is not None and not (self._sources and self._sources[-1].is_of(current)):
            self._sources = [*self._sources[1 - _SOURCES_KEPT :], _Source(current, from_now)]

    def _count(self, rows: npt.NDArray[Any]) -> None:
        polls, waits = _polls(rows), _waits(rows)
        fresh = rows[~rows["old"]]
        tasks = np.unique(fresh["task"])
        begins, ends, wakes = (fresh[fresh["kind"] == kind] for kind in (_BEGIN, _END, _WAKE))
        ready = fresh[np.isin(fresh["kind"], [_SPAWN, _WAKE])]
        table = {
            "poll_started": _last_of(tasks, begins),
            "poll_ended": _last_of(tasks, ends),
            "last_wake": _last_of(tasks, ready),
            "busy": _sums(tasks, *polls),
            "scheduled": _sums(tasks, *waits),
            "wakes": _sums(tasks, wakes["task"], np.ones(len(wakes), np.int64)),
            "self_wakes": _sums(tasks, wakes["task"], wakes["itself"].astype(np.int64)),
        }
        for task, values in zip(tasks.tolist(), zip(*(column.tolist() for column in table.values()), strict=True), strict=True):
            measured = self.tasks.setdefault(task, Measured())
            measured.times = _added(measured.times, dict(zip(table, values, strict=True)))
        for (owners, spans), name in ((polls, "polls"), (waits, "waits")):
            pairs, times = np.unique(np.stack([owners.astype(np.int64), bucket_of(spans)]), axis=1, return_counts=True)
            for task, bucket, count in zip(*pairs.tolist(), times.tolist(), strict=True):
                buckets = getattr(self.tasks[task], name)
                buckets[bucket] = buckets.get(bucket, 0) + count


class _Source:
    """A timeline, and how far each of its lanes has been read."""

    def __init__(self, timeline: _core.Timeline, from_now: bool) -> None:
        self.timeline = timeline
        self._sizes = [len(timeline.events(lane)) if from_now else 0 for lane in range(timeline.lanes)]
        self._polled = [0] * timeline.lanes
        self._dropped = 0
        if from_now:
            self.take_dropped()

    def is_of(self, timeline: _core.Timeline) -> bool:
        """Whether it is the same memory; the objects that stand for it come and go."""
        return bool(timeline.events(0).ctypes.data == self.timeline.events(0).ctypes.data)

    @property
    def fullest(self) -> int:
        return max(self._sizes)

    def take_dropped(self) -> int:
        """Events that did not fit since it was asked last."""
        before, self._dropped = self._dropped, sum(self.timeline.dropped(lane) for lane in range(self.timeline.lanes))
        return self._dropped - before

    def rows(self, zero: int) -> npt.NDArray[Any]:
        """What is new, at times from `zero` on; each lane in its own order."""
        return np.concatenate([self._lane(lane, zero) for lane in range(self.timeline.lanes)])

    def _lane(self, lane: int, zero: int) -> npt.NDArray[Any]:
        events = self.timeline.events(lane)[self._sizes[lane] :]
        self._sizes[lane] += len(events)
        events = events[np.isin(events["kind"], [_BEGIN, _END, _SPAWN, _WAKE])]
        rows = np.zeros(len(events), _ROW)
        if not len(rows):
            return rows
        rows["task"], rows["at"], rows["kind"] = events["task"], events["at"] - zero, events["kind"]
        rows["running"] = (events["kind"] == _WAKE) & (events["count"] == 1)
        # Which task the worker was polling at each event: that of the last poll that had begun, maybe in the look before.
        last = np.maximum.accumulate(np.where(events["kind"] == _BEGIN, np.arange(len(events)), -1))
        polled = np.where(last >= 0, events["task"][last], self._polled[lane])
        rows["itself"] = rows["running"] & (polled == events["task"]) & (events["worker"] != NOBODY)
        self._polled[lane] = int(polled[-1])
        return rows


_Spans: TypeAlias = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def _polls(rows: npt.NDArray[Any]) -> _Spans:
    """Task and length of each poll whose end is new; `rows` by task and time, as below."""
    ends = rows[np.isin(rows["kind"], [_BEGIN, _END])]
    before, after = ends[:-1], ends[1:]
    whole = (before["task"] == after["task"]) & (before["kind"] == _BEGIN) & (after["kind"] == _END) & ~after["old"]
    return after["task"][whole], (after["at"] - before["at"])[whole]


def _waits(rows: npt.NDArray[Any]) -> _Spans:
    """Task and length of each wait from ready to poll: from its spawn or wake, or from the poll's end if it was woken in the poll."""
    rows = np.concatenate([np.zeros(1, _ROW), rows])
    first, before, after = rows[:-2], rows[1:-1], rows[2:]
    begins = (after["kind"] == _BEGIN) & ~after["old"] & (before["task"] == after["task"])
    was_ready = (before["kind"] == _SPAWN) | ((before["kind"] == _WAKE) & ~before["running"])
    woken_inside = (before["kind"] == _END) & (first["task"] == before["task"]) & first["running"]
    found = begins & (was_ready | woken_inside)
    return after["task"][found], (after["at"] - before["at"])[found]


def _sums(tasks: npt.NDArray[Any], owners: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    found = np.zeros(len(tasks), np.int64)
    np.add.at(found, np.searchsorted(tasks, owners), values)
    return found


def _last_of(tasks: npt.NDArray[Any], rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """By task the time of its last row, or `_NEVER`."""
    found = np.full(len(tasks), _NEVER, np.int64)
    np.maximum.at(found, np.searchsorted(tasks, rows["task"]), rows["at"])
    return found


def _added(times: Times, more: dict[str, int]) -> Times:
    instants = {name: more[name] for name in ("poll_started", "poll_ended", "last_wake") if more[name] != _NEVER}
    sums = {name: getattr(times, name) + more[name] for name in ("busy", "scheduled", "wakes", "self_wakes")}
    return replace(times, **instants, **sums)


def _last_of_each(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The last rows of each task, marked as counted."""
    is_late = np.ones(len(rows), bool)
    is_late[:-_CARRIED] = rows["task"][:-_CARRIED] != rows["task"][_CARRIED:]
    kept = rows[is_late]
    kept["old"] = True
    return kept
