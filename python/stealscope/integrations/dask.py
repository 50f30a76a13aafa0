"""How does a Dask graph run on a runtime? One task a node; the task that ends a node spawns those that it has made ready.

The bookkeeping (what is ready, in which order, what may be forgotten) is Dask's own, so results, memory and the order of nodes are
those of its local schedulers. Invariant: it is touched under one lock only, at most `workers` nodes are out at a time, and `get`
returns or raises whatever happens to them. Read next: `runtime.py` (`Runtime.dask_get`).
Where we differ from `dask.local.get_async`: its nodes come back to the calling thread, one by one, before the next can start; here
no thread is waited for between two nodes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from .. import _core
from ..errors import import_extra
from ..executor import hand_core_on
from ..units import checked_count

if TYPE_CHECKING:
    from ..runtime import Runtime

__all__ = ["get"]

Started = list[tuple[Any, dict[Any, Any]]]
"""Keys of nodes, each with what it needs by key."""


def get(
    runtime: Runtime,
    graph: Mapping[Any, Any],
    keys: Any,
    *,
    cache: Any = None,
    callbacks: Any = None,
    num_workers: int | None = None,
    rerun_exceptions_locally: bool | None = None,
    **_: Any,
) -> Any:
    """Compute `keys` of a Dask graph on `runtime`; `Runtime.dask_get` is this with its runtime.

    Args:
        runtime: where the nodes run.
        graph: a Dask graph.
        keys: a key, or lists of keys, nested as deep as you like; the answer is tuples of the same shape.
        cache: results that are there already, by key.
        callbacks: Dask's callbacks; None: those that are registered, such as ``with ProgressBar():``. Most are called on workers,
            one at a time.
        num_workers: most nodes that are out at a time; None: the runtime's workers.
        rerun_exceptions_locally: a node that failed is called once more on this thread, for a debugger.
        **_: what other schedulers take, such as ``pool``, has no meaning here.

    Raises:
        MissingExtra: dask is not installed.
        RuntimeError: in a coroutine, where it would block the worker.
        RuntimeClosed: the runtime was shut down.
        CancelledError: the runtime was cancelled meanwhile.
        Exception: what a node raised, with its own traceback.
    """
    local = import_extra("dask.local", "dask")
    workers = runtime.handle.num_workers() if num_workers is None else checked_count(num_workers, "num_workers", low=1)
    with hand_core_on("dask_get()", "spawn_blocking(dask.compute, ...)"), local.local_callbacks(callbacks) as active:
        run = _Run(runtime, local, graph, keys, list(active), workers)
        return run.compute(keys, cache, rerun_exceptions_locally)


class _Run:
    """One graph on its way."""

    def __init__(self, runtime: Runtime, local: Any, graph: Any, keys: Any, callbacks: list[Any], workers: int) -> None:
        if not isinstance(graph, Mapping):
            graph = graph.__dask_graph__()
        self._runtime = runtime
        self._local = local
        self._graph = local.convert_legacy_graph(graph)
        self._wanted = set(local.flatten(keys)) if isinstance(keys, list) else {keys}
        self._callbacks = callbacks
        _, _, self._before, self._after, _ = local.unpack_callbacks(callbacks)
        self._workers = workers
        self._context = copy_context()
        self._lock = threading.Lock()
        self._ended: Future[None] = Future()
        self._state: dict[str, Any] = {}
        self._order: Callable[[Any], int]
        self._failed: tuple[Any, dict[Any, Any]] | None = None

    def compute(self, keys: Any, cache: Any, rerun: bool | None) -> Any:
        """Run it and wait."""
        begun: list[Any] = []
        succeeded = False
        try:
            for start, *_, finish in self._callbacks:
                if start:
                    start(self._graph)
                begun.append(finish)
            self._prepare(cache)
            self._spawn(self._take_locked())
            self._wait(self._local.config.get("rerun_exceptions_locally", False) if rerun is None else rerun)
            succeeded = True
        finally:
            for finish in begun:
                if finish:
                    finish(self._graph, self._state, not succeeded)
        return self._local.nested_get(keys, self._state["cache"])

    def _prepare(self, cache: Any) -> None:
        self._order = self._local.order(self._graph).get
        self._state = self._local.start_state_from_dask(self._graph, cache=cache, sortkey=self._order, keys=self._wanted)
        for _, start_state, *_ in self._callbacks:
            if start_state:
                start_state(self._graph, self._state)
        if self._state["waiting"] and not self._state["ready"]:
            raise ValueError("no node of the graph can begin: each waits for another")
        if self._is_done():
            self._ended.set_result(None)

    def _wait(self, rerun: bool) -> None:
        try:
            self._ended.result()
        except BaseException as error:
            self._fail(error)  # if it is this thread that was interrupted, no further node may start
            if rerun and self._failed is not None:
                key, data = self._failed
                self._graph[key](data)
            raise

    def _is_done(self) -> bool:
        return not (self._state["waiting"] or self._state["ready"] or self._state["running"])

    def _take_locked(self) -> Started:
        with self._lock:
            return self._take()

    def _take(self) -> Started:
        """Nodes that may start now, in Dask's order: as many as there is room for. Under the lock."""
        state, taken = self._state, []
        while state["ready"] and len(state["running"]) < self._workers:
            key = state["ready"].pop()
            state["running"].add(key)
            for callback in self._before:
                callback(key, self._graph, state)
            taken.append((key, {needed: state["cache"][needed] for needed in state["dependencies"][key]}))
        return taken

    def _spawn(self, nodes: Iterable[tuple[Any, dict[Any, Any]]]) -> None:
        for key, data in nodes:
            handle = self._runtime.spawn(self._run_node, key, data, name=str(key), context=self._context.copy())
            handle.add_done_callback(self._fail_if_cancelled)

    def _run_node(self, key: Any, data: dict[Any, Any]) -> None:
        """The task of one node. Its own error goes to the thread that waits, as does one of a callback."""
        if self._ended.done():
            return
        try:
            try:
                result = self._graph[key](data)
            except BaseException:
                self._failed = self._failed or (key, data)
                raise
            with self._lock:
                self._finish(key, result)
                ready = [] if self._ended.done() else self._take()
            self._spawn(ready)
        except BaseException as error:
            self._fail(error)

    def _finish(self, key: Any, result: Any) -> None:
        """Note a node's result; the last one ends the run. Under the lock."""
        self._state["cache"][key] = result
        self._local.finish_task(self._graph, key, self._state, self._wanted, self._order)
        for callback in self._after:
            callback(key, result, self._graph, self._state, threading.get_ident())
        if self._is_done() and not self._ended.done():
            self._ended.set_result(None)

    def _fail(self, error: BaseException) -> None:
        """The first error counts; no node starts after it."""
        with self._lock:
            if not self._ended.done():
                self._ended.set_exception(error)

    def _fail_if_cancelled(self, handle: _core.JoinHandle) -> None:
        if handle.cancelled():
            self._fail(CancelledError(f"{self._runtime!r} was cancelled before the graph had ended"))
