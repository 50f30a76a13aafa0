"""`Runtime`: workers on real threads, and how work comes to them and ends.

Invariant: however a runtime is left, its threads end and nothing it was given is lost silently. Read next: `handle.py`, `inside.py`.
"""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from . import _core
from ._html import section
from ._progress import result_of, task_progress
from ._runtime_arguments import checked_name, checked_seed, checked_workers
from ._runtime_ends import close_forgotten
from .dump import Dump
from .dump_signal import live_runtimes
from .errors import FeatureNotEnabled, RuntimeClosed, load_cancelled
from .handle import Handle, check_context, checked_index, spawn_on_native
from .options import Histograms, Hooks
from .policy import Policy
from .timeline import capacity_of
from .units import checked_count, optional_seconds_to_ns, seconds_to_ns
from .watchdog import Watchdog

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from contextvars import Context
    from types import TracebackType

    from .integrations.tokio_console import ConsoleServer
    from .report import Report
    from .serve import Server
    from .watch import LiveView, Watch

__all__ = ["Runtime"]

_log = logging.getLogger("stealscope")
_NO_LIMIT = (1 << 64) - 1
_WARN_AFTER_NS = 10_000_000_000
_SLICE_NS = 500_000_000

Unhandled = Literal["report", "shutdown"] | Callable[[str, BaseException], object]


