"""What is a future of our executor, and why is it cheaper than the standard library's?

A `concurrent.futures.Future` makes a condition with its lock when it is made, and most futures end before anybody waits. Here the
condition is made when somebody first asks for it. Invariant: until then the state changes under one lock of the process, from then
on under the condition, as the standard library's own code does it. Read next: `executor.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures._base import CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from . import _core
from .errors import RuntimeClosed
from .inside import blocking

__all__ = ["RuntimeFuture", "hand_core_on"]

T = TypeVar("T")

_OVER = frozenset({CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED})
_no_condition_yet = threading.Lock()


class RuntimeFuture(Future[T]):
    """A future whose blocking methods follow the rule for waits on a worker.

    Args:
        native: the runtime of its call.
        forget: called with the future once it has ended, if that is given.
    """

    thread: int | None = None
    """The thread that is in its call."""

    def __init__(self, native: _core.Runtime, forget: Callable[[RuntimeFuture[T]], None] | None = None) -> None:
        # All that the base class sets, but for its condition.
        self._made: threading.Condition | None = None
        self._state = PENDING
        self._result: T | None = None
        self._exception: BaseException | None = None
        self._waiters: list[Any] = []
        self._done_callbacks: list[Callable[[Future[T]], object]] = []
        self._native = native
        self._forget = forget

    @property
    def _condition(self) -> threading.Condition:  # type: ignore[override]
        if self._made is None:
            with _no_condition_yet:
                if self._made is None:
                    self._made = threading.Condition()
        return self._made

    def begin(self) -> bool:
        """The call is about to be made; False if it was cancelled."""
        self.thread = threading.get_ident()
        with _no_condition_yet:
            if self._made is None and self._state == PENDING:
                self._state = RUNNING
                return True
        return self.set_running_or_notify_cancel()

    def end(self, result: T | None, error: BaseException | None) -> None:
        """The call is over: it returned, or raised the error."""
        with _no_condition_yet:
            nobody_asked = self._made is None
            if nobody_asked:
                self._result, self._exception, self._state = result, error, FINISHED
        if not nobody_asked:
            if error is None:
                self.set_result(result)  # type: ignore[arg-type]
            else:
                self.set_exception(error)
        del error  # no reference cycle through the traceback
        self._tell()

    def cancel(self) -> bool:
        """Ask the call to end before it begins; False if it has begun."""
        if not super().cancel():
            return False
        self._tell()
        return True

    def _tell(self) -> None:
        if self._forget is not None:
            self._forget(self)

    def cancelled(self) -> bool:
        """Whether it was cancelled before it began."""
        return self._state in (CANCELLED, CANCELLED_AND_NOTIFIED)

    def running(self) -> bool:
        """Whether the call is being made."""
        return self._state == RUNNING

    def done(self) -> bool:
        """Whether it is over or cancelled."""
        return self._state in _OVER

    def result(self, timeout: float | None = None) -> T:
        """What the call returned; raises what it raised. `timeout` in seconds."""
        if self._state == FINISHED and self._exception is None:
            return self._result  # type: ignore[return-value]
        try:
            with self._waiting("Future.result()"):
                return super().result(timeout)
        finally:
            del self  # no reference cycle through the traceback

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the call raised, or None. `timeout` in seconds."""
        with self._waiting("Future.exception()"):
            return super().exception(timeout)

    def _waiting(self, call: str) -> AbstractContextManager[None]:
        if self._state in _OVER:
            return nullcontext()
        if self._native.is_forked_copy:
            raise RuntimeClosed(f"{call}: this future belongs to the parent process; the threads that would end it are there")
        return hand_core_on(call, "stealscope.spawn(fn)")


def hand_core_on(call: str, instead: str) -> AbstractContextManager[None]:
    """On a worker that runs a callable, other tasks go on while it waits; in a coroutine and in a simulation it raises."""
    return blocking() if _core.check_may_block(call, instead) else nullcontext()
