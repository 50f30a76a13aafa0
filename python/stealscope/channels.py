"""How do tasks and threads hand each other values? A channel of many, a one-shot of one.

Each class is a thin face of a native one; what `sync.py` says of runtimes, threads and cancelled waiters holds here too.
Invariant: a value is received by one receiver or by none, and a `send` or `recv` that is cancelled has done nothing. Read
next: `inside.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar, cast

from . import _core
from ._waiting import limit_ns
from .errors import ChannelClosed
from .units import checked_count

__all__ = ["OneshotReceiver", "OneshotSender", "Receiver", "Sender", "channel", "oneshot"]

T = TypeVar("T")


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


class _ChannelEnd(Generic[T]):
    """What both ends of a channel can do."""

    __slots__ = ("__weakref__", "_native")

    _native: _core.Sender | _core.Receiver

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
        end = self._native
        return f"<stealscope.{type(self).__name__} {end.size()} of {end.capacity()}{' closed' if end.is_closed() else ''}>"


class Sender(_ChannelEnd[T]):
    """The sending end of `channel`. Any number of tasks and threads may share it."""

    __slots__ = ()

    _native: _core.Sender

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


class Receiver(_ChannelEnd[T]):
    """The receiving end of `channel`. Any number may share it; each value goes to one of them."""

    __slots__ = ()

    _native: _core.Receiver

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

    def __aiter__(self) -> Receiver[T]:
        return self

    def __anext__(self) -> Awaitable[T]:
        return cast("Awaitable[T]", self._native.next())


def channel(capacity: int) -> tuple[Sender[Any], Receiver[Any]]:
    """A bounded queue of values, first in, first out: ``(tx, rx)``.

    It closes by ``close()`` on either end, or when all references to an end are gone.

    Args:
        capacity: values that may be in it, 1 or more; who sends more waits.

    Raises:
        ValueError: capacity below 1.

    Examples:
        >>> import stealscope as ss
        >>> tx, rx = ss.channel(16)
        >>> async def consume():
        ...     return [value async for value in rx]  # ends when closed and drained
        >>> async def main():
        ...     values = ss.spawn(consume)
        ...     for n in range(3):
        ...         await tx.send(n)
        ...     tx.close()
        ...     return await values
        >>> ss.Simulation(2).block_on(main)
        [0, 1, 2]
    """
    tx, rx = _core.channel(checked_count(capacity, "capacity", low=1))
    return Sender(tx), Receiver(rx)


def oneshot() -> tuple[OneshotSender[Any], OneshotReceiver[Any]]:
    """One value from here to there, once: ``(tx, rx)``; ``tx.send(value)`` and ``await rx``."""
    tx, rx = _core.oneshot()
    return OneshotSender(tx), OneshotReceiver(rx)
