"""How does code that knows `concurrent.futures` use a runtime?

Each submitted call is one task of the runtime; its future is a real one, so `asyncio.wrap_future`, ``loop.run_in_executor``
and `concurrent.futures.wait` take it. Invariant: every future that `submit` returned ends, also when the runtime is
cancelled or the interpreter is left. What of the standard library's own tests applies: ``docs/executor.md``. Read next:
`_future.py` (the future), `runtime.py`.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ._future import RuntimeFuture, hand_core_on

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
        self._pending: set[RuntimeFuture[Any]] = set()  # those that have not ended; one add or discard needs no lock
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
        future: RuntimeFuture[T] = RuntimeFuture(native, self._forget)
        self._pending.add(future)
        if self._closed:  # asked after it was added: shutdown() closes before it looks at what is pending
            self._forget(future)
            raise RuntimeError("cannot schedule new futures after shutdown")
        try:
            native.spawn_call(_call, _give_up, (future, fn, args, kwargs))
        except BaseException:
            future.cancel()
            raise
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
            pending = self._pending.copy()
        if cancel_futures:
            for future in pending:
                future.cancel()
        if not wait or self._runtime._native.is_forked_copy:  # the threads that would end them are in the parent
            return
        with self._changed:
            if not self._pending:
                return
            me = threading.get_ident()
            if any(future.thread == me for future in self._pending.copy()):
                raise RuntimeError("Executor.shutdown() inside one of its own calls waits for itself; use shutdown(wait=False)")
        with hand_core_on("Executor.shutdown()", "spawn_blocking(executor.shutdown)"), self._changed:
            self._changed.wait_for(lambda: not self._pending)

    def _forget(self, future: RuntimeFuture[Any]) -> None:
        self._pending.discard(future)
        if self._closed and not self._pending:  # somebody may wait for that
            with self._changed:
                self._changed.notify_all()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<stealscope.RuntimeExecutor on {self._runtime!r}: {state}, {len(self._pending)} pending>"


def _call(future: RuntimeFuture[T], fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.begin():
        return
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # the future's reader gets it, whatever it is, as in the standard library
        future.end(None, error)
        del future  # no reference cycle through the traceback
    else:
        future.end(result, None)


def _give_up(future: RuntimeFuture[Any], *_call: object) -> None:
    """The runtime was cancelled before the call began."""
    if future.cancel():
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
