"""Which task has been in one poll for too long? A thread that looks at the workers now and then, and says it once a poll.

Invariant: it reads published figures only; a worker never waits for it. Read next: `runtime.py` (the option), `dump.py`.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import _core
from .errors import FeatureNotEnabled
from .units import format_ns, seconds_to_ns

if TYPE_CHECKING:
    from .dump import Dump
    from .handle import Handle

__all__ = ["Watchdog"]

_log = logging.getLogger("stealscope.watchdog")
Report = Callable[["Dump"], object]


class Watchdog:
    """Logs a warning, and calls a function with a dump, for each poll that lasts longer than a limit.

    Args:
        handle: of the runtime to watch.
        limit: seconds.
        report: called on the watchdog's own thread with a `Dump`; what it raises is logged.
    """

    def __init__(self, handle: Handle, limit: float, report: Report | None = None) -> None:
        self._limit_ns = seconds_to_ns(limit, "watchdog")
        if self._limit_ns == 0:
            raise ValueError(f"watchdog={limit!r}; need seconds > 0, or None for no watchdog")
        self._report = report
        self._handle = handle
        self._stop = threading.Event()
        self._told: dict[int, tuple[int, int]] = {}
        self._thread = threading.Thread(target=_watch, args=(weakref.ref(self), self._stop), name="ss-watchdog", daemon=True)
        self._thread.start()

    @staticmethod
    def parse(given: float | tuple[float, Report] | None) -> tuple[float, Report | None] | None:
        """The option as a user gives it: None, seconds, or (seconds, function).

        Raises:
            TypeError, ValueError: something else.
            FeatureNotEnabled: this build does not count what the watchdog reads.
        """
        if given is None:
            return None
        limit, report = given if isinstance(given, tuple) else (given, None)
        if report is not None and not callable(report):
            raise TypeError(f"watchdog={given!r}; need seconds, or (seconds, function of a dump)")
        if seconds_to_ns(limit, "watchdog") == 0:
            raise ValueError(f"watchdog={limit!r}; need seconds > 0, or None for no watchdog")
        if not (_core.FEATURES["unstable_metrics"] and _core.FEATURES["taskdump"]):
            raise FeatureNotEnabled("watchdog needs a build with UNSTABLE_METRICS=ON and TASKDUMP=ON (see features())")
        return limit, report

    def stop(self) -> None:
        """End the thread; returns at once."""
        self._stop.set()

    @property
    def interval(self) -> float:
        """Between two looks, seconds."""
        return min(1.0, max(0.005, self._limit_ns / 4e9))

    def look(self) -> None:
        """One look at all workers."""
        now = self._handle._native.elapsed()
        for worker in range(self._handle.num_workers()):
            figures = self._handle.worker_metrics(worker)
            task, since = figures["in_poll_task"], figures["in_poll_since"]
            if task is None or since is None or now - since < self._limit_ns or self._told.get(worker) == (task, since):
                continue
            self._told[worker] = (task, since)
            self._tell(worker, task, now - since)

    def _tell(self, worker: int, task: int, lasted: int) -> None:
        dump = self._handle.dump()
        trace = next((entry for entry in dump if entry.id == task), None)
        told = f"\n{trace}" if trace is not None else ""
        _log.warning("worker %d has been in one poll of task %d for %s%s", worker, task, format_ns(lasted), told)
        if self._report is not None:
            try:
                self._report(dump)
            except Exception:
                _log.exception("the watchdog's function failed")


def _watch(reference: weakref.ref[Watchdog], stop: threading.Event) -> None:
    """Holds no reference between two looks, so that a forgotten runtime can go."""
    while True:
        watchdog = reference()
        if watchdog is None:
            return
        interval = watchdog.interval
        try:
            watchdog.look()
        except Exception:
            _log.exception("the watchdog could not look at its runtime")
        del watchdog
        if stop.wait(interval):
            return
