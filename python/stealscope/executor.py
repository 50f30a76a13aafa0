"""How does code that knows `concurrent.futures` use a runtime?

Each submitted call is one task of the runtime; its future is a real one, so `asyncio.wrap_future`, ``loop.run_in_executor``
and `concurrent.futures.wait` take it. Invariant: every future that `submit` returned ends, also when the runtime is
cancelled. Read next: `runtime.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from . import _core
from .inside import blocking

if TYPE_CHECKING:
    from .runtime import Runtime

__all__ = ["RuntimeExecutor"]

P = ParamSpec("P")
T = TypeVar("T")


class RuntimeExecutor(Executor):
    """What `Runtime.executor` gives. Its own shutdown never closes the runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._changed = threading.Condition()
        self._pending: set[Future[Any]] = set()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call ``fn(*args, **kwargs)`` on a worker.

        Raises:
            RuntimeError: after this executor's `shutdown`.
            RuntimeClosed: after the runtime's.
        """
        if not callable(fn):
            raise TypeError(f"submit() needs a callable, not {fn!r}")
        future: Future[T] = _Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._pending.add(future)
        future.add_done_callback(self._forget)
        try:
            handle = self._runtime.spawn(_call, future, fn, args, kwargs)
        except BaseException:
            future.cancel()
            raise
        handle.add_done_callback(lambda ended: _cancel_if_never_run(ended, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse new calls; the runtime goes on.

        Args:
            wait: return once every future has ended.
            cancel_futures: cancel those that have not begun.

        Raises:
            RuntimeError: it would have to wait, in a coroutine.
        """
        with self._changed:
            self._closed = True
            pending = list(self._pending)
        if cancel_futures:
            for future in pending:
                future.cancel()
        if not wait:
            return
        with self._changed:
            if not self._pending:
                return
        with _hand_core_on("Executor.shutdown()", "spawn_blocking(executor.shutdown)"), self._changed:
            self._changed.wait_for(lambda: not self._pending)

    def _forget(self, future: Future[Any]) -> None:
        with self._changed:
            self._pending.discard(future)
            if not self._pending:
                self._changed.notify_all()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<stealscope.RuntimeExecutor on {self._runtime!r}: {state}, {len(self._pending)} pending>"


class _Future(Future[T]):
    """A future whose blocking methods follow the rule for waits on a worker."""

    def result(self, timeout: float | None = None) -> T:
        if self.done():
            return super().result(timeout)
        with _hand_core_on("Future.result()", "stealscope.spawn(fn)"):
            return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        if self.done():
            return super().exception(timeout)
        with _hand_core_on("Future.exception()", "stealscope.spawn(fn)"):
            return super().exception(timeout)


def _hand_core_on(call: str, instead: str) -> Any:
    """On a worker that runs a callable, other tasks go on while it waits; in a coroutine and in a simulation it raises."""
    return blocking() if _core.check_may_block(call, instead) else nullcontext()


def _call(future: Future[T], fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # the future's reader gets it, whatever it is, as in the standard library
        future.set_exception(error)
    else:
        future.set_result(result)


def _cancel_if_never_run(handle: _core.JoinHandle, future: Future[Any]) -> None:
    """The runtime was cancelled before the call began."""
    if handle.cancelled() and future.cancel():
        future.set_running_or_notify_cancel()
