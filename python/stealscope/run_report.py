"""How does a run on threads become a `Report`? The metrics before and after it, and what the root measured of itself."""

from __future__ import annotations

import inspect
import platform
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from . import _core
from .metrics import metrics_delta
from .report import Report
from .timeline import Recording

if TYPE_CHECKING:
    from .graph import IntArray
    from .handle import Handle
    from .workloads import Workload

__all__ = ["Record", "all_sojourns", "manifest", "report_maker", "spawn_timed"]


Record: TypeAlias = "tuple[Sequence[int], int, int, Sequence[IntArray]]"
"""What the root gives: answers, when it began and ended (ns), and the sojourns of each open system, ns."""


def report_maker(native: _core.World, workload: Workload) -> Callable[[Record], Report]:
    """A function that turns the root's record into a `Report`; the metrics baseline is taken now."""
    finish = _begin(native)

    def make(record: Record) -> Report:
        answers, started, ended, sojourns = record
        result = workload.collect(answers)
        workload.check(result)
        known = {"workload": workload.name, "work": workload.work, "span": workload.span, "sojourns": all_sojourns(sojourns)}
        return finish(started, ended, result=result, **known)

    return make


def spawn_timed(native: _core.World, target: Any, args: tuple[Any, ...]) -> tuple[_core.JoinHandle, Callable[[Any], Report]]:
    """Start Python code as `Runtime.spawn` does; and what turns the handle's result into a `Report`."""

    async def run_async() -> tuple[Any, int, int]:
        started = time.monotonic_ns()  # the clock of timelines
        value = await (target(*args) if callable(target) else target)
        return value, started, time.monotonic_ns()

    def run() -> tuple[Any, int, int]:
        started = time.monotonic_ns()
        value = target(*args)
        return value, started, time.monotonic_ns()

    name = getattr(target, "__qualname__", None) or type(target).__name__
    finish = _begin(native)
    is_async = inspect.iscoroutine(target) or inspect.iscoroutinefunction(target)
    body: Any = run_async if is_async else run if callable(target) else target  # refused by name
    handle = native.spawn(body, (), name, None, -1)

    def make(record: tuple[Any, int, int]) -> Report:
        value, started, ended = record
        return finish(started, ended, result=value, workload=name)

    return handle, make


def _begin(native: _core.World) -> Callable[..., Report]:
    """Take the metrics' baseline now; and what makes the report from begin and end (ns) and what else is known."""
    from .handle import Handle, is_quiet

    handle = Handle(native)
    recording = Recording.begin(handle)
    before = handle.metrics()
    began_at_rest = is_quiet(native, before)

    def finish(started: int, ended: int, **known: Any) -> Report:
        after, is_settled = _published(handle)
        return Report.from_metrics(
            metrics=metrics_delta(before, after),
            makespan=ended - started,
            engine="sim" if native.simulated else "threads",
            policy=native.policy,
            workers=handle.num_workers(),
            seed=None,
            exclusive=before["num_alive_tasks"] == 0 and after["num_alive_tasks"] == 0,
            manifest=manifest() | {"settled": began_at_rest and is_settled},  # else counters may lag
            **({} if recording is None else recording.taken(zero=0 if native.simulated else started)),
            **known,
        )

    return finish


def all_sojourns(of_each: Sequence[IntArray]) -> IntArray | None:
    """The sojourns of all open systems of a run, one after the other; None if it has none. ns, shape ``(jobs,)``."""
    return of_each[0] if len(of_each) == 1 else np.concatenate(of_each) if of_each else None


def _published(handle: Handle) -> tuple[dict[str, Any], bool]:
    """The metrics once the workers have published what they counted, unless other tasks keep them busy; whether they have."""
    if not handle._native.simulated and not _core.is_worker_thread():
        with suppress(TimeoutError):
            return handle.metrics(settled=True, timeout=0.05), True
    return handle.metrics(), False


def manifest() -> dict[str, Any]:
    """Versions, build options and machine, JSON-serialisable."""
    return {
        "stealscope": _core.VERSION,
        "features": dict(_core.FEATURES),
        "compiler": _core.COMPILER,
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
        "machine": platform.machine(),
    }
