"""How do tasks and threads wait for each other?

Each class is a thin face of a native one. All are made anywhere, without a runtime, and belong to the first runtime or
simulation that awaits on them; awaiting in another is a `RuntimeError`. Plain methods may be called on any thread.
Invariant: who waits goes on in the order in which it came, and a waiter that is cancelled has taken nothing. Read next:
`channels.py`, `inside.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from types import TracebackType

from . import _core
from ._waiting import limit_ns
from .units import checked_count

__all__ = [
    "Barrier",
    "Event",
    "Lock",
    "Notify",
    "Semaphore",
]


class Event:
    """A flag that tasks and threads can wait for.

    ``set()`` lets through who waits now and who will, until ``clear()``; who was let through stays so, even if
    ``clear()`` comes before it runs.

    Examples:
        >>> import stealscope as ss
        >>> ready = ss.Event()
        >>> with ss.Runtime(workers=1) as rt:
        ...     _ = rt.spawn(ready.set)
        ...     ready.wait_blocking(timeout=10.0)  # a thread; a task does `await ready.wait()`
        >>> ready.is_set()
        True
    """

    __slots__ = ("__weakref__", "_native")

    def __init__(self) -> None:
        self._native = _core.Event()

    def set(self) -> None:
        """It has happened. Any thread."""
        self._native.set()

    def clear(self) -> None:
        """It has not happened (any more). Any thread."""
        self._native.clear()

    def is_set(self) -> bool:
        """Has it happened?"""
        return self._native.is_set()

    def wait(self) -> Awaitable[None]:
        """``await event.wait()``: until it is set. In a task."""
        return self._native.wait()

    def wait_blocking(self, timeout: float | None = None) -> None:
        """Block this thread until it is set.

        Args:
            timeout: seconds; None waits without limit.

        Raises:
            TimeoutError: it was not set in time.
            RuntimeError: in a coroutine, where it would block a worker; await `wait` there.
        """
        if not self._native.wait_blocking(limit_ns(timeout)):
            raise TimeoutError(f"the event was not set within {timeout} s")

    def __repr__(self) -> str:
        return f"<stealscope.Event {'set' if self.is_set() else 'unset'}>"


class Notify:
    """Tell one waiter, or all, that something has changed. Low level: prefer `Event`, which is harder to use wrongly.

    ``notify_one()`` without a waiter is kept for the next one, once. ``notify_all()`` reaches the waits that exist, also
    those not awaited yet, and is not kept.
    """

    __slots__ = ("__weakref__", "_native")

    def __init__(self) -> None:
        self._native = _core.Notify()

    def notify_one(self) -> None:
        """Let the first waiter through, or the next one to come. Any thread."""
        self._native.notify_one()

    def notify_all(self) -> None:
        """Let all through whose ``notified()`` has been called. Any thread."""
        self._native.notify_all()

    def notified(self) -> Awaitable[None]:
        """Await it in a task: goes on once told."""
        return self._native.notified()

    def __repr__(self) -> str:
        return "<stealscope.Notify>"


class _Acquired:
    """What `Semaphore` and `Lock` share: ``await acquire()`` … ``release()``, or ``async with``."""

    __slots__ = ("__weakref__", "_native")
    _native: _core.Semaphore | _core.Lock

    def acquire(self) -> Awaitable[bool]:
        """Await it in a task: True once one is yours; first come, first served."""
        return self._native.acquire()

    def try_acquire(self) -> bool:
        """Take one now, if one is free and nobody waits for it. Any thread."""
        return self._native.try_acquire()

    def release(self) -> None:
        """Give one back: to the first waiter, if there is one. Any thread.

        Raises:
            RuntimeError: a lock that nobody holds.
        """
        self._native.release()

    def __aenter__(self) -> Awaitable[None]:
        return self._native.enter()

    def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Awaitable[None]:
        return self._native.leave()


class Semaphore(_Acquired):
    """At most `value` at a time, fairly: while anybody waits, nobody takes a permit past them.

    Args:
        value: permits at the start, 0 or more.

    Examples:
        >>> import stealscope as ss
        >>> limit = ss.Semaphore(10)
        >>> async def fetch(n):
        ...     async with limit:
        ...         await ss.sleep(0.1)
        >>> async def main():
        ...     async with ss.TaskGroup() as group:
        ...         for n in range(20):
        ...             group.spawn(fetch, n)
        >>> sim = ss.Simulation(2)
        >>> sim.block_on(main)
        >>> round(sim.now, 1)  # ten at a time
        0.2
    """

    __slots__ = ()
    _native: _core.Semaphore

    def __init__(self, value: int = 1) -> None:
        self._native = _core.Semaphore(checked_count(value, "value"))

    def locked(self) -> bool:
        """True if `try_acquire` would fail now."""
        return self._native.available() == 0 or self._native.waiting() > 0

    @property
    def available(self) -> int:
        """Permits that are free now."""
        return self._native.available()

    def __repr__(self) -> str:
        return f"<stealscope.Semaphore available={self.available} waiting={self._native.waiting()}>"


class Lock(_Acquired):
    """One at a time, across awaits, fairly. It belongs to nobody: whoever wants may release it, as with asyncio's."""

    __slots__ = ()
    _native: _core.Lock

    def __init__(self) -> None:
        self._native = _core.Lock()

    def locked(self) -> bool:
        """Is it held?"""
        return self._native.is_locked()

    def __repr__(self) -> str:
        return f"<stealscope.Lock {'locked' if self.locked() else 'unlocked'} waiting={self._native.waiting()}>"


class Barrier:
    """All `parties` wait until all are there; then the next round begins.

    A waiter that is cancelled before the round is complete has not arrived.

    Args:
        parties: 1 or more.
    """

    __slots__ = ("__weakref__", "_native")

    def __init__(self, parties: int) -> None:
        self._native = _core.Barrier(checked_count(parties, "parties", low=1))

    def wait(self) -> Awaitable[int]:
        """``await barrier.wait()``: the place in this round, 0 for the first that came. In a task."""
        return self._native.wait()

    @property
    def parties(self) -> int:
        """How many make a round."""
        return self._native.parties()

    @property
    def n_waiting(self) -> int:
        """How many wait in this round."""
        return self._native.waiting()

    def __repr__(self) -> str:
        return f"<stealscope.Barrier {self.n_waiting} of {self.parties}>"
