"""Which exceptions does the package raise, and what do they derive from?

Invariant: every exception of ours derives from `StealscopeError` *and* from the built-in class that a user would catch
without knowing us. Bad arguments are plain `TypeError` or `ValueError` at the call. Read next: `units.py`, which raises
most of those.
"""

from __future__ import annotations

import importlib
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import CancelledError as Cancelled

__all__ = [
    "Cancelled",
    "CancelledError",
    "ChannelClosed",
    "DeadlockError",
    "FeatureNotEnabled",
    "InvariantError",
    "MissingExtra",
    "ReplayMismatch",
    "RuntimeClosed",
    "StealscopeError",
    "StepLimitError",
    "import_extra",
    "load_cancelled",
]


def __getattr__(name: str) -> Any:
    if name != "Cancelled":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import asyncio  # a third of what the whole package would take to import, for one class

    return asyncio.CancelledError


def load_cancelled() -> None:
    """Import what has `Cancelled`, before there is anything to cancel.

    Two workers that were the first to cancel a coroutine would wait for each other: one for the import, which gives the GIL away
    meanwhile, and the other, which took it, for the first (``cancelled_in_coroutine`` in ``cpp/bind/py_task.cpp``).
    """
    importlib.import_module("asyncio")


class StealscopeError(Exception):
    """Base of every exception class that this package defines."""


class RuntimeClosed(StealscopeError, RuntimeError):
    """The runtime takes no new work: it was shut down, or this process is a forked child of the one that made it."""


class FeatureNotEnabled(StealscopeError, NotImplementedError):
    """The method exists, but the build option it needs was off; the message names the option."""


class MissingExtra(StealscopeError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


class DeadlockError(StealscopeError, RuntimeError):
    """In a simulation tasks are alive and nothing can happen any more.

    Attributes:
        dump: what each task waits for; None where a build has no dump.
        choices: the recorded decisions that lead here; None if they were not recorded.
    """

    def __init__(self, message: str = "", *, dump: Any = None, choices: Any = None) -> None:
        super().__init__(message)
        self.dump = dump
        self.choices = choices


class StepLimitError(StealscopeError, RuntimeError):
    """A simulation took more than `max_steps` steps.

    Attributes:
        dump: where each task is; None where a build has no dump.
    """

    def __init__(self, message: str = "", *, dump: Any = None) -> None:
        super().__init__(message)
        self.dump = dump


class ReplayMismatch(StealscopeError, RuntimeError):
    """Recorded choices were made by another version or for another configuration."""


class ChannelClosed(StealscopeError, EOFError):
    """Send on a closed channel, or receive from one that is closed and drained."""


class InvariantError(StealscopeError, AssertionError):
    """A law of the scheduler is broken, or a workload's answer is not the expected one.

    Attributes:
        broken: by law, a sentence for each breach; empty where none is named.
        report: of the run that broke it, or None.
    """

    def __init__(self, message: str = "", *, broken: Any = None, report: Any = None) -> None:
        super().__init__(message)
        self.broken = dict(broken or {})
        self.report = report


def import_extra(module: str, extra: str) -> Any:
    """Import an optional dependency when it is first used.

    Args:
        module: importable name, for example ``"pandas"``.
        extra: the extra of this package that installs it, for example ``"frame"``.

    Raises:
        MissingExtra: `module` (not something that it imports in turn) cannot be found.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise MissingExtra(f"this needs {module}; install it with: pip install 'stealscope[{extra}]'") from error
