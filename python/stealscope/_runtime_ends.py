"""How does a runtime end that nobody shut down: dropped, left to the interpreter's exit, or inherited by a forked child?

Invariant: it is cancelled, not waited for, and no thread of it enters Python after the interpreter's end. Read next: `runtime.py`.
"""

from __future__ import annotations

import atexit
import os
import warnings

from . import _core
from .dump_signal import live_runtimes
from .errors import RuntimeClosed

__all__ = ["close_forgotten", "stop_all"]


def close_forgotten(native: _core.Runtime) -> None:
    """A runtime was dropped without shutdown: its tasks are cancelled; its threads end by themselves."""
    if not native.is_forked_copy and not native.is_closed:
        warnings.warn(
            f"a stealscope.Runtime {native.name!r} was dropped without shutdown; its tasks are cancelled. "
            "Use it as a context manager",
            ResourceWarning,
            stacklevel=2,
        )
        native.close()


def stop_all() -> None:
    """Interpreter exit: cancel everything, then wait for the threads, so that none enters Python afterwards."""
    for runtime in list(live_runtimes):
        try:
            runtime.shutdown(cancel=True)
        except (RuntimeClosed, KeyboardInterrupt):
            continue


atexit.register(stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_core.note_fork_in_child)
