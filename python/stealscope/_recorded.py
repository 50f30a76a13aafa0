"""What work did a recorded run consist of, and which part had to wait for which? A task graph, from a timeline.

A node is a poll, or a piece of one. Edges lead from piece to piece of a poll; from a task's poll to its next; from where a task was
spawned or woken to the poll that follows; from children to the poll in which their parent had joined them; and between polls that
exclude each other (the GIL).

Invariant: nodes are numbered by when they began, and every edge points forward; what the events do not tell is said in `notes`, never
guessed. Read next: `_polls.py` (polls and pieces), `prediction.py`, `graph.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ._polls import Indices, Links, Pieces, Polls, by_worker, cut
from ._report_figures import events_of
from .graph import TaskGraph
from .timeline import KINDS, NOBODY
from .units import format_ns, seconds_to_ns

if TYPE_CHECKING:
    from .report import Report

__all__ = ["Joins", "Recorded", "recorded"]

Joins = Literal["children", "wakes"]

_Edges = tuple[Indices, Indices]
_MOST_NAMES = 100_000
_SHORT = 0.95  # of the declared span; recorded tasks take a little longer than declared, not shorter
_ABOUT_GIL = "Python polls run one after the other, as the GIL has it; pass gil=False for code that releases it, such as NumPy's"


@dataclass(frozen=True)
class Recorded:
    """What a timeline tells.

    Attributes:
        graph: costs in ns.
        spawns, wakes: how many of each node's successors it has spawned, and woken.
        notes: what the graph lacks or supposes, a sentence each.
    """

    graph: TaskGraph
    spawns: Indices
    wakes: Indices
    notes: tuple[str, ...]


def recorded(report: Report, *, grain: float = 1e-6, joins: Joins = "children", gil: bool | None = None) -> Recorded:
    """The task graph of a run; arguments and errors are those of `Report.to_workload`."""
    if joins not in ("children", "wakes"):
        raise ValueError(f"joins={joins!r}; need 'children' or 'wakes'")
    if "structured=True" in report.workload:
        raise ValueError(
            f"{report.workload}: a branch of a structured workload is a task only if another worker took it, so a recording shows no "
            "graph of its calls; record it with structured=False, or simulate the workload itself"
        )
    events = events_of(report)
    if report.timeline_dropped:
        raise ValueError(
            f"{report.timeline_dropped:,} events of this run found no room, so tasks and their order are not known; record it again "
            "with more room (timeline=N events a worker), or a shorter part of it"
        )
    places = by_worker(events)
    begin = _begin_of(report)
    polls = Polls.of(events, *places, begin, begin + report.makespan)
    if not len(polls):
        raise ValueError("the timeline holds no poll: nothing ran while it was written")
    links = Links.of(events, polls, places[1])
    inside = links[links.inside >= 0]
    inside = inside[np.lexsort((inside.event, inside.inside))]
    pieces = cut(events, polls, inside, seconds_to_ns(grain, "grain"))
    cost = pieces.end - pieces.begin
    edges = [_chain(polls, pieces), (pieces.of_link, pieces.first[inside.poll])]
    if joins == "children":
        edges.append(_ends_to(polls, pieces, *_joined(polls, inside)))
    notes = list(_notes(report, polls, links, *places))
    if polls.is_in_lane.any() and (report.engine == "threads" if gil is None else gil):
        edges.append(_one_by_one(polls, pieces, cost))
        notes += [_ABOUT_GIL] if gil is None else []
    order = np.argsort(pieces.position)
    spawns, wakes = (
        np.bincount(pieces.of_link[chosen], minlength=len(order))[order] for chosen in (inside.is_spawn, ~inside.is_spawn)
    )
    graph = _graph(polls, pieces, order, cost, edges)
    if report.span is not None and graph.span < _SHORT * report.span:
        notes.append(
            f"the recorded chain ({format_ns(graph.span)}) is shorter than the workload's own ({format_ns(report.span)}): some waits "
            "left no event, and predictions are too short; simulate the workload itself"
        )
    return Recorded(graph, spawns, wakes, tuple(notes))


def _begin_of(report: Report) -> int:
    """When the makespan begins, ns: on threads at 0, in a simulation with the first poll."""
    begins = np.flatnonzero(report.timeline["kind"] == KINDS["poll_begin"])
    return int(report.timeline["at"][begins[0]]) if report.engine == "sim" and len(begins) else 0


def _chain(polls: Polls, pieces: Pieces) -> _Edges:
    """From piece to piece of a poll, and from poll to poll of a task."""
    inner = np.flatnonzero(pieces.poll[1:] == pieces.poll[:-1])
    sources, targets = _ends_to(polls, pieces, *polls.chain)
    return np.concatenate([inner, sources]), np.concatenate([inner + 1, targets])


def _ends_to(polls: Polls, pieces: Pieces, before: Indices, after: Indices) -> _Edges:
    """From the last piece of some polls to the first of others."""
    return pieces.first[before + 1] - 1, pieces.first[after]


def _joined(polls: Polls, links: Links) -> _Edges:
    """The last polls of children, and the poll of their parent that had joined them.

    A poll joins if a child's last poll woke it. Then it has waited for every child that had ended by then and was not joined before:
    a wait for what has ended already leaves no event.
    """
    spawns = links[links.is_spawn]
    final = np.zeros(len(polls), np.int64)  # of each poll, its task's last
    final[polls.by_task[::-1]] = _latest(polls.is_final[polls.by_task[::-1]], polls.by_task[::-1])
    child, parent = final[spawns.poll], polls.task[spawns.inside]
    parent_of = np.zeros(len(polls), np.uint64)
    parent_of[child] = parent
    wakes = links[~links.is_spawn]
    is_join = polls.is_final[wakes.inside] & (parent_of[wakes.inside] == polls.task[wakes.poll])
    joining = np.unique(wakes.poll[is_join])
    task = np.concatenate([parent, polls.task[joining]])
    time = np.concatenate([polls.end[child], polls.begin[joining]])
    poll, joins = np.concatenate([child, joining]), np.repeat([False, True], [len(child), len(joining)])
    order = np.lexsort((joins, time, task))[::-1]  # backwards, so that the latest is the next join
    next_join = _latest(joins[order], order)
    is_known = ~joins[order] & (next_join >= 0)
    is_known[is_known] = task[order[is_known]] == task[next_join[is_known]]
    return poll[order[is_known]], poll[next_join[is_known]]


def _latest(chosen: npt.NDArray[np.bool_], values: Indices) -> Indices:
    """Of each element, the value at the latest chosen one up to it; -1 before the first."""
    latest = np.maximum.accumulate(np.where(chosen, np.arange(len(chosen)), -1)) if len(chosen) else np.empty(0, np.int64)
    return np.where(latest >= 0, values[latest], -1)


def _one_by_one(polls: Polls, pieces: Pieces, cost: Indices) -> _Edges:
    """From each piece with the GIL to the next; of a time in which several polls had it by turns, each keeps in `cost` what it adds."""
    own = np.flatnonzero(polls.is_in_lane[pieces.poll])
    own = own[np.argsort(pieces.position[own])]
    begin, end = pieces.begin[own], np.maximum.accumulate(pieces.end[own])
    cost[own] = np.maximum(end - np.maximum(begin, np.append(begin[:1], end[:-1])), 0)
    return own[:-1], own[1:]


def _graph(polls: Polls, pieces: Pieces, order: Indices, cost: Indices, edges: list[_Edges]) -> TaskGraph:
    """Nodes by when they began; of what a node makes ready, the rest of its own poll comes last: it goes on at once."""
    count = len(order)
    number = np.empty(count, np.int64)
    number[order] = np.arange(count)
    source = number[np.concatenate([sources for sources, _ in edges])]
    target = number[np.concatenate([targets for _, targets in edges])]
    keys = np.unique(source * count + target)
    source, target = keys // count, keys % count
    forward = source < target  # on threads two clock readings may disagree by some ns
    source, target = source[forward], target[forward]
    is_rest = pieces.poll[order[source]] == pieces.poll[order[target]]
    ranked = np.lexsort((target, is_rest, source))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=count))])
    names = tuple(_names(polls, pieces, order)) if count <= _MOST_NAMES else ()
    return TaskGraph(indptr, target[ranked], cost[order], names)


def _names(polls: Polls, pieces: Pieces, order: Indices) -> Iterator[str]:
    """Such as ``task 7, poll 2``, and ``task 7, poll 2 b`` for its second piece."""
    rank = np.empty(len(polls), np.int64)
    rank[polls.by_task] = np.arange(len(polls))
    start = np.empty(len(polls), np.int64)
    heads = np.append(True, polls.task[polls.by_task][1:] != polls.task[polls.by_task][:-1])
    start[polls.by_task] = _latest(heads, np.arange(len(polls)))
    poll = pieces.poll[order]
    parts = zip(polls.task[poll].tolist(), (rank - start)[poll].tolist(), (order - pieces.first[poll]).tolist(), strict=True)
    return (f"task {task}, poll {turn + 1}{f'.{piece + 1}' if piece else ''}" for task, turn, piece in parts)


def _notes(report: Report, polls: Polls, links: Links, order: Indices, place: Indices) -> Iterator[str]:
    events = report.timeline
    alone = links[links.inside < 0]
    before = np.full(len(polls), -1, np.int64)
    before[polls.chain[1]] = polls.chain[0]
    previous = before[alone.poll]
    wait = np.where(previous >= 0, events["at"][alone.event] - polls.end[previous], 0)
    outside = events["worker"][alone.event] == NOBODY
    kind = events["kind"][order]
    following = _latest(kind[::-1] != KINDS["wake"], np.arange(len(kind))[::-1])[::-1]  # the next event but wakes
    timed = ~outside & ~alone.is_spawn & (kind[following[place[alone.event]]] == KINDS["timers"])
    for chosen, what in ((timed, "for a timer"), (outside & ~alone.is_spawn, "for something outside the workers")):
        if chosen.any():
            count = int(np.count_nonzero(chosen))
            waits = "1 wait" if count == 1 else f"{count:,} waits"
            yield f"{waits} {what} ({format_ns(int(wait[chosen].sum()))} in all) take{'s' if count == 1 else ''} no time here"
    if (late := int(np.count_nonzero(outside & alone.is_spawn)) - 1) > 0:
        yield f"{late + 1:,} tasks were spawned from outside the workers; here all are ready at the begin"
    if cut_off := int(np.count_nonzero(~polls.is_whole & (polls.end < polls.end.max()))):
        yield f"{cut_off:,} polls have no end on the timeline; they count up to the next thing that their worker did"
    if blocked := int(np.count_nonzero(events["kind"] == KINDS["block_begin"])):
        yield f"{blocked:,} times a task blocked in place; here that takes no time"
    if not report.exclusive:
        yield "other tasks ran meanwhile, and are part of it"
