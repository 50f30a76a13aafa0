"""How do an asyncio loop, or trio's, and a runtime wait for each other?

Invariant: no other loop runs on a worker. What ends on a worker is told to a loop through its one function for other
threads (`call_soon_threadsafe`, trio's `run_sync_soon`), many ends in one call where they come together. Read next:
`_trio_bridge.py`, `inside.py`.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from inspect import iscoroutine
from typing import Any, TypeVar

from . import _core
from .errors import Cancelled, CancelledError

__all__ = ["Letterbox", "await_handle", "explain_missing_loop", "from_asyncio"]

T = TypeVar("T")
_Loop = asyncio.AbstractEventLoop


class Letterbox:
    """What has ended and whose loop has not been told. One call to the loop empties it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._letters: deque[Callable[[], None]] = deque()
        self._is_called = False

    def put(self, call_loop: Callable[[Callable[[], None]], object], tell: Callable[[], None]) -> None:
        """Have `tell` called on the loop. Any thread.

        Args:
            call_loop: runs a function on the loop, from any thread; RuntimeError once the loop is closed.
        """
        with self._lock:
            self._letters.append(tell)
            if self._is_called:
                return
            self._is_called = True
        try:
            call_loop(self._deliver)
        except RuntimeError:  # the loop is closed: nobody waits any more
            with self._lock:
                self._letters.clear()
                self._is_called = False

    def _deliver(self) -> None:
        with self._lock:
            letters, self._letters = self._letters, deque()
            self._is_called = False
        for tell in letters:
            tell()


_letterboxes: weakref.WeakKeyDictionary[_Loop, Letterbox] = weakref.WeakKeyDictionary()


def await_handle(handle: _core.JoinHandle) -> Awaitable[Any]:
    """What ends as the task does, for the loop that runs here: asyncio's or trio's. Cancelling it does not cancel the task.

    Raises:
        RuntimeError: neither loop runs here, nor is this a stealscope task.
    """
    trio = sys.modules.get("trio")  # who is in a task of trio's has imported it
    if trio is not None and trio.lowlevel.in_trio_task():
        from ._trio_bridge import await_in_trio

        return await_in_trio(handle)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "`await handle` needs a stealscope task, or asyncio or trio running here; on a plain thread use handle.result()"
        ) from None
    future: asyncio.Future[Any] = loop.create_future()
    if handle.done():
        _settle(future, handle)
        return future
    letterbox = _letterboxes.setdefault(loop, Letterbox())
    handle.add_done_callback(lambda ended: letterbox.put(loop.call_soon_threadsafe, lambda: _settle(future, ended)))
    return future


def _settle(future: asyncio.Future[Any], handle: _core.JoinHandle) -> None:
    if future.done():  # its awaiter was cancelled
        return
    try:
        error = handle.exception()
    except CancelledError:
        future.cancel()
        return
    if isinstance(error, StopIteration):
        carried = RuntimeError(f"the task raised {error!r}, which a future cannot carry")
        carried.__cause__ = error
        future.set_exception(carried)
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(handle.result())


async def from_asyncio(awaitable: Awaitable[T], loop: _Loop) -> T:
    """Run an awaitable on an asyncio loop in another thread, and await it here.

    Cancelling this task cancels it there, and its cleanup is waited for; if it is cancelled there, so is this task.
    A second cancellation stops waiting. It runs in a copy of this task's contextvars.

    Args:
        awaitable: a coroutine, a future of that loop, or another object that asyncio can await.
        loop: it must be running, on another thread.

    Raises:
        TypeError: nothing that can be awaited.
        RuntimeError: the loop does not run, or runs on this thread.
    """
    if not isinstance(awaitable, Awaitable):
        raise TypeError(f"from_asyncio() cannot await {awaitable!r}; need a coroutine, a future or another awaitable")
    problem = _loop_problem(loop)
    if problem is not None:
        if iscoroutine(awaitable):
            awaitable.close()  # nobody will run it: do not let Python warn of that too
        raise problem
    result: T = await _Crossing(awaitable, loop)._run()
    return result


def _loop_problem(loop: object) -> Exception | None:
    if not isinstance(loop, asyncio.AbstractEventLoop):
        return TypeError(f"loop={loop!r}; need an asyncio event loop")
    if not loop.is_running():
        return RuntimeError(f"from_asyncio(): {loop!r} is not running; start it on another thread first")
    if asyncio._get_running_loop() is loop:
        return RuntimeError("from_asyncio(): the loop runs on this very thread, which is busy here; use one in another thread")
    return None


class _Crossing:
    """One awaitable on its way over to a loop and back."""

    def __init__(self, awaitable: Awaitable[Any], loop: _Loop) -> None:
        self._awaitable = awaitable
        self._loop = loop
        self._over = _core.Event()
        self._future: asyncio.Future[Any] | None = None
        self._error: BaseException | None = None

    async def _run(self) -> Any:
        self._loop.call_soon_threadsafe(self._start)
        ours: Cancelled | None = None
        try:
            await self._over.wait()
        except Cancelled as cancelled:
            if not self._cancel_there():
                raise
            ours = cancelled
            await self._over.wait()
        try:
            if self._error is not None:
                raise self._error
            assert self._future is not None, "started before it is over"
            if self._future.cancelled():
                raise ours or Cancelled("it was cancelled on its asyncio loop")
            return self._future.result()
        finally:
            del ours  # no reference cycle through the traceback

    def _cancel_there(self) -> bool:
        """False if nothing runs there any more."""
        try:
            self._loop.call_soon_threadsafe(self._cancel)
        except RuntimeError:
            return False
        return True

    def _start(self) -> None:
        try:
            self._future = asyncio.ensure_future(self._awaitable, loop=self._loop)
        except BaseException as error:  # raised where it is awaited
            self._error = error
            self._over.set()
            return
        self._future.add_done_callback(lambda _: self._over.set())

    def _cancel(self) -> None:
        if self._future is not None:
            self._future.cancel()


_EQUIVALENTS = {
    "sleep": "stealscope.sleep()",
    "wait_for": "stealscope.timeout()",
    "timeout": "stealscope.timeout()",
    "create_task": "stealscope.spawn()",
    "ensure_future": "stealscope.spawn()",
    "gather": "stealscope.TaskGroup()",
    "wait": "stealscope's own, or stealscope.TaskGroup()",
    "to_thread": "Runtime.spawn_blocking()",
    "acquire": "stealscope.Lock or stealscope.Semaphore",
    "get": "stealscope.channel()",
    "put": "stealscope.channel()",
    "current_task": "stealscope.current_task()",
}


def explain_missing_loop(error: BaseException) -> None:
    """A task failed because it asked for an asyncio loop: a note says what to use instead. Other errors stay as they are."""
    if "no running event loop" not in str(error) and "no current event loop" not in str(error):
        return
    equivalent = next((_EQUIVALENTS[name] for name in _asyncio_calls(error) if name in _EQUIVALENTS), None)
    hint = f"use {equivalent} instead" if equivalent else "use stealscope's own functions instead"
    error.add_note(
        f"No asyncio loop runs on a stealscope worker: {hint}, or run asyncio code on a loop in another thread with "
        "stealscope.from_asyncio(awaitable, loop)."
    )


def _asyncio_calls(error: BaseException) -> Generator[str, None, None]:
    """Names of asyncio's functions in the traceback, outermost first."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").startswith("asyncio"):
            yield trace.tb_frame.f_code.co_name
        trace = trace.tb_next