class Runtime:
    """A work-stealing scheduler on threads of this process.

    Args:
        workers: worker threads, 1 to 65,535; None is one for each CPU that this process may use.
        policy: how scheduling decisions are made: a `Policy`, or the name of a preset; ``"tokio"`` is Tokio 1.48's.
        seed: of the workers' random choices (where a search for work begins); None draws one. It does not make the
            schedule of real threads repeatable.
        name: begins the names of the workers' threads; the system keeps 15 bytes of each.
        max_blocking_threads: most threads beyond the workers, for `spawn_blocking` and `block_in_place`, 1 to 65,535. They are
            made when they are needed.
        thread_keep_alive: an idle thread of that pool ends after so many seconds.
        pin: tie worker i to the i-th CPU that this process may use.
        histograms: None, ``"default"`` (all three) or `Histograms`; each costs two clock reads a poll.
        timeline: write events for `Report.timeline` and `Handle.timeline`. True has room for 65,536 events a worker,
            often more, in 2 MiB; a number for that many; what comes after them is only
            counted. `run` on an idle runtime begins with an empty timeline.
        watchdog: log a task that has been in one poll for so many seconds; ``(seconds, fn)`` also calls ``fn(dump)`` on a
            thread of its own. It times every poll (two clock reads).
        unhandled_exception: what becomes of a failed task that nobody asked: ``"report"`` to `sys.unraisablehook`,
            ``"shutdown"`` cancels everything and raises where the ``with`` block is left, or a callable
            ``fn(task, exception)``.
        hooks: `Hooks`.

    Use it as a context manager: leaving it normally waits for all tasks, leaving it by an exception cancels them.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        policy: str | Policy = "tokio",
        seed: int | None = None,
        name: str | None = None,
        max_blocking_threads: int = 512,
        thread_keep_alive: float = 10.0,
        pin: bool = False,
        histograms: Histograms | Literal["default"] | None = None,
        timeline: bool | int = False,
        watchdog: float | tuple[float, Callable[[Dump], object]] | None = None,
        unhandled_exception: Unhandled = "report",
        hooks: Hooks | None = None,
    ) -> None:
        chosen = Policy.resolve(policy)
        if not (unhandled_exception in ("report", "shutdown") or callable(unhandled_exception)):
            raise ValueError(f"unhandled_exception={unhandled_exception!r}; need 'report', 'shutdown' or a callable")
        if hooks is not None and not isinstance(hooks, Hooks):
            raise TypeError(f"hooks={hooks!r}; need Hooks(...) or None")
        kept = Histograms.resolve(histograms)
        watch = Watchdog.parse(watchdog)
        count = checked_workers(workers)
        options = {
            "workers": count,
            "policy": chosen.to_dict(),
            "seed": checked_seed(seed),
            "name": checked_name(name),
            "max_blocking_threads": checked_count(
                max_blocking_threads,
                "max_blocking_threads",
                low=1,
                high=65_535,
                hint="threads are made only when they are needed",
            ),
            "keep_alive_ns": min(seconds_to_ns(thread_keep_alive, "thread_keep_alive"), 10**17),
            "pin": bool(pin),
            "histograms": kept._native(),
            "timeline": capacity_of(timeline, count),
            "watch_polls": watch is not None,
            "unhandled_exception": unhandled_exception,
            "hooks": (hooks or Hooks())._native(),
        }
        load_cancelled()
        self._native = _core.Runtime(options)
        self._native.policy = str(chosen)
        self._handle = Handle(self._native)
        self._finalizer = weakref.finalize(self, close_forgotten, self._native)
        self._finalizer.atexit = False  # stop_all does it, in an order that it knows
        live_runtimes.add(self)
        self._watchdog = None if watch is None else Watchdog(self._handle, *watch)
        self._server: Server | None = None
        self._views: weakref.WeakSet[Watch | ConsoleServer] = weakref.WeakSet()
        self.last_shutdown_dump: Dump | None = None

    # ---- work ----

    @_core.quick_spawn
    def spawn(self, target: Any, /, *args: Any, name: str | None = None, context: Context | None = None) -> _core.JoinHandle:
        """Start a task: a callable, an async function with its arguments, a coroutine object, or a `Workload`.

        Args:
            target: keyword arguments for it: `functools.partial`.
            name: shown in dumps and messages.
            context: contextvars; None copies the caller's.

        Returns:
            JoinHandle: wait for it, await it, cancel it; of a workload its `Report`.

        Raises:
            TypeError: not something that can be spawned.
            RuntimeError: a coroutine object that was started or spawned before.
            RuntimeClosed: after `shutdown`, from outside.
        """
        return spawn_on_native(self._native, target, args, name, context, -1)

    def spawn_on(
        self, worker: int, target: Any, /, *args: Any, name: str | None = None, context: Context | None = None
    ) -> _core.JoinHandle:
        """As `spawn`, but it starts on that worker (it may be stolen later).

        Raises:
            IndexError: no such worker.
        """
        index = checked_index(worker, self._native.num_workers())
        check_context(context)
        return spawn_on_native(self._native, target, args, name, context, index)

    def spawn_blocking(
        self, fn: Callable[..., Any], /, *args: Any, name: str | None = None, context: Context | None = None, cost: float = 0.0
    ) -> _core.JoinHandle:
        """Run a callable that may block, on a thread of its own pool.

        Args:
            cost: seconds charged in a simulation; real threads ignore it.
        """
        check_context(context)
        return self._native.spawn_blocking(fn, args, name, context, seconds_to_ns(cost, "cost"))

    def block_on(self, target: Any, /, *args: Any) -> Any:
        """Drive an async function or a coroutine on this thread until it ends; what it spawns runs on the workers.

        Ctrl-C cancels it and raises KeyboardInterrupt.

        Raises:
            RuntimeError: on a worker, where it would keep other tasks waiting.
        """
        return self._native.block_on(target, args)

    def run(self, workload: Any, /, *args: Any, timeout: float | None = None, progress: bool = False) -> Report:
        """Spawn a workload, or what `spawn` takes with its arguments, and wait for its `Report`.

        Of Python code the report's result is what it returned, and its makespan ends when it returned; there is no work and span.

        Args:
            timeout: seconds; then it is cancelled and TimeoutError raised, with a `Dump` as its ``dump``.
            progress: show on standard error how many tasks have ended.

        Raises:
            InvariantError: the answer is not the expected one.
        """
        from .run_report import spawn_timed
        from .workloads import Workload as WorkloadType

        optional_seconds_to_ns(timeout)
        _core.check_may_block("run()", "spawn(workload)")
        with task_progress(self._native, workload, progress) as look:
            if isinstance(workload, WorkloadType):
                handle, make = self.spawn(workload, *args), None
            else:
                handle, make = spawn_timed(self._native, workload, args)
            try:
                result = result_of(handle, timeout, look) if progress else handle.result(timeout)
            except TimeoutError:
                error = TimeoutError(f"{workload} had not ended after {timeout} s; it was cancelled")
                error.dump = self._dump_or_none()  # type: ignore[attr-defined]
                handle.cancel()
                raise error from None
            except KeyboardInterrupt:
                handle.cancel()
                raise
        report: Report = result if make is None else make(result)
        return report

    def executor(self) -> Executor:
        """A `concurrent.futures.Executor` on these threads. Its own shutdown never closes the runtime."""
        from .executor import RuntimeExecutor

        return RuntimeExecutor(self)

    def serve(self, path: str | os.PathLike[str] | None = None) -> Server:
        """Let ``stealscope top`` look at this runtime from another process, over a local socket that only this user may open.

        Args:
            path: of the socket, in a folder that only this user may enter; None chooses one that ``stealscope top`` finds.

        Returns:
            Server: has ``path`` and ``close()``, and ends with the runtime. While it is open, calling again returns it.

        Raises:
            RuntimeClosed: after `shutdown`, or in a forked child.
            OSError: the folder is open to others, something is at the path already, or the system has no such sockets.
            ValueError: a longer path than a socket's address may be, or another one than it is served at.
        """
        from pathlib import Path

        from .serve import Server

        if self._native.is_closed or self._native.is_forked_copy:
            raise RuntimeClosed(f"{self!r} cannot be served: it was shut down, or made before this process was forked")
        if self._server is None or self._server.closed:
            self._server = Server(self._handle, path)
            weakref.finalize(self, self._server.stop).atexit = False
        elif path is not None and Path(path).absolute() != self._server.path:
            raise ValueError(f"path={os.fspath(path)!r}, but it is served at {os.fspath(self._server.path)!r}; close that first")
        return self._server

    def watch(self, *, every: float = 0.5, slow: float = 0.1, show: Callable[[LiveView], object] | None = None) -> Watch:
        """Show what the workers do while it happens, on a thread that ends with the block, with ``stop()`` or with the runtime.

        In a notebook a table under the cell, in a terminal the same in place (with rich), anywhere else a line a time.

        Args:
            every: between two looks, seconds.
            slow: a poll that has lasted for so many seconds is named.
            show: called on that thread with each `LiveView`, instead of drawing it.

        Raises:
            RuntimeClosed: it has ended.
        """
        from ._watch_screens import chosen_screen
        from .watch import Watch

        if self._native.is_closed:
            raise RuntimeClosed(f"{self!r} has ended; watch one that runs")
        watch = Watch(self._handle, chosen_screen(show), every=every, slow=slow)
        self._views.add(watch)
        return watch

    def dask_get(self, graph: Any, keys: Any, **options: Any) -> Any:
        """A Dask scheduler on these workers: ``dask.compute(x, scheduler=rt.dask_get)``; see `integrations.dask.get`."""
        from .integrations.dask import get

        return get(self, graph, keys, **options)

    # ---- the end ----

    def shutdown(self, wait: bool = True, *, cancel: bool = False, timeout: float | None = None) -> bool:
        """Refuse new work from outside, then wait for all tasks and blocking jobs, or cancel them.

        Args:
            wait: False returns at once; what lives goes on (`cancel`: is cancelled) and the threads end after it.
            cancel: cancel all tasks instead of waiting for them; what they spawn then is cancelled already.
            timeout: seconds; None waits without limit.

        Returns:
            False if something still lives after `timeout`: a dump of it is logged and kept as ``last_shutdown_dump``. Calling
            it again goes on where it was.

        Raises:
            RuntimeError: inside a task of this runtime, which would wait for itself.
        """
        limit = optional_seconds_to_ns(timeout)
        if self._native.is_forked_copy:
            return True
        if wait and _core.inside_world(self._native):
            raise RuntimeError("shutdown() inside a task would wait for the task itself; use shutdown(wait=False, cancel=True)")
        self._native.refuse_outsiders()
        if not wait:
            if self._server is not None:
                self._server.stop()
            return self._shut_down_later(cancel)
        deadline = None if limit is None else time.monotonic_ns() + limit
        if not cancel and not self._wait(self._native.wait_drained, deadline, "tasks"):
            return self._timed_out(timeout)
        self._native.close()
        if not self._wait(self._native.wait_ended, deadline, "threads"):
            return self._timed_out(timeout)
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._server is not None:
            self._server.close()
        for view in list(self._views):
            view.stop()
        self._finalizer.detach()
        live_runtimes.discard(self)
        return True

    def _wait(self, step: Callable[[int], bool], deadline: int | None, what: str) -> bool:
        """In slices, so that a long wait can say once what it waits for."""
        started, warned = time.monotonic_ns(), False
        while True:
            now = time.monotonic_ns()
            left = _NO_LIMIT if deadline is None else max(0, deadline - now)
            if step(min(left, _SLICE_NS)):
                return True
            if deadline is not None and time.monotonic_ns() >= deadline:
                return False
            if not warned and now - started > _WARN_AFTER_NS:
                warned = True
                dump = self._dump_or_none()
                _log.warning(
                    "%r: shutdown has waited %d s for %s: %d tasks alive, %d blocking jobs unfinished%s",
                    self,
                    (now - started) // 1_000_000_000,
                    what,
                    self._native.num_alive_tasks(),
                    self._native.unfinished_jobs,
                    "".join(f"\n  {len(tasks)} at {line}" for line, tasks in dump.waiting_on().items()) if dump else "",
                )

    def _timed_out(self, timeout: float | None) -> bool:
        self.last_shutdown_dump = self._dump_or_none()
        if self.last_shutdown_dump is not None:
            _log.warning("%r: not shut down after %s s\n%s", self, timeout, self.last_shutdown_dump)
        return False

    def _dump_or_none(self) -> Dump | None:
        """For a message: no dump is better than another error."""
        try:
            return self._handle.dump()
        except (FeatureNotEnabled, RuntimeError):
            return None

    def _shut_down_later(self, cancel: bool) -> bool:
        if cancel or (self._native.num_alive_tasks() == 0 and self._native.unfinished_jobs == 0):
            self._native.close()
        else:
            import threading

            native = self._native

            def drain() -> None:
                while not native.wait_drained(_SLICE_NS):
                    pass
                native.close()

            threading.Thread(target=drain, name="ss-shutdown", daemon=True).start()
        return True

    @property
    def handle(self) -> Handle:
        """Its figures and spawn, for code that need not know the runtime. May outlive it."""
        return self._handle

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.shutdown(cancel=exc_type is not None)
        except KeyboardInterrupt:
            self.shutdown(cancel=True)
            raise
        if exc is None and (unhandled := self._native.take_first_unhandled()) is not None:
            raise unhandled

    def __repr__(self) -> str:
        state = "closed" if self._native.is_closed else "running"
        return f"<stealscope.Runtime {self._native.name!r}: {self._native.num_workers()} workers, {state}>"

    def _repr_html_(self) -> str:
        return section(f"{repr(self)[1:-1]}, policy {self._native.policy}", self._handle._repr_html_())
