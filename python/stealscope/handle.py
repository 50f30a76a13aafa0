"""What can be asked of a runtime, from any thread, also after its end: its figures, and a spawn.

Invariant: a snapshot never takes a lock of a worker. Read next: `metrics.py` (what happened between two snapshots).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any

from . import _core
from .dump import Dump
from .errors import InvariantError
from .metrics import MetricsSamples, metrics_delta
from .timeline import check_built
from .units import seconds_to_ns

if TYPE_CHECKING:
    from .workloads import Workload

__all__ = ["METRICS", "Handle", "MetricInfo", "features"]


class MetricInfo(dict[str, Any]):
    """What one metric is: ``name``, ``unit``, ``kind`` (counter, gauge, histogram, label), ``scope``, ``meaning``, ``available``."""


METRICS: dict[str, MetricInfo] = {
    name: MetricInfo(name=name, unit=unit, kind=kind, scope=scope, meaning=meaning, available=available)
    for name, unit, kind, scope, meaning, available in _core.METRIC_LIST
}
"""Every metric by name. One table in C++ (``rt/observe/metric_list.hpp``) is the source of names, units and meanings."""


def features() -> dict[str, bool]:
    """Which optional parts this build has: ``unstable_metrics``, ``taskdump``, ``timeline``."""
    return dict(_core.FEATURES)


class Handle:
    """A runtime, as seen from anywhere. Cheap to copy; may outlive its runtime, and then gives the last values.

    Durations are ns. Figures of a worker are published when it parks and every 61 turns; ``metrics(settled=True)`` waits
    until all have been.
    """

    __slots__ = ("_native",)

    def __init__(self, native: _core.World) -> None:
        self._native = native

    # ---- spawning ----

    @_core.quick_spawn
    def spawn(self, target: Any, /, *args: Any, name: str | None = None, context: Context | None = None) -> _core.JoinHandle:
        """Start a task; see `Runtime.spawn`."""
        return spawn_on_native(self._native, target, args, name, context, -1)

    # ---- the seeds' names ----

    def num_workers(self) -> int:
        """Configured workers."""
        return int(self._native.num_workers())

    def num_alive_tasks(self) -> int:
        """Tasks that were spawned and have not ended. Goes down just after the joiner was woken."""
        return int(self._native.num_alive_tasks())

    def injection_queue_depth(self) -> int:
        """Tasks in the shared queue."""
        return int(self._native.injection_queue_depth())

    def worker_metrics(self, worker: int) -> dict[str, Any]:
        """One worker's figures; `METRICS` says what each means.

        Raises:
            IndexError: no such worker.
        """
        return dict(self._native.worker_metrics(checked_index(worker, self.num_workers())))

    def spawned_tasks_count(self) -> int:
        """Tasks ever spawned."""
        return int(self._native.spawned_tasks_count())

    def num_blocking_threads(self) -> int:
        """Threads of the pool beyond the workers."""
        return int(self._native.num_blocking_threads())

    def num_idle_blocking_threads(self) -> int:
        """Threads of the pool that wait for a job."""
        return int(self._native.num_idle_blocking_threads())

    def blocking_queue_depth(self) -> int:
        """Blocking jobs that no thread has begun."""
        return int(self._native.blocking_queue_depth())

    def scheduler_metrics(self) -> dict[str, int]:
        """``remote_schedule_count`` and ``budget_forced_yield_count``."""
        return dict(self._native.scheduler_metrics())

    def worker_local_queue_depth(self, worker: int) -> int:
        """Tasks in one worker's own queue, without its LIFO slot.

        Raises:
            IndexError: no such worker.
        """
        return int(self._native.worker_local_queue_depth(checked_index(worker, self.num_workers())))

    # ---- all at once ----

    def metrics(self, *, settled: bool = False, timeout: float = 1.0) -> dict[str, Any]:
        """Everything at once, JSON-serialisable: the scalars by name, and ``"workers"``, a list of `worker_metrics`.

        Args:
            settled: wait until every worker is parked and nothing changes any more, so that all figures are published.
            timeout: for that, seconds.

        Returns:
            A new dict. ``"elapsed"``: ns since the start; ``"runtime"``: a string unique to the runtime; ``"features"``.

        Raises:
            TimeoutError: the runtime did not come to rest in time.
        """
        snapshot = self._snapshot()
        if not settled:
            return snapshot
        if isinstance(self._native, _core.Machine):
            if self._native.is_playing:
                raise RuntimeError(
                    "inside a simulation nothing settles while this code runs; ask after the run, or leave settled out"
                )
            return snapshot
        deadline = time.monotonic_ns() + seconds_to_ns(timeout, "timeout")
        while True:
            before, snapshot = snapshot, self._snapshot()
            if is_quiet(self._native, snapshot) and _without_clock(before) == _without_clock(snapshot):
                return snapshot
            if time.monotonic_ns() > deadline:
                raise TimeoutError(
                    f"the runtime did not come to rest within {timeout} s: {snapshot['num_alive_tasks']} tasks alive; "
                    "leave settled out to read a running one"
                )
            time.sleep(0.0005)

    def _snapshot(self) -> dict[str, Any]:
        native = self._native
        built = features()
        snapshot: dict[str, Any] = {
            "runtime": f"{native.name}#{native.key}",
            "elapsed": native.elapsed(),
            "num_workers": native.num_workers(),
            "num_alive_tasks": native.num_alive_tasks(),
            "injection_queue_depth": native.injection_queue_depth(),
            "features": built,
        }
        if built["unstable_metrics"]:
            snapshot |= {
                "spawned_tasks_count": native.spawned_tasks_count(),
                "num_blocking_threads": native.num_blocking_threads(),
                "num_idle_blocking_threads": native.num_idle_blocking_threads(),
                "blocking_queue_depth": native.blocking_queue_depth(),
            } | native.scheduler_metrics()
        snapshot["workers"] = [native.worker_metrics(i) for i in range(native.num_workers())]
        return snapshot

    @contextmanager
    def record(self, *, every: float = 0.1) -> Iterator[MetricsSamples]:
        """Sample the metrics while a block runs, on a native thread that needs no GIL for it.

        Args:
            every: between two samples, seconds.

        Yields:
            `MetricsSamples`, filled when the block ends: at least one sample at its start and one at its end.
        """
        interval = seconds_to_ns(every, "every")
        if interval == 0:
            raise ValueError(f"every={every!r}; need at least 1 ns (1e-9)")
        if not isinstance(self._native, _core.Runtime):
            raise RuntimeError("record() samples real time; of a simulation take metrics() inside its tasks, at its own time")
        samples = MetricsSamples()
        recorder = _core.Recorder(self._native, interval)
        is_finalizing = sys.is_finalizing  # the interpreter's end may close this generator after it has emptied the modules
        try:
            yield samples
        finally:
            taken = recorder.stop()
            if not is_finalizing():
                samples.extend(taken)

    def intervals(self, *, every: float = 0.1) -> Iterator[dict[str, Any]]:
        """Deltas of the metrics, one every so many seconds, without end. The baseline is taken at the call."""
        pause = seconds_to_ns(every, "every") / 1e9
        before = self.metrics()

        def deltas() -> Iterator[dict[str, Any]]:
            nonlocal before
            while True:
                time.sleep(pause)
                after = self.metrics()
                yield metrics_delta(before, after)
                before = after

        return deltas()

    # ---- what is everybody waiting for ----

    def dump(self, timeout: float = 0.25) -> Dump:
        """Every task and where it waits. Nothing is polled, and afterwards everything runs as it would have.

        Args:
            timeout: workers that have not come after so many seconds are named in `missing_workers`, and the dump is
                incomplete.

        Raises:
            RuntimeError: on a worker; in a coroutine use `dump_async`.
            FeatureNotEnabled: built without ``TASKDUMP``.
        """
        return Dump._from_native(_core.dump(self._native, seconds_to_ns(timeout, "timeout")))

    async def dump_async(self, timeout: float = 0.25) -> Dump:
        """As `dump`, inside a task of the runtime or in asyncio, without blocking either.

        Cancelling it, or an `ss.timeout` around it, lets the workers go at once.
        """
        limit = seconds_to_ns(timeout, "timeout")
        if _core.inside_world(self._native):
            return Dump._from_native(await _core.dump_async(self._native, limit))
        if _core.current_world() is not None:
            raise RuntimeError("dump_async() of another runtime than the task's own; take it with spawn_blocking(handle.dump)")
        import asyncio

        dump = _core.ThreadDump(self._native, limit)
        try:
            native = await asyncio.to_thread(dump.take)
        except asyncio.CancelledError:
            dump.call_off()
            raise
        assert native is not None, "it is called off only above"
        return Dump._from_native(native)

    def timeline(self) -> _core.Timeline | None:
        """The timeline that is being written, to be read meanwhile; None if none is.

        Its ``events(lane)`` is a read-only array of what the lane holds now: fields as in `stealscope.timeline`, ``at`` in ns
        of `time.monotonic_ns`, in a simulation of its clock; the end of a poll comes with the worker's next event. ``size(lane)``
        counts them, ``dropped(lane)`` what did not fit. On threads there is a lane for each worker and a last one for everybody
        else, in a simulation one for all.

        Raises:
            FeatureNotEnabled: built without ``TIMELINE``.
        """
        check_built("Handle.timeline()")
        return _core.timeline_of(self._native)

    def self_check(self) -> None:
        """Verify the laws that hold at rest: returns if they do.

        Raises:
            InvariantError: names the broken law.
            RuntimeError: the runtime is not at rest.
        """
        for _ in range(3):  # the idle word and the counters are not read at one instant: what is broken stays broken
            try:
                snapshot = self.metrics(settled=True, timeout=0.25)
            except TimeoutError as error:
                raise RuntimeError(f"self_check() needs a runtime at rest: {error}") from None
            broken = [law for law, holds in _laws_at_rest(self._native, snapshot) if not holds]
            if not broken:
                return
        raise InvariantError("; ".join(broken))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and bool(other._native.key == self._native.key)

    def __hash__(self) -> int:
        return hash(self._native.key)

    def __str__(self) -> str:
        from ._metrics_tables import metrics_text

        return metrics_text(self.metrics())

    def _repr_html_(self) -> str:
        from ._metrics_tables import metrics_html

        return metrics_html(self.metrics())

    def __repr__(self) -> str:
        return f"<stealscope.Handle of {self._native.name!r}: {self.num_workers()} workers, {self.num_alive_tasks()} tasks alive>"


def spawn_on_native(
    native: _core.World, target: Any, args: tuple[Any, ...], name: str | None, context: Context | None, worker: int
) -> _core.JoinHandle:
    """Spawn a workload or anything else; the one place that tells them apart."""
    check_context(context)
    # Who has a workload has imported its class; the first callable or coroutine need not wait until that is done.
    workload_class: Any = getattr(sys.modules.get("stealscope._workload"), "Workload", ())
    if isinstance(target, workload_class):
        if args:
            raise TypeError(f"a Workload takes no arguments, but {len(args)} were given")
        return spawn_workload(native, target, name, worker)
    return native.spawn(target, args, name, context, worker)


def check_context(context: object) -> None:
    """Refuse what is no `contextvars.Context`: the task could neither enter nor leave it."""
    if context is not None and not isinstance(context, Context):
        raise TypeError(f"context={context!r}; need a contextvars.Context, such as copy_context() gives, or None")


def spawn_workload(
    native: _core.World, workload: Workload, name: str | None, worker: int = -1, *, raw: bool = False
) -> _core.JoinHandle:
    """Start a native workload; the handle's result is its `Report`, or with `raw` (answers, started ns, ended ns)."""
    from .run_report import report_maker

    make = None if raw else report_maker(native, workload)
    return native.spawn_workload(list(workload.preorder()), name or workload.kind, make, worker)


