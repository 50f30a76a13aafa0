"""How does a native run become a `Report`? The metrics before and after it, and what the root measured of itself."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from . import _core
from .metrics import metrics_delta
from .report import Report, shares_of_time
from .timeline import Recording

if TYPE_CHECKING:
    from .graph import IntArray
    from .handle import Handle
    from .runtime import Runtime
    from .workloads import Workload

__all__ = ["Record", "all_sojourns", "manifest", "report_maker", "report_of_call"]

_SLICE_NS = 500_000_000


Record: TypeAlias = "tuple[Sequence[int], int, int, Sequence[IntArray]]"
"""What the root gives: answers, when it began and ended (ns), and the sojourns of each open system, ns."""


def report_maker(native: _core.World, workload: Workload) -> Callable[[Record], Report]:
    """A function that turns the root's record into a `Report`; the metrics baseline is taken now."""
    from .handle import Handle, is_quiet

    handle = Handle(native)
    recording = Recording.begin(handle)
    before = handle.metrics()
    began_at_rest = is_quiet(native, before)

    def make(record: Record) -> Report:
        answers, started, ended, sojourns = record
        result = workload.collect(answers)
        workload.check(result)
        after, is_settled = _published(handle)
        return Report.from_run(
            workload,
            makespan=ended - started,
            metrics=metrics_delta(before, after),
            engine="sim" if native.simulated else "threads",
            policy=native.policy,
            workers=handle.num_workers(),
            seed=None,
            result=result,
            sojourns=all_sojourns(sojourns),
            exclusive=before["num_alive_tasks"] == 0 and after["num_alive_tasks"] == 0,
            manifest=manifest() | {"settled": began_at_rest and is_settled},  # else counters may lag
            **({} if recording is None else recording.taken(zero=0 if native.simulated else started)),
        )

    return make


def report_of_call(runtime: Runtime, target: Any) -> Report:
    """Run Python code on a runtime that has nothing else to do; its makespan is the time until no task lived any more.

    Args:
        target: an async function or another callable without arguments, or a coroutine.

    Raises:
        BaseException: what it raised.
    """
    from .sim_report import name_of

    handle, native = runtime.handle, runtime._native
    recording = Recording.begin(handle)
    before = handle.metrics()
    started = time.monotonic_ns()  # the clock that the workers read
    root = runtime.spawn(target)
    try:
        result = root.result()
        while not native.wait_drained(_SLICE_NS):  # in slices, so that Ctrl-C has its turn
            pass
    except KeyboardInterrupt:
        root.cancel()
        raise
    makespan = time.monotonic_ns() - started
    metrics = metrics_delta(before, _published(handle)[0])
    known: dict[str, Any] = {**shares_of_time(metrics)}
    return Report(
        engine="threads",
        workload=name_of(target),
        policy=native.policy,
        workers=handle.num_workers(),
        seed=None,
        result=result,
        makespan=makespan,
        metrics=metrics,
        manifest=manifest(),
        **known,
        **({} if recording is None else recording.taken(zero=started)),
    )


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
