"""A dump of every live runtime when a signal comes: for a program that hangs and has no debugger at hand."""

from __future__ import annotations

import signal
import sys
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

    from .runtime import Runtime

__all__ = ["dump_on_signal"]

live_runtimes: weakref.WeakSet[Runtime] = weakref.WeakSet()
"""Filled by `Runtime`; those whose shutdown has ended are not in it."""


def dump_on_signal(signum: int) -> None:
    """Print a dump of every live runtime to stderr when a signal comes; then the handler that was there before runs.

    With `signal.SIGINT` a Ctrl-C prints the dump and then interrupts as usual.

    Args:
        signum: for instance ``signal.SIGUSR1``.

    Raises:
        ValueError: not on the main thread, where Python installs signal handlers; or no such signal.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("dump_on_signal() on another thread than the main one; Python installs signal handlers there only")
    before: Any = signal.getsignal(signum)

    def handler(number: int, frame: FrameType | None) -> None:
        print_dumps()
        if callable(before):
            before(number, frame)

    signal.signal(signum, handler)


def print_dumps(write: Callable[[str], object] | None = None) -> None:
    """Write a dump of each live runtime, to stderr unless told otherwise."""
    out = write or (lambda text: print(text, file=sys.stderr, flush=True))
    for runtime in list(live_runtimes):
        try:
            out(f"{runtime!r}\n{_dump_elsewhere(runtime)}")
        except Exception as error:
            out(f"{runtime!r}: no dump: {error}")


def _dump_elsewhere(runtime: Runtime) -> Any:
    """On a thread of its own: the signal may have come while this thread was inside a task."""
    result: list[Any] = []

    def take() -> None:
        try:
            result.append(runtime.handle.dump())
        except Exception as error:
            result.append(f"no dump: {error}")

    thread = threading.Thread(target=take, name="ss-dump")
    thread.start()
    thread.join(timeout=5)
    return result[0] if result else "no dump within 5 s"