def checked_index(worker: int, workers: int) -> int:
    """A worker's index, or IndexError; a negative one is out of range too."""
    if isinstance(worker, bool) or not hasattr(worker, "__index__"):
        raise TypeError(f"worker={worker!r}; need an int")
    index = worker.__index__()
    if not 0 <= index < workers:
        raise IndexError(f"worker {index} is out of range; need 0..{workers - 1}")
    return index


def is_quiet(native: _core.World, snapshot: dict[str, Any]) -> bool:
    """Whether every worker was at rest when the snapshot was taken, so that its figures are complete."""
    if native.is_closed and isinstance(native, _core.Runtime):
        return native.wait_ended(0)  # no worker is left to park
    # A worker that was notified and has not run yet still counts as parked; but it is among the sleepers no more.
    all_sleep = len(native.idle_state()["sleepers"]) == snapshot["num_workers"]
    return all_sleep and all(worker["park_unpark_count"] % 2 == 1 for worker in snapshot["workers"])


def _without_clock(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in snapshot.items() if key != "elapsed"}


def _laws_at_rest(native: _core.World, snapshot: dict[str, Any]) -> list[tuple[str, bool]]:
    workers = snapshot["workers"]
    laws = [
        ("S20: a task is queued and every worker rests", snapshot["injection_queue_depth"] == 0),
        ("S20: a task is in a local queue and every worker rests", all(w["queue_depth"] == 0 for w in workers)),
        ("A1: more tasks alive than spawned", snapshot["num_alive_tasks"] <= snapshot.get("spawned_tasks_count", 1 << 63)),
    ]
    if not native.is_closed:  # after the end no worker sleeps
        idle = native.idle_state()
        laws += [
            ("S17: a worker stands among the sleepers twice", len(set(idle["sleepers"])) == len(idle["sleepers"])),
            ("S17: unparked is not workers - sleepers", idle["unparked"] == snapshot["num_workers"] - len(idle["sleepers"])),
            ("S19: a worker searches although all rest", idle["searching"] == 0),
            ("A8: a parked worker's park_unpark_count is even", all(w["park_unpark_count"] % 2 == 1 for w in workers)),
        ]
    if snapshot["features"]["unstable_metrics"]:
        laws += [
            (
                "A5: a worker stole fewer tasks than it made steals",
                all(w["steal_operations"] <= w["steal_count"] for w in workers),
            ),
            (
                "A8: a worker parked for nothing more often than it parked",
                all(w["noop_count"] <= w["park_count"] for w in workers),
            ),
        ]
    return laws
