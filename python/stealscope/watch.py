"""What do the workers do right now? A view of a runtime that is drawn anew every half second while it runs.

Invariant: a view is two snapshots of published metrics, taken on a thread of the watch's own: no worker waits for it, and the
thread ends with the block, with `Watch.stop`, or with the runtime. Read next: `_watch_screens.py` (where a view is drawn),
`_rates.py` (the figures), `runtime.py` (`Runtime.watch`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

from . import _html
from ._metrics_tables import doing
from ._rates import Rates
from .handle import Handle
from .tables import bar, table
from .units import format_ns, seconds_to_ns

__all__ = ["LiveView", "SlowPoll", "Watch"]

_log = logging.getLogger("stealscope.watch")
_OPEN_ROWS = 32
_EVENTS = ("polls", "steals", "parks")

WORKER_HEADS = ("worker", "now", "busy", "share", "queue", "polls/s", "steals/s", "parks/s")

Screen = AbstractContextManager[Callable[["LiveView"], object]]


@dataclass(frozen=True)
class SlowPoll:
    """A poll that goes on and has lasted for long: `worker`, `task` (its id), and `lasted`, ns so far."""

    worker: int
    task: int
    lasted: int


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveView:
    """A runtime between two looks.

    Attributes:
        elapsed: since the runtime's start, ns.
        interval: since the look before, ns; rates are means over it.
        alive: tasks that have not ended.
        queued: tasks in the workers' queues; `shared`: those in the queue of all.
        blocking: jobs of the blocking pool that no thread has begun; None in a build that does not count them.
        rates: by ``"spawns"``, ``"polls"``, ``"steals"``, ``"parks"``: events a second; None in such a build.
        workers: one dict a worker: ``now`` (what it does), ``busy`` (share of the interval, 0 to 1; what is published late shows
            in the interval in which it is), ``queue``, and ``polls``, ``steals``, ``parks`` a second.
        slow: polls that go on and have lasted for long.
        ended: the runtime is closed: this is the last view.
    """

    elapsed: int
    interval: int
    alive: int
    queued: int
    shared: int
    blocking: int | None
    rates: Mapping[str, float | None]
    workers: tuple[Mapping[str, Any], ...]
    slow: tuple[SlowPoll, ...]
    ended: bool

    @property
    def busy(self) -> float | None:
        """Mean share of the interval that the workers were busy; None in a build that does not measure it."""
        shares = [worker["busy"] for worker in self.workers]
        return None if None in shares else sum(shares) / len(shares)

    def to_dict(self) -> dict[str, Any]:
        """All fields, JSON-serialisable."""
        return asdict(self)

    @property
    def line(self) -> str:
        """The runtime as a whole, on one line."""
        busy = "" if self.busy is None else f"busy {self.busy:4.0%} of {len(self.workers)}"
        rates = [f"{rate:,.0f} {name}/s" for name, rate in self.rates.items() if rate is not None and name != "parks"]
        waiting = f"queued {self.queued:,} + {self.shared:,} shared" + (f" + {self.blocking:,} blocking" if self.blocking else "")
        state = "ended" if self.ended else ""
        parts = [f"{format_ns(self.elapsed):>7}", busy, f"{self.alive:,} alive", waiting, *rates, self.slow_text, state]
        return "  ".join(filter(None, parts))

    @property
    def slow_text(self) -> str:
        """The slow polls, or nothing."""
        polls = (f"worker {poll.worker} in task {poll.task} for {format_ns(poll.lasted)}" for poll in self.slow)
        return f"slow: {', '.join(polls)}" if self.slow else ""

    def rows(self) -> list[tuple[object, ...]]:
        """One a worker, with the columns of ``WORKER_HEADS``."""
        return [
            (
                index,
                worker["now"],
                None if worker["busy"] is None else f"{worker['busy']:.0%}",
                worker["busy"],
                worker["queue"],
                *(None if worker[name] is None else round(worker[name]) for name in ("polls", "steals", "parks")),
            )
            for index, worker in enumerate(self.workers)
        ]

    def __str__(self) -> str:
        rows = [
            (index, now, percent, bar(share, 10) if isinstance(share, float) else None, *rest)
            for index, now, percent, share, *rest in self.rows()
        ]
        return f"{self.line}\n\n{table(WORKER_HEADS, rows)}"

    def __repr__(self) -> str:
        return f"<LiveView {self.line.strip()}>"

    def _repr_html_(self) -> str:
        workers = _html.table(WORKER_HEADS, self.rows(), drawn=("share",))
        return _html.section(self.line, workers, is_open=len(self.workers) <= _OPEN_ROWS)

    @classmethod
    def between(cls, before: Mapping[str, Any], after: Mapping[str, Any], *, slow: float = 0.1, ended: bool = False) -> LiveView:
        """The view of two results of `Handle.metrics()` of one runtime; `slow` in seconds."""
        limit, found = seconds_to_ns(slow, "slow"), Rates.between(before, after)
        polls = [
            SlowPoll(index, worker["task"], worker["polled_for"])
            for index, worker in enumerate(found.workers)
            if worker["task"] is not None and worker["polled_for"] is not None
        ]
        return cls(
            elapsed=after["elapsed"],
            interval=found.window,
            alive=after["num_alive_tasks"],
            queued=sum(worker.get("queue_depth") or 0 for worker in after["workers"]),
            shared=after["injection_queue_depth"],
            blocking=after.get("blocking_queue_depth"),
            rates={"spawns": found.totals["spawned"]} | {name: found.totals[name] for name in _EVENTS},
            workers=tuple(
                {"now": doing(now), "busy": worker["busy"], "queue": worker["queue_depth"]}
                | {name: worker[name] for name in _EVENTS}
                for worker, now in zip(found.workers, after["workers"], strict=True)
            ),
            slow=tuple(poll for poll in polls if poll.lasted >= limit),
            ended=ended,
        )


class Watch:
    """A view of a runtime that goes on on a thread of its own; `Runtime.watch` makes one.

    As a context manager it ends with the block. Otherwise it ends with `stop` or with the runtime; `wait` waits for that.

    Attributes:
        last: the latest `LiveView`, or None before the first.
    """

    def __init__(self, handle: Handle, screen: Screen, *, every: float, slow: float) -> None:
        if seconds_to_ns(every, "every") == 0:
            raise ValueError(f"every={every!r}; need seconds > 0, such as 0.5")
        seconds_to_ns(slow, "slow")
        self._handle, self._screen, self._every, self._slow = handle, screen, every, slow
        self._stop = threading.Event()
        self._ended = (
            threading.Event()
        )  # waited for instead of the thread: Python 3.11 takes one whose join is interrupted for ended
        self.last: LiveView | None = None
        self._thread = threading.Thread(target=self._go, name="ss-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Draw it a last time and end it; its thread is gone when this returns. Idempotent."""
        self._stop.set()
        if threading.current_thread() is not self._thread and self._thread.is_alive():  # it is not in a forked child
            self._ended.wait()
            self._thread.join()

    def wait(self, timeout: float | None = None) -> bool:
        """Look on until the runtime ends, Ctrl-C is pressed, which ends the view alone, or `timeout` seconds are over.

        Returns:
            False if the view still goes on.
        """
        try:
            if self._ended.wait(timeout):
                self._thread.join()
        except KeyboardInterrupt:
            self.stop()
        return not self.running

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive() and not self._ended.is_set()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<stealscope.Watch of {self._handle!r}, {'running' if self.running else 'ended'}>"

    def _go(self) -> None:
        try:
            with self._screen as show:
                before = self._handle.metrics()
                is_last = False
                while not is_last:
                    stopped = self._stop.wait(self._every)
                    ended = self._handle._native.is_closed  # asked first, so that a last view has all that there was
                    after = self._handle.metrics()
                    is_last = stopped or ended
                    self.last = LiveView.between(before, after, slow=self._slow, ended=ended)
                    show(self.last)
                    before = after
        except Exception:
            _log.exception("the view ended, because it could not be drawn")
        finally:
            self._ended.set()
