"""What did each worker do at each moment, where did tasks wait, and for how long? Worked out from a timeline's events.

Invariant: whole arrays at once, no loop over events; what the events do not say is left out or said, never guessed. Read next:
`timeline.py` (the events), `_report_figures.py` (the figures made of this).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .timeline import KINDS, NOBODY, Events, of_kind

__all__ = ["STATES", "latencies", "queue_depths", "states"]

STATES = ("busy", "gil_wait", "searching", "parked")
"""What a worker does: runs tasks and looks at its own queues; waits for a lane, such as the GIL; looks for work elsewhere; sleeps."""

_BUSY, _GIL_WAIT, _SEARCHING, _PARKED = range(4)
_BY_NEXT = 255
_WAIT_BEGINS = len(KINDS)

_STATE = np.dtype([("worker", "<u4"), ("begin", "<i8"), ("end", "<i8"), ("state", "u1")])
_LATENCY = np.dtype([("ready", "<i8"), ("begin", "<i8"), ("task", "<u8"), ("worker", "<u4")])
_DEPTH = np.dtype([("queue", "<u4"), ("at", "<i8"), ("depth", "<i8")])


def _by_kind(default: int, **states: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    table = np.full(len(KINDS) + 1, default, np.uint8)
    for name, kinds in states.items():
        table[[KINDS[kind] for kind in kinds]] = STATES.index(name)
    return table


_TELLING = (
    "poll_begin",
    "poll_end",
    "steal_try",
    "steal",
    "park",
    "unpark",
    "inject_pop",
    "block_begin",
    "block_end",
    "lane_wait",
)
_TELLS = np.isin(np.arange(len(KINDS)), [KINDS[kind] for kind in _TELLING])
# After such an event, whatever comes next; after the others the next one tells what the worker was about.
_AFTER = _by_kind(
    _BY_NEXT, busy=("poll_begin", "block_end", "steal", "inject_pop", "lane_wait"), searching=("steal_try",), parked=("park",)
)
_AFTER[_WAIT_BEGINS] = _GIL_WAIT
_BEFORE = _by_kind(_BUSY, searching=("steal", "steal_try", "park"), parked=("unpark",))


def states(events: Events, workers: int, end: int, *, begin: int = 0, is_whole: bool = True) -> npt.NDArray[np.void]:
    """What each worker does from `begin` to `end`.

    Args:
        events: all of the run, in time order.
        workers: how many.
        begin: from when on, ns.
        end: up to when, ns.
        is_whole: False if events were dropped: then nothing is said of the time after a worker's last one.

    Returns:
        ``worker``, ``begin`` and ``end`` (int64, ns), ``state`` (an index of `STATES`), by worker in time order, shape
        ``(intervals,)``; two that follow each other differ in state. Busy and waiting for a lane together are what the metric
        ``busy_duration_total`` counts, but for the short looks at a worker's own empty queue and its upkeep.
    """
    told = np.flatnonzero(_TELLS[events["kind"]] & (events["worker"] < workers))
    waits = of_kind(events, "lane_wait")
    waits = waits[(waits["worker"] < workers) & (waits["count"] > 0)]
    first = min(begin, int(events["at"][0])) if len(events) else begin
    # Sixteen bits, which every worker's index fits in, are sorted many times as fast as more.
    worker = np.concatenate([np.arange(workers), events["worker"][told], waits["worker"]]).astype(np.uint16)
    at = np.concatenate([np.full(workers, first), events["at"][told], waits["at"] - waits["count"]])
    kind = np.concatenate([np.zeros(workers, np.uint8), events["kind"][told], np.full(len(waits), _WAIT_BEGINS, np.uint8)])
    order = np.lexsort((at, worker))  # stable, so each worker's begin comes first
    worker, at, kind = worker[order], at[order], kind[order]
    is_last = np.append(worker[1:] != worker[:-1], True)
    ends = np.where(is_last, end if is_whole else at, np.roll(at, -1))
    state = np.where(_AFTER[kind] == _BY_NEXT, _BEFORE[np.roll(kind, -1)], _AFTER[kind])
    idle = np.where(kind == KINDS["none"], _PARKED, _SEARCHING)  # no event at all: it has slept; a last poll: nothing left to do
    state = np.where(is_last & (_AFTER[kind] == _BY_NEXT), idle, state)
    found = np.empty(len(at), _STATE)
    found["worker"], found["state"] = worker, state
    found["begin"], found["end"] = np.clip(at, begin, end), np.clip(ends, begin, end)
    return _joined(found[found["begin"] < found["end"]])


def _joined(parts: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Neighbours in the same state become one."""
    if not len(parts):
        return parts
    changes = (np.diff(parts["worker"].astype(np.int64)) != 0) | (np.diff(parts["state"].astype(np.int16)) != 0)
    starts = np.flatnonzero(np.append(True, changes))
    joined = parts[starts]
    joined["end"] = parts["end"][np.append(starts[1:], len(parts)) - 1]
    return joined


