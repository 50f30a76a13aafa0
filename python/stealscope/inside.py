"""What can the code of a task ask for: time, turns, a deadline, its runtime, leave to block?

Invariant: nothing here needs a runtime at import; what does need one says so with a `RuntimeError`. Read next:
`task_group.py`, `sync.py`.
Source of `timeout`: the rules of `asyncio.timeout` in Python 3.13.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from inspect import iscoroutinefunction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, final, get_args

from . import _core, errors
from ._waiting import NO_DEADLINE
from .units import checked_ns, ns_to_seconds, seconds_to_ns

if TYPE_CHECKING:
    from contextvars import Context

    from .handle import Handle

__all__ = [
    "Interval",
    "Missed",
    "Timeout",
    "block_in_place",
    "blocking",
    "consume_budget",
    "current",
    "current_task",
    "interval",
    "sleep",
    "spawn",
    "timeout",
    "work",
    "yield_now",
]

R = TypeVar("R")
Missed = Literal["burst", "skip", "delay"]

_LATE_NS = 5_000_000
"""A tick this late counts as missed.  [ns]  Source: Tokio 1.48 time/interval.rs: below it lies the timer's own grain."""


def sleep(seconds: float) -> Awaitable[None]:
    """Await it: goes on after so many seconds; other tasks run meanwhile. In a simulation the time is virtual.

    Raises:
        TypeError: not a real number.
        ValueError: negative, NaN or infinite.
    """
    return _core.sleep_ns(seconds_to_ns(seconds))


@_core.quick_yield
def yield_now() -> Awaitable[None]:
    """Await it: whatever else is ready has a turn first."""
    return _core.yield_now()


def consume_budget() -> Awaitable[None]:
    """Await it: takes one unit of this turn's budget; gives way when none is left, else goes straight on."""
    return _core.consume_budget()


def work(seconds: float | None = None, *, ns: int | None = None) -> Awaitable[None]:
    """Await it: keeps this worker busy for so many seconds, or ``ns=`` nanoseconds.

    On threads it computes there and then, without letting the GIL go; in a simulation it costs virtual time.

    Raises:
        TypeError: both or none given, or not a number.
        ValueError: negative, NaN or infinite.
    """
    if (seconds is None) == (ns is None):
        raise TypeError("work() needs either seconds or ns=, not both and not neither")
    return _core.work_ns(seconds_to_ns(seconds) if seconds is not None else checked_ns(ns if ns is not None else 0))


def block_in_place(fn: Callable[..., R], *args: Any, cost: float = 0.0) -> R:
    """Call `fn`, which may block, here and now; another thread goes on with this worker's other tasks meanwhile.

    Args:
        fn: a plain function; it may wait on handles. Keyword arguments for it: `functools.partial`.
        cost: seconds that it takes in a simulation, where `fn` runs at once. What the task does behind it, up to its next
            await, takes effect on others when they are over.

    Raises:
        RuntimeError: no thread is left to go on with the worker.
        TypeError: not callable, or an async function.
    """
    if iscoroutinefunction(fn):
        raise TypeError(f"block_in_place() calls a plain function; {fn!r} is an async one: await it instead")
    return cast("R", _core.block_in_place(seconds_to_ns(cost, "cost"), fn, args))


@contextmanager
def blocking() -> Iterator[None]:
    """A ``with`` block that may block: another thread goes on with this worker's other tasks meanwhile.

    There may be no ``await`` in it: that raises `RuntimeError`, after the worker has been taken back. In a simulation,
    and outside a task, it changes nothing.

    Raises:
        RuntimeError: no thread is left to go on with the worker.
    """
    _core.begin_blocking()
    try:
        yield
    finally:
        _core.end_blocking()


def current() -> Handle:
    """The handle of the runtime or simulation that this code runs in.

    Raises:
        RuntimeError: in none.
    """
    from .handle import Handle

    native = _core.current_world()
    if native is None:
        raise RuntimeError("no runtime runs this code; call it in a task, a blocking job or block_on, or use Runtime.handle")
    return Handle(native)


@_core.quick_spawn_here
def spawn(target: Any, /, *args: Any, name: str | None = None, context: Context | None = None) -> _core.JoinHandle:
    """``current().spawn(...)``: a new task beside this one.

    Raises:
        RuntimeError: outside every runtime.
        TypeError, ValueError: as `Runtime.spawn`.
    """
    return current().spawn(target, *args, name=name, context=context)


def current_task() -> _core.CurrentTask:
    """The task that runs this code: ``id``, ``name``, ``cancel()``, ``cancelling()``, ``uncancel()``.

    Raises:
        RuntimeError: outside every task.
    """
    task = _core.current_task()
    if task is None:
        raise RuntimeError("no stealscope task runs here; spawn this code on a Runtime first")
    return task


