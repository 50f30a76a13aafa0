"""What does a trace viewer show of a run? Slices on tracks, instants, arrows between them, and queue depths.

Invariant: whole arrays, times in ns from the first event on; the slices of a track do not overlap. Read next: `_chrome_trace.py` and
`_perfetto.py` (the files), `_polls.py`, `activity.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._polls import Indices, Links, Polls, by_worker
from ._report_figures import events_of, title_of
from .activity import STATES, queue_depths, states
from .timeline import NOBODY, steals

if TYPE_CHECKING:
    from .report import Report

__all__ = ["NAMES", "Trace"]

NAMES = ("poll", "GIL wait", "searching", "parked", "spawn", "wake", "stolen from", "steal")
"""Of slices (the first four) and of instants."""

_OF_STATE = {"gil_wait": "GIL wait", "searching": "searching", "parked": "parked"}

_SLICE = np.dtype([("track", "<i8"), ("begin", "<i8"), ("end", "<i8"), ("name", "u1"), ("task", "<u8"), ("flow", "<u8")])
_MARK = np.dtype([("track", "<i8"), ("at", "<i8"), ("name", "u1"), ("task", "<u8"), ("flow", "<u8"), ("is_inside", "?")])
_COUNT = np.dtype([("queue", "<i8"), ("at", "<i8"), ("depth", "<i8")])


@dataclass(frozen=True, eq=False)
class Trace:
    """One run, as viewers draw it.

    Attributes:
        title: what ran where.
        tracks: their names; one a worker, and the last for what is outside them.
        queues: the names of the counters; one a worker, and the shared queue.
        begin: when the makespan begins, ns after the first event.
        slices: by track in time order; ``flow`` is that of the arrow which ends at its begin, or 0; ``task`` is 0 but for polls.
        marks: instants; ``flow`` is that of the arrow which begins there (of a ``steal``: ends), ``is_inside`` a poll.
        counts: how many tasks lie in a queue from a time on.
    """

    title: str
    tracks: tuple[str, ...]
    queues: tuple[str, ...]
    begin: int
    slices: npt.NDArray[np.void]
    marks: npt.NDArray[np.void]
    counts: npt.NDArray[np.void]

    @classmethod
    def of(cls, report: Report) -> Trace:
        """That of a report with a timeline; ValueError without."""
        events, workers = events_of(report), report.workers
        order, place = by_worker(events)
        first, last = (int(events["at"][0]), int(events["at"][-1])) if len(events) else (0, 0)
        polls = Polls.of(events, order, place, first, last)
        links = Links.of(events, polls, place)
        slices = _slices(report, polls, links, first, last)
        marks = _marks(events, workers, polls, links)
        depths, _ = queue_depths(events, workers)
        counts = np.empty(len(depths), _COUNT)
        for name in _COUNT.names or ():
            counts[name] = depths[name]
        for array, names in ((slices, ("begin", "end")), (marks, ("at",)), (counts, ("at",))):
            for name in names:
                array[name] -= first
        workers_names = tuple(f"worker {worker}" for worker in range(workers))
        queues = (*(f"queue {worker}" for worker in range(workers)), "shared queue")
        return cls(title_of(report), (*workers_names, "outside"), queues, max(0, -first), slices, marks, counts)


def _slices(report: Report, polls: Polls, links: Links, first: int, last: int) -> npt.NDArray[np.void]:
    """Polls, and what workers did between them."""
    events = report.timeline
    done = states(events, report.workers, last, begin=first, is_whole=not report.timeline_dropped)
    done = done[done["state"] != STATES.index("busy")]
    name_of = np.array([NAMES.index(_OF_STATE.get(state, "poll")) for state in STATES], np.uint8)
    slices = np.zeros(len(polls) + len(done), _SLICE)
    own, rest = slices[: len(polls)], slices[len(polls) :]
    own["track"], own["begin"], own["end"], own["task"] = events["worker"][polls.position], polls.begin, polls.end, polls.task
    own["flow"][links.poll] = np.arange(1, len(links) + 1)
    rest["track"], rest["begin"], rest["end"], rest["name"] = done["worker"], done["begin"], done["end"], name_of[done["state"]]
    slices = slices[np.lexsort((slices["end"], slices["begin"], slices["track"]))]
    is_next = slices["track"][1:] == slices["track"][:-1]
    cut = np.where(is_next, np.minimum(slices["end"][:-1], slices["begin"][1:]), slices["end"][:-1])
    slices["end"][:-1] = cut
    return slices


def _marks(events: Any, workers: int, polls: Polls, links: Links) -> npt.NDArray[np.void]:
    """What made tasks ready, and both ends of each steal."""
    hits = steals(events)
    marks = np.zeros(len(links) + 2 * len(hits), _MARK)
    made, victims, thieves = np.split(marks, [len(links), len(links) + len(hits)])
    made["track"] = _track(events["worker"][links.event], workers)
    made["at"], made["task"] = events["at"][links.event], events["task"][links.event]
    made["name"] = np.where(links.is_spawn, NAMES.index("spawn"), NAMES.index("wake"))
    made["flow"], made["is_inside"] = np.arange(1, len(links) + 1), links.inside >= 0
    for part, worker, name in ((victims, "victim", "stolen from"), (thieves, "thief", "steal")):
        part["track"], part["at"], part["task"] = hits[worker], hits["at"], hits["task"]
        part["name"], part["flow"] = NAMES.index(name), np.arange(1, len(hits) + 1) + len(links)
    return marks


def _track(worker: npt.NDArray[np.uint32], workers: int) -> Indices:
    return np.where(worker == NOBODY, workers, worker.astype(np.int64))
