"""Which polls did a recorded run consist of, which task made which other ready in them, and where can they be cut?

Invariant: whole arrays at once, no loop over events; polls and pieces of polls are numbered, and `position` (an index of the events, in
time order) says when each began. Read next: `_recorded.py` (the task graph made of them), `timeline.py` (the events).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .timeline import KINDS, NOBODY

__all__ = ["Indices", "Links", "Pieces", "Polls", "by_worker", "cut"]

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_BEGINS = [KINDS[kind] for kind in ("poll_begin", "block_end")]  # of a stretch of a task on a worker
_ENDS = [KINDS[kind] for kind in ("poll_end", "block_begin")]
_MAKERS = [KINDS[kind] for kind in ("spawn", "wake")]
_LEAVES_LANE = [KINDS[kind] for kind in ("park", "unpark", "steal_try", "steal")]


def by_worker(events: Any) -> tuple[Indices, Indices]:
    """The events by worker in time order, and the place of each in that."""
    order = np.argsort(events["worker"], kind="stable")
    place = np.empty(len(events), np.int64)
    place[order] = np.arange(len(events))
    return order, place


@dataclass(frozen=True, eq=False)
class Polls:
    """The polls of a run, by worker in time order; what `block_in_place` cuts in two counts as two.

    Attributes:
        task: their tasks' ids.
        begin, end: ns, within the makespan.
        position: the event with which each begins.
        first, last: the places of that event and of the one after its last, among those of its worker (`Run.place`).
        goes_on: it is the rest of a poll that had been in `block_in_place`.
        is_whole: its end is on the timeline.
        is_in_lane: it had the GIL.
    """

    task: npt.NDArray[np.uint64]
    begin: Indices
    end: Indices
    position: Indices
    first: Indices
    last: Indices
    goes_on: Flags
    is_whole: Flags
    is_in_lane: Flags

    @classmethod
    def of(cls, events: Any, order: Indices, place: Indices, begin: int, end: int) -> Polls:
        """Those between two times, ns; `order` and `place` as `by_worker` gives them."""
        at = order[np.isin(events["kind"][order], _BEGINS + _ENDS) & (events["worker"][order] != NOBODY)]
        is_begin = np.isin(events["kind"][at], _BEGINS)
        task, worker, time = events["task"][at], events["worker"][at], events["at"][at]
        begins = np.flatnonzero(is_begin)
        after = np.minimum(begins + 1, max(0, len(at) - 1))
        is_same_worker = (worker[after] == worker[begins]) & (after > begins)
        lane_end = np.searchsorted(events["worker"][order], worker[begins], side="right")
        found = cls(
            task=task[begins],
            begin=np.clip(time[begins], begin, end),
            end=np.clip(np.where(is_same_worker, time[after], end), begin, end),
            position=at[begins],
            first=place[at[begins]],
            last=np.where(is_same_worker, place[at[after]], lane_end),
            goes_on=events["kind"][at[begins]] == KINDS["block_end"],
            is_whole=is_same_worker & ~is_begin[after] & (task[after] == task[begins]),
            is_in_lane=_in_lane(events, order)[place[at[begins]]],
        )
        return found[time[begins] <= end]

    def __getitem__(self, chosen: Any) -> Polls:
        return Polls(**{entry.name: getattr(self, entry.name)[chosen] for entry in fields(self)})

    def __len__(self) -> int:
        return len(self.task)

    @cached_property
    def by_task(self) -> Indices:
        """Their numbers, by task in time order."""
        return np.lexsort((self.position, self.task))

    @cached_property
    def chain(self) -> tuple[Indices, Indices]:
        """Each poll that has a next one of its task, and that one."""
        before, after = self.by_task[:-1], self.by_task[1:]
        is_same = self.task[before] == self.task[after]
        return before[is_same], after[is_same]

    @cached_property
    def is_final(self) -> Flags:
        """Its task's last one."""
        final = np.ones(len(self), bool)
        final[self.chain[0]] = False
        return final


