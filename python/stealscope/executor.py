"""How does code that knows `concurrent.futures` use a runtime?

Each submitted call is one task of the runtime; its future is a real one, so `asyncio.wrap_future`, ``loop.run_in_executor``
and `concurrent.futures.wait` take it. Invariant: every future that `submit` returned ends, also when the runtime is
cancelled or the interpreter is left. What of the standard library's own tests applies: ``docs/executor.md``. Read next:
`runtime.py`.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from . import _core
from .errors import RuntimeClosed
from .inside import blocking

if TYPE_CHECKING:
    from .runtime import Runtime

__all__ = ["RuntimeExecutor", "hand_core_on"]

P = ParamSpec("P")
T = TypeVar("T")


class RuntimeExecutor(Executor):
    """What `Runtime.executor` gives. Its own shutdown never closes the runtime.

    `map`, `chunksize` (which changes nothing here) and, from Python 3.14 on, `buffersize` are the standard library's. It
    makes no threads, so it has no initializer: `Hooks.on_thread_start` is one for the threads of the runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._changed = threading.Condition()
        self._pending: set[Future[Any]] = set()
        self._closed = False
        _executors.add(self)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call ``fn(*args, **kwargs)`` on a worker, in a copy of the caller's contextvars.

        Raises:
            RuntimeError: after this executor's `shutdown`, or when the interpreter is being left.
            RuntimeClosed: after the runtime's.
        """
        if not callable(fn):
            raise TypeError(f"submit() needs a callable, not {fn!r}")
        native = self._runtime._native
        future: _Future[T] = _Future(native)
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
            RuntimeError: it would have to wait in a coroutine, or for the very call that it is in.
        """
        with self._changed:
            self._closed = True
            pending = list(self._pending)
        if cancel_futures:
            for future in pending:
                future.cancel()
        if not wait or self._runtime._native.is_forked_copy:  # the threads that would end them are in the parent
            return
        with self._changed:
            if not self._pending:
                return
            if not self._pending.isdisjoint(_calls_of_this_thread()):
                raise RuntimeError("Executor.shutdown() inside one of its own calls waits for itself; use shutdown(wait=False)")
        with hand_core_on("Executor.shutdown()", "spawn_blocking(executor.shutdown)"), self._changed:
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

    def __init__(self, native: _core.Runtime) -> None:
        super().__init__()
        self._native = native

    def result(self, timeout: float | None = None) -> T:
        try:
            with self._waiting("Future.result()"):
                return super().result(timeout)
        finally:
            del self  # no reference cycle through the traceback

    def exception(self, timeout: float | None = None) -> BaseException | None:
        with self._waiting("Future.exception()"):
            return super().exception(timeout)

    def _waiting(self, call: str) -> AbstractContextManager[None]:
        if self.done():
            return nullcontext()
        if self._native.is_forked_copy:
            raise RuntimeClosed(f"{call}: this future belongs to the parent process; the threads that would end it are there")
        return hand_core_on(call, "stealscope.spawn(fn)")


def hand_core_on(call: str, instead: str) -> AbstractContextManager[None]:
    """On a worker that runs a callable, other tasks go on while it waits; in a coroutine and in a simulation it raises."""
    return blocking() if _core.check_may_block(call, instead) else nullcontext()


_here = threading.local()


def _calls_of_this_thread() -> list[Future[Any]]:
    calls: list[Future[Any]] | None = getattr(_here, "calls", None)
    if calls is None:
        calls = _here.calls = []
    return calls


def _call(future: Future[T], fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    calls = _calls_of_this_thread()
    calls.append(future)
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # the future's reader gets it, whatever it is, as in the standard library
        calls.pop()
        future.set_exception(error)
        del future  # no reference cycle through the traceback
    else:
        calls.pop()
        future.set_result(result)


def _cancel_if_never_run(handle: _core.JoinHandle, future: Future[Any]) -> None:
    """The runtime was cancelled before the call began."""
    if handle.cancelled() and future.cancel():
        future.set_running_or_notify_cancel()


_executors: weakref.WeakSet[RuntimeExecutor] = weakref.WeakSet()


def _finish_all() -> None:
    """Interpreter exit: what was submitted is done first, as in the standard library; then the runtimes are cancelled."""
    for executor in list(_executors):
        try:
            executor.shutdown()
        except KeyboardInterrupt:
            executor.shutdown(wait=False, cancel_futures=True)


atexit.register(_finish_all)  # after the runtimes' own hook, and so called before it
