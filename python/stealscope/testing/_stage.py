"""Where do the actors of a `RuntimeMachine` live? In virtual time, or on threads: the same calls for both.

Invariant: after `rest` nothing moves until somebody outside does something; in virtual time that is exact, on threads it is
awaited. Read next: `machine.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from .. import _core
from .._waiting import NO_DEADLINE
from ..errors import StepLimitError
from ..handle import Handle
from ..policy import Policy
from ..report import Report
from ..runtime import Runtime
from ..sim_report import report_of_call
from ..simulation import Simulation

__all__ = ["Stage", "ThreadStage", "VirtualStage"]

_LIMIT = 30.0  # seconds: only what fails waits so long
_STEPS = 2_000_000  # only a livelock takes so many


class Stage(Protocol):
    """What both have."""

    @property
    def handle(self) -> Handle:
        """Metrics and dump."""

    def spawn(self, target: Any, /, *args: Any) -> _core.JoinHandle:
        """Start a task from outside."""

    def rest(self, is_done: Callable[[], bool]) -> None:
        """Until nothing moves and `is_done` says so."""

    def end(self, *, cancel: bool) -> Report | None:
        """Of everything; a report where there is one."""


class VirtualStage:
    """In virtual time: tasks move only in `rest`."""

    def __init__(self, workers: int, policy: str | Policy, seed: int, choices: Any) -> None:
        self._simulation = Simulation(workers, policy=policy, seed=seed, choices=choices, timeline=_core.FEATURES["timeline"])
        self._machine = self._simulation._fresh_machine()
        self._before = Handle(self._machine).metrics()

    @property
    def handle(self) -> Handle:
        """Metrics and dump."""
        return Handle(self._machine)

    def spawn(self, target: Any, /, *args: Any) -> _core.JoinHandle:
        """Start a task from outside."""
        return self._machine.spawn(target, args, None, None, -1)

    def rest(self, is_done: Callable[[], bool]) -> None:
        """Play until nothing can happen."""
        if self._machine.play(_STEPS, NO_DEADLINE) not in ("deadlock", "finished"):
            raise StepLimitError(f"the tasks had not come to rest after {_STEPS:,} steps", dump=self.handle.dump())
        assert is_done(), "nothing can happen any more, and a task has not done what it was told"

    def end(self, *, cancel: bool) -> Report | None:
        """Stop; without `cancel` everything has ended, and there is a report."""
        report = None
        if not cancel:
            self._machine.settle(_STEPS)
            report = report_of_call(self._simulation, self._machine, self._before, self.end, None, "", is_alone=True)
        self._machine.stop()
        return report


class ThreadStage:
    """On threads: tasks move at once."""

    def __init__(self, workers: int, policy: str | Policy, seed: int) -> None:
        self._runtime = Runtime(workers, policy=policy, seed=seed)

    @property
    def handle(self) -> Handle:
        """Metrics and dump."""
        return self._runtime.handle

    def spawn(self, target: Any, /, *args: Any) -> _core.JoinHandle:
        """Start a task from outside."""
        return self._runtime.spawn(target, *args)

    def rest(self, is_done: Callable[[], bool]) -> None:
        """Wait until it is done and all workers sleep."""
        deadline = time.monotonic() + _LIMIT
        while not is_done():
            assert time.monotonic() < deadline, f"a task has not done what it was told:\n{self.handle.dump()}"
            time.sleep(0.0002)
        self.handle.metrics(settled=True, timeout=_LIMIT)

    def end(self, *, cancel: bool) -> Report | None:
        """Shut down, and see that no task and no thread is left."""
        assert self._runtime.shutdown(cancel=cancel, timeout=_LIMIT), f"it did not end:\n{self._runtime.last_shutdown_dump}"
        assert self.handle.num_alive_tasks() == 0
        return None