def _in_lane(events: Any, order: Indices) -> Flags:
    """For each event by worker: its worker has waited for a lane, and has not left it since, as far as events tell."""
    kind, worker = events["kind"][order], events["worker"][order]
    enters = kind == KINDS["lane_wait"]
    changes = enters | np.isin(kind, _LEAVES_LANE) | np.append(True, worker[1:] != worker[:-1])[: len(worker)]
    latest = np.maximum.accumulate(np.where(changes, np.arange(len(kind)), 0))
    in_lane: Flags = enters[latest]
    return in_lane


@dataclass(frozen=True, eq=False)
class Links:
    """What made a task ready, and the poll that follows from it; one element each.

    Attributes:
        event: the spawn or wake, an index of the events.
        inside: the poll in which it was, or -1: by the scheduler (timers, yields) or from outside the workers.
        poll: which follows.
        is_spawn: else a wake.
    """

    event: Indices
    inside: Indices
    poll: Indices
    is_spawn: Flags

    @classmethod
    def of(cls, events: Any, polls: Polls, place: Indices) -> Links:
        """Those between `polls`; who wakes itself is left out."""
        poll_at = np.full(len(events), -1, np.int64)
        fresh = np.flatnonzero(~polls.goes_on)
        poll_at[polls.position[fresh]] = fresh
        told = np.flatnonzero(np.isin(events["kind"], _MAKERS) | (poll_at >= 0))
        told = told[np.argsort(events["task"][told], kind="stable")]
        # A task is never in two queues: what makes it ready and its polls take turns.
        event, poll = told[:-1], poll_at[told[1:]]
        fits = (poll_at[event] < 0) & (poll >= 0) & (events["task"][event] == events["task"][told[1:]])
        event, poll = event[fits], poll[fits]
        order = np.argsort(polls.first)
        inside = order[np.maximum(np.searchsorted(polls.first[order], place[event], side="right") - 1, 0)]
        is_inside = (events["worker"][event] != NOBODY) & (polls.first[inside] < place[event])
        is_inside &= place[event] < polls.last[inside]
        itself = is_inside & (polls.task[inside] == polls.task[poll])
        found = cls(event, np.where(is_inside, inside, -1), poll, events["kind"][event] == KINDS["spawn"])
        return found[~itself]

    def __getitem__(self, chosen: Any) -> Links:
        return Links(self.event[chosen], self.inside[chosen], self.poll[chosen], self.is_spawn[chosen])

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Polls, cut where they made others ready.

    Attributes:
        poll: of which each is a piece, ascending.
        begin, end: ns.
        position: as in `Polls`; of a later piece the event at the cut.
        first: of each poll, its first piece; one element more than polls.
        of_link: of each link that is inside a poll, the piece at whose end the other task is ready.
    """

    poll: Indices
    begin: Indices
    end: Indices
    position: Indices
    first: Indices
    of_link: Indices


def cut(events: Any, polls: Polls, links: Links, grain: int) -> Pieces:
    """Cut `polls` where `links` (all inside, by poll and time) are, at most once in `grain` ns.

    What is made ready shortly before a cut, or less than `grain` before the poll's end, is ready only then: late by `grain` at most.
    """
    at = np.clip(events["at"][links.event], polls.begin[links.inside], polls.end[links.inside])
    is_near_end = polls.end[links.inside] - at <= grain
    part = (at - polls.begin[links.inside]) // max(grain, 1)
    differs = (links.inside[1:] != links.inside[:-1]) | (part[1:] != part[:-1]) | is_near_end[1:]
    is_cut = np.append(differs, True)[: len(at)] & ~is_near_end
    cuts = np.bincount(links.inside[is_cut], minlength=len(polls))
    first = np.concatenate([[0], np.cumsum(cuts + 1)])
    poll = np.repeat(np.arange(len(polls)), cuts + 1)
    earlier = np.cumsum(is_cut) - is_cut  # cuts before a link, in all polls
    of_link = links.inside + earlier  # each poll before adds one piece more than it has cuts
    begin, position = polls.begin[poll], polls.position[poll]
    later = np.ones(len(poll), bool)
    later[first[:-1]] = False
    begin[later], position[later] = at[is_cut], links.event[is_cut]
    end = np.append(begin[1:], 0)[: len(begin)]
    end[first[1:] - 1] = polls.end
    return Pieces(poll, begin, end, position, first, of_link)
