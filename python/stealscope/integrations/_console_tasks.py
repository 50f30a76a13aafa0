"""What is said of each task from one look to the next? A dump has states and counts; tokio-console reads states out of times.

It takes a task for running if its last poll began after the last one ended, for scheduled if it was woken after that, and for idle
otherwise. Invariant: what it reads out is the state of the dump; a time that nobody measured is left out, or, where the state needs
one, it is the first look at which the task was seen so, so that durations are too short, never too long. Read next: `_console_wire.py`
(the messages), `tokio_console.py` (who takes the looks).
"""

from __future__ import annotations

from collections.abc import KeysView, Mapping
from dataclasses import dataclass, replace

from ..dump import Dump, TaskTrace

__all__ = ["KnownTask", "Stats", "TaskBook", "Times"]

_LOOKS_KEPT = 60
"""For so many looks one that has ended is told to those who read slowly; then it is forgotten."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """What a timeline adds about one task; ns on the scale of `elapsed`, or durations in ns."""

    poll_started: int | None = None
    poll_ended: int | None = None
    last_wake: int | None = None
    busy: int = 0
    scheduled: int = 0
    wakes: int = 0
    self_wakes: int = 0


@dataclass(frozen=True, kw_only=True)
class Stats(Times):
    """All that is said about one task and may change."""

    created: int
    dropped: int | None = None
    polls: int = 0
    wakers: int = 0

    @property
    def is_running(self) -> bool:
        """Whether its last poll goes on, as tokio-console sees it."""
        return self.poll_started is not None and (self.poll_ended is None or self.poll_started > self.poll_ended)

    @property
    def is_woken(self) -> bool:
        """Whether it was woken since its last poll began, as tokio-console sees it."""
        return self.last_wake is not None and (self.poll_started is None or self.last_wake > self.poll_started)


@dataclass
class KnownTask:
    """A task that was seen.

    Attributes:
        trace: the dump's entry of the last look.
        times: what was measured then.
        stats: what is said of it.
        born, changed: the looks at which it, and what is said of it, were new.
    """

    trace: TaskTrace
    times: Times
    stats: Stats
    born: int
    changed: int


class TaskBook:
    """Every task that was seen since the first look, with what changed when.

    Attributes:
        look: the number of the last one, from 1; 0 before it.
        at: when that was, ns on the scale of `elapsed`.
    """

    def __init__(self) -> None:
        self.look = 0
        self.at = 0
        self._known: dict[int, KnownTask] = {}

    @property
    def tasks(self) -> KeysView[int]:
        """The ids of those that are not forgotten."""
        return self._known.keys()

    def add(self, dump: Dump, times: Mapping[int, Times] | None = None) -> None:
        """One look; `times` by task, if they are measured."""
        self.look += 1
        self.at = dump.at
        measured = times or {}
        seen = set()
        for trace in dump:
            seen.add(trace.id)
            known, now = self._known.get(trace.id), measured.get(trace.id, _NOTHING)
            if known is None:
                self._known[trace.id] = KnownTask(trace, now, _stats(trace, None, dump.at, now), self.look, self.look)
            elif not (_rests(trace) and _rests(known.trace) and trace.polls == known.trace.polls and now is known.times):
                stats = _stats(trace, known.stats, dump.at, now)
                known.changed = known.changed if stats == known.stats else self.look
                known.trace, known.times, known.stats = trace, now, stats
        for number, known in list(self._known.items()):
            if known.stats.dropped is not None:
                if self.look - known.changed >= _LOOKS_KEPT:
                    del self._known[number]
            elif number not in seen:
                known.stats, known.changed = _ended(known.stats, dump.at, measured.get(number, _NOTHING)), self.look

    def since(self, look: int) -> list[KnownTask]:
        """What is new or has changed after a look; all of it after 0."""
        return [known for known in self._known.values() if known.changed > look]


_NOTHING = Times()


def _rests(trace: TaskTrace) -> bool:
    return trace.state == "idle"


def _stats(trace: TaskTrace, before: Stats | None, at: int, times: Times) -> Stats:
    created = at - trace.age if before is None else before.created
    stats = Stats(**vars(times), created=created, polls=trace.polls)
    same = before if before is not None and before.polls == trace.polls else None  # no poll has begun since the look before
    if trace.state == "running" or (trace.state == "blocking" and trace.polls > 0):
        seen = same.poll_started if same is not None and same.is_running else None
        began = _first(trace.in_poll_since, seen, at)
        return replace(stats, poll_started=began, poll_ended=None, last_wake=_earlier(stats.last_wake, began))
    stats = replace(stats, poll_ended=_latest(stats.poll_started, stats.poll_ended))
    if trace.state == "idle":
        # Whatever will wake it holds it. That is not counted, but "by none" would be a warning: a task that never wakes again.
        return replace(stats, last_wake=_earlier(stats.last_wake, stats.poll_started), wakers=1)
    if stats.is_woken:
        return stats
    seen = same.last_wake if same is not None and same.is_woken else None
    woken = created if trace.polls == 0 else _first(seen, at)
    return replace(stats, last_wake=woken if stats.poll_started is None else max(woken, stats.poll_started + 1))


def _ended(last: Stats, at: int, times: Times) -> Stats:
    measured = {name: value for name, value in vars(times).items() if value}
    return replace(last, **measured, dropped=at, wakers=0)


def _first(*times: int | None) -> int:
    return next(time for time in times if time is not None)


def _earlier(wake: int | None, began: int | None) -> int | None:
    """A wake that may not look as if it came after the poll began; the clocks of both are read one after the other."""
    return None if wake is None or began is None else min(wake, began)


def _latest(*times: int | None) -> int | None:
    return max((time for time in times if time is not None), default=None)
