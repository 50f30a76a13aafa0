"""How do tasks and threads wait for each other, and hand each other values?

Each class is a thin face of a native one. All are made anywhere, without a runtime, and belong to the first runtime or
simulation that awaits on them; awaiting in another is a `RuntimeError`. Plain methods may be called on any thread.
Invariant: who waits goes on in the order in which it came, and a waiter that is cancelled has taken nothing. Read next:
`inside.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from . import _core
from ._waiting import limit_ns
from .errors import ChannelClosed
from .units import checked_count

__all__ = [
    "Barrier",
    "Event",
    "Lock",
    "Notify",
    "OneshotReceiver",
    "OneshotSender",
    "Receiver",
    "Semaphore",
    "Sender",
    "channel",
    "oneshot",
]

T = TypeVar("T")


class Event:
    """A flag that tasks and threads can wait for.

    ``set()`` lets through who waits now and who will, until ``clear()``; who was let through stays so, even if
    ``clear()`` comes before it runs.

    Example::

        ready = ss.Event()
        rt.spawn(ready.set)
        ready.wait_blocking(timeout=1.0)
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

    Example::

        limit = ss.Semaphore(10)

        async def fetch(n):
            async with limit:
                ...
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
    """All `parties` wait until all are there; then the next round begins. A cancelled waiter has not arrived.

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


class OneshotSender(Generic[T]):
    """The sending end of `oneshot`. When it is dropped unused, the receiver gets `ChannelClosed`."""

    __slots__ = ("__weakref__", "_native")

    def __init__(self, native: _core.OneshotSender) -> None:
        self._native = native

    def send(self, value: T) -> None:
        """Send the value, once. Any thread.

        Raises:
            ChannelClosed: the receiver is gone.
            RuntimeError: sent before.
        """
        if not self._native.send(value):
            raise ChannelClosed("oneshot send: the receiver is gone")

    def is_closed(self) -> bool:
        """True if a value could no longer be sent."""
        return self._native.is_closed()

    def __repr__(self) -> str:
        return f"<stealscope.OneshotSender {'closed' if self.is_closed() else 'open'}>"


class OneshotReceiver(Generic[T]):
    """The receiving end of `oneshot`: ``await rx``."""

    __slots__ = ("__weakref__", "_native")

    def __init__(self, native: _core.OneshotReceiver) -> None:
        self._native = native

    def __await__(self) -> Generator[Any, Any, T]:
        return cast("Generator[Any, Any, T]", self._native.recv().__await__())

    def try_recv(self, default: T | None = None) -> T | None:
        """The value if it has come, else `default`. Any thread.

        Raises:
            ChannelClosed: it will not come (any more).
        """
        arrived, value = self._native.try_recv()
        return cast("T", value) if arrived else default

    def recv_blocking(self, timeout: float | None = None) -> T:
        """Block this thread until the value comes.

        Args:
            timeout: seconds; None waits without limit.

        Raises:
            TimeoutError: it did not come in time.
            ChannelClosed: it will not come (any more).
            RuntimeError: in a coroutine; ``await rx`` there.
        """
        arrived, value = self._native.recv_blocking(limit_ns(timeout))
        if not arrived:
            raise TimeoutError(f"no value within {timeout} s")
        return cast("T", value)

    def __repr__(self) -> str:
        return "<stealscope.OneshotReceiver>"


class Sender(Generic[T]):
    """The sending end of `channel`. Any number of tasks and threads may share it."""

    __slots__ = ("__weakref__", "_native")

    def __init__(self, native: _core.Sender) -> None:
        self._native = native

    def send(self, value: T) -> Awaitable[None]:
        """``await tx.send(value)``: once there is room. In a task; cancelled while it waits, it has sent nothing.

        Raises (from the await):
            ChannelClosed: the channel is closed, or its receivers are gone.
        """
        return self._native.send(value)

    def try_send(self, value: T) -> bool:
        """Send if there is room and nobody waits to send. Any thread.

        Raises:
            ChannelClosed: as in `send`.
        """
        return self._native.try_send(value)

    def send_blocking(self, value: T, timeout: float | None = None) -> None:
        """Block this thread until there is room.

        Args:
            timeout: seconds; None waits without limit.

        Raises:
            TimeoutError: no room in time; nothing was sent.
            ChannelClosed: as in `send`.
            RuntimeError: in a coroutine; await `send` there.
        """
        if not self._native.send_blocking(value, limit_ns(timeout)):
            raise TimeoutError(f"no room in the channel within {timeout} s")

    def close(self) -> None:
        """Nothing more can be sent; what has been sent can still be received. Any thread."""
        self._native.close()

    def is_closed(self) -> bool:
        """Has either end been closed?"""
        return self._native.is_closed()

    @property
    def capacity(self) -> int:
        """How many values it holds."""
        return self._native.capacity()

    def __len__(self) -> int:
        return self._native.size()

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<stealscope.Sender {_fill(self._native)}>"


class Receiver(Generic[T]):
    """The receiving end of `channel`. Any number may share it; each value goes to one of them."""

    __slots__ = ("__weakref__", "_native")

    def __init__(self, native: _core.Receiver) -> None:
        self._native = native

    def recv(self) -> Awaitable[T]:
        """``await rx.recv()``: the next value. In a task; cancelled while it waits, it has received nothing.

        Raises (from the await):
            ChannelClosed: closed, or the senders are gone, and drained.
        """
        return cast("Awaitable[T]", self._native.recv())

    def try_recv(self, default: T | None = None) -> T | None:
        """The next value, or `default` if there is none that is not kept for a waiter. Any thread.

        Raises:
            ChannelClosed: as in `recv`.
        """
        arrived, value = self._native.try_recv()
        return cast("T", value) if arrived else default

    def recv_blocking(self, timeout: float | None = None) -> T:
        """Block this thread until a value comes.

        Args:
            timeout: seconds; None waits without limit.

        Raises:
            TimeoutError: none came in time; nothing was received.
            ChannelClosed: as in `recv`.
            RuntimeError: in a coroutine; await `recv` there.
        """
        arrived, value = self._native.recv_blocking(limit_ns(timeout))
        if not arrived:
            raise TimeoutError(f"no value within {timeout} s")
        return cast("T", value)

    def close(self) -> None:
        """Nothing more can be sent; what has been sent can still be received. Any thread."""
        self._native.close()

    def is_closed(self) -> bool:
        """Has either end been closed?"""
        return self._native.is_closed()

    @property
    def capacity(self) -> int:
        """How many values it holds."""
        return self._native.capacity()

    def __aiter__(self) -> Receiver[T]:
        return self

    def __anext__(self) -> Awaitable[T]:
        return cast("Awaitable[T]", self._native.next())

    def __len__(self) -> int:
        return self._native.size()

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<stealscope.Receiver {_fill(self._native)}>"


def channel(capacity: int) -> tuple[Sender[Any], Receiver[Any]]:
    """A bounded queue of values, first in, first out: ``(tx, rx)``.

    It closes by ``close()`` on either end, or when all references to an end are gone.

    Args:
        capacity: values that may be in it, 1 or more; who sends more waits.

    Raises:
        ValueError: capacity below 1.

    Example::

        tx, rx = ss.channel(16)

        async def consume():
            async for value in rx:  # ends when closed and drained
                ...
    """
    tx, rx = _core.channel(checked_count(capacity, "capacity", low=1))
    return Sender(tx), Receiver(rx)


def oneshot() -> tuple[OneshotSender[Any], OneshotReceiver[Any]]:
    """One value from here to there, once: ``(tx, rx)``; ``tx.send(value)`` and ``await rx``."""
    tx, rx = _core.oneshot()
    return OneshotSender(tx), OneshotReceiver(rx)


def _fill(end: _core.Sender | _core.Receiver) -> str:
    return f"{end.size()} of {end.capacity()}{' closed' if end.is_closed() else ''}"