def latencies(events: Events) -> npt.NDArray[np.void]:
    """How long tasks were ready before each of their polls.

    Returns:
        ``ready`` (spawned, or woken) and ``begin`` of the poll (int64, ns), ``task``, ``worker`` (that polls), in the order of
        tasks and polls, shape ``(polls,)``. A poll whose spawn or wake is not in `events` is left out.
    """
    made = of_kind(events, "spawn", "wake")
    polls = of_kind(events, "poll_begin")
    made, polls = made[np.lexsort((made["at"], made["task"]))], polls[np.lexsort((polls["at"], polls["task"]))]
    # A task's n-th poll belongs to the n-th time that it became ready: it is never in two queues.
    number = np.arange(len(polls)) - np.searchsorted(polls["task"], polls["task"])
    partner = np.searchsorted(made["task"], polls["task"]) + number
    is_there = partner < np.searchsorted(made["task"], polls["task"], side="right")
    polls, partner = polls[is_there], partner[is_there]
    found = np.empty(len(polls), _LATENCY)
    found["ready"], found["begin"] = made["at"][partner], polls["at"]
    found["task"], found["worker"] = polls["task"], polls["worker"]
    return found[found["ready"] <= found["begin"]]


def queue_depths(events: Events, workers: int) -> tuple[npt.NDArray[np.void], bool]:
    """How many ready tasks lie where, whenever that changes.

    Returns:
        ``queue`` (a worker's index, or `workers` for the shared queue), ``at`` (int64, ns) and ``depth`` from then on, by queue
        in time order, shape ``(changes,)``; and whether each task is counted in the queue where it lay. It is not where tasks
        were sent to the mailboxes of workers, which no event tells: then it is counted at the worker that polls it next.

    In a simulation a step takes effect at its begin and is paid for as it goes, so a task may be stolen before the time of its
    spawn: meanwhile a depth shows 0.
    """
    places = _places(events, workers)
    final = np.bincount(places[0], places[2], workers + 1)
    is_exact = bool(np.all(final >= 0))
    if not is_exact:
        waits = latencies(events)
        worker = waits["worker"].astype(np.int64)
        change = np.repeat([1, -1], len(waits))
        places = np.tile(worker, 2), np.concatenate([waits["ready"], waits["begin"]]), change
    queue, at, change = places
    order = np.lexsort((at, queue.astype(np.uint16)))  # as above
    found = np.empty(len(order), _DEPTH)
    found["queue"], found["at"] = queue[order], at[order]
    depth = np.cumsum(change[order])
    starts = np.searchsorted(found["queue"], found["queue"])
    found["depth"] = np.maximum(depth - np.where(starts > 0, depth[starts - 1], 0), 0)
    return found, is_exact


def _places(events: Events, workers: int) -> tuple[npt.NDArray[Any], ...]:
    """Queue, time and change of each move of tasks between places: queues of workers, the shared one, in a poll."""
    inject = workers
    moves = []
    for kind, sign, amount in (
        ("spawn", 1, 1),
        ("wake", 1, 1),
        ("poll_begin", -1, 1),
        ("inject_push", -1, 0),
        ("inject_pop", 1, 0),
    ):
        own = of_kind(events, kind)
        size = np.full(len(own), amount) if amount else own["count"].astype(np.int64)
        inside = own["worker"] != NOBODY
        moves.append((own["worker"][inside].astype(np.int64), own["at"][inside], sign * size[inside]))
        if not amount:
            moves.append((np.full(len(own), inject), own["at"], -sign * size))
    hits = of_kind(events, "steal")
    taken = hits["count"].astype(np.int64)
    moves += [(hits["worker"].astype(np.int64), hits["at"], taken), (hits["other"].astype(np.int64), hits["at"], -taken)]
    return tuple(np.concatenate(parts) for parts in zip(*moves, strict=True))