@final
class Timeout:
    """What ``async with timeout(...)`` gives. Only its own expiry becomes `TimeoutError`."""

    __slots__ = ("_cancelling", "_deadline", "_left", "_task", "_when")

    def __init__(self, when: float | None) -> None:
        self._when = when
        self._deadline = _core.Deadline()
        self._task: _core.CurrentTask | None = None
        self._cancelling = 0
        self._left = False

    def when(self) -> float | None:
        """When it expires, in seconds on the clock of the runtime (that of `reschedule`); None for never."""
        return self._when

    def reschedule(self, when: float | None) -> None:
        """Expire at another time: seconds on the clock of `when()`; None for never. In the past: at the next await.

        Raises:
            RuntimeError: not entered, left, or expired.
        """
        if self._task is None:
            raise RuntimeError("timeout: reschedule() before `async with` has entered it")
        if self._left or self._deadline.expired:
            raise RuntimeError(f"timeout: reschedule() after it has {'been left' if self._left else 'expired'}")
        self._deadline.reschedule(_at_ns(when))
        self._when = when

    def expired(self) -> bool:
        """Has its time come while it was entered?"""
        return self._deadline.expired

    async def __aenter__(self) -> Timeout:
        if self._task is not None:
            raise RuntimeError("timeout: entered before; make a new one for each `async with`")
        task = current_task()
        self._cancelling = task.cancelling()
        self._deadline.enter(_at_ns(self._when))
        self._task = task
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._task is not None, "entered before it is left"
        self._left = True
        if not self._deadline.leave():
            return
        # Its own request to cancel is taken back. If another is left, somebody else wants the task to end, and that wins.
        if self._task.uncancel() > self._cancelling or error is None:
            return
        if isinstance(error, errors.Cancelled):
            raise TimeoutError(_EXPIRED) from error
        _show_expiry_in(error)
        for one in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
            _show_expiry_in(one)

    def __repr__(self) -> str:
        state = "expired" if self.expired() else "over" if self._left else "new" if self._task is None else "running"
        return f"<stealscope.Timeout {state} when={self._when}>"


_EXPIRED = "the block was not over in time"


def _show_expiry_in(error: BaseException) -> None:
    """An error of the cleanup was raised while `Cancelled` was handled: TimeoutError is put between the two."""
    while (before := error.__context__) is not None:
        if isinstance(before, errors.Cancelled):
            expiry = TimeoutError(_EXPIRED)
            expiry.__context__ = expiry.__cause__ = before
            error.__context__ = expiry
            return
        error = before


def timeout(seconds: float | None) -> Timeout:
    """An ``async with`` block that is cancelled when it takes longer; that is turned into `TimeoutError`.

    Args:
        seconds: from now; None for no limit (yet: see `Timeout.reschedule`).

    Raises:
        RuntimeError: outside a runtime, or (at ``async with``) outside a task.
        TypeError, ValueError: as `sleep`.
    """
    if seconds is None:
        return Timeout(None)
    return Timeout(ns_to_seconds(_core.now_ns() + seconds_to_ns(seconds)))


@final
class Interval:
    """What `interval` gives: an endless ``async for``."""

    __slots__ = ("_first", "_missed", "_next", "_period")

    def __init__(self, period_ns: int, missed: Missed) -> None:
        self._period = period_ns
        self._missed = missed
        self._first: int | None = None
        self._next = 0

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        if self._first is None:
            self._first = self._next = _core.now_ns()
        await _core.sleep_until_ns(self._next)
        tick = (self._next - self._first) // self._period
        self._next = self._after(self._next, _core.now_ns())
        return tick

    def _after(self, due: int, now: int) -> int:
        if now <= due + _LATE_NS or self._missed == "burst":
            return due + self._period
        if self._missed == "skip":
            return now + self._period - (now - due) % self._period
        # "delay": the grid moves, and the ticks are counted on.
        assert self._first is not None, "set at the first tick"
        self._first += now - due
        return now + self._period


def interval(seconds: float, missed: Missed = "burst") -> Interval:
    """An endless ``async for``: a tick every so many seconds, at once for the first time.

    `tick` counts periods from 0. What happens when the body took too long: ``"burst"`` catches up without waiting,
    ``"skip"`` leaves out what was missed and keeps to the grid (`tick` jumps), ``"delay"`` starts the grid anew.

    Raises:
        TypeError: not a real number.
        ValueError: not above 0, NaN or infinite; no such `missed`.

    Source: Tokio 1.48, ``tokio::time::interval`` and ``MissedTickBehavior``.
    """
    period = seconds_to_ns(seconds)
    if period == 0:
        raise ValueError(f"seconds={seconds!r}; need at least 1 ns; use yield_now() to let others run")
    if missed not in get_args(Missed):
        raise ValueError(f"missed={missed!r}; need 'burst', 'skip' or 'delay'")
    return Interval(period, missed)


def _at_ns(when: float | None) -> int:
    return NO_DEADLINE if when is None else max(0, round(when * 1e9))
