"""stealscope: a work-stealing task scheduler in C++, driven from Python.

The names below are the public ones. Where to look: `runtime` (workers on threads), `simulation` (the same in virtual time), `policy`
(scheduling decisions), `costs`, `handle` and `metrics` (numbers), `inside` (what tasks may do), `sync` and `channels` (how they wait for
each other), `workloads` (native work), `report` (what came out), `timeline` and `activity` (what happened when), `plots` (figures),
`watch` (a live view), `dump` (what every task waits for), `options` (hooks and histograms), `errors`. Everything with a leading
underscore is private.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

from . import _core, timeline
from .channels import channel, oneshot
from .dump import Dump, Frame, TaskTrace
from .dump_signal import dump_on_signal
from .errors import (
    CancelledError,
    ChannelClosed,
    DeadlockError,
    FeatureNotEnabled,
    InvariantError,
    MissingExtra,
    ReplayMismatch,
    RuntimeClosed,
    StealscopeError,
    StepLimitError,
)
from .handle import METRICS, Handle, features
from .inside import (
    block_in_place,
    blocking,
    consume_budget,
    current,
    current_task,
    interval,
    sleep,
    spawn,
    timeout,
    work,
    yield_now,
)
from .metrics import metrics_delta
from .options import H2, Histograms, Hooks, Linear, TaskMeta
from .policy import Policy
from .runtime import Runtime
from .sync import Barrier, Event, Lock, Notify, Semaphore
from .task_group import TaskGroup

# The laboratory, and what asyncio brings, are imported when they are first named: most programs that run tasks need neither.
if TYPE_CHECKING:
    from . import activity, dist, plots, program, workloads
    from ._asyncio_bridge import from_asyncio
    from ._workload import Workload
    from .calibration import calibrate
    from .choices import Choices
    from .comparison import Comparison
    from .costs import Costs
    from .errors import Cancelled
    from .estimate import Estimate
    from .experiments import experiment
    from .explore import Exploration, ScheduleFailure
    from .faults import LateWake, Slow, Stall
    from .prediction import WhatIf, what_if
    from .report import Report
    from .results import Results
    from .simulation import Simulation
    from .step import Step

_LATER = {
    **dict.fromkeys(("activity", "dist", "plots", "program", "workloads"), ""),
    "Cancelled": "errors",
    "Choices": "choices",
    "Comparison": "comparison",
    "Costs": "costs",
    "Estimate": "estimate",
    "Exploration": "explore",
    "LateWake": "faults",
    "Report": "report",
    "Results": "results",
    "ScheduleFailure": "explore",
    "Simulation": "simulation",
    "Slow": "faults",
    "Stall": "faults",
    "Step": "step",
    "WhatIf": "prediction",
    "Workload": "_workload",
    "calibrate": "calibration",
    "experiment": "experiments",
    "from_asyncio": "_asyncio_bridge",
    "what_if": "prediction",
}
"""By name the module that has it; empty for one that is a module itself. The same as the lines above, which type checkers read."""

JoinHandle = _core.JoinHandle
__version__: str = _core.VERSION


def __getattr__(name: str) -> _Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _import_module(f".{_LATER[name] or name}", __name__)
    value = home if not _LATER[name] else getattr(home, name)
    globals()[name] = value  # the next time it is found without us
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: _Any) -> None:
    """What ``%load_ext stealscope`` calls: it brings the cell magic ``%%steal``."""
    from ._magic import register_magic

    register_magic(shell)


__all__ = [
    "H2",
    "METRICS",
    "Barrier",
    "Cancelled",
    "CancelledError",
    "ChannelClosed",
    "Choices",
    "Comparison",
    "Costs",
    "DeadlockError",
    "Dump",
    "Estimate",
    "Event",
    "Exploration",
    "FeatureNotEnabled",
    "Frame",
    "Handle",
    "Histograms",
    "Hooks",
    "InvariantError",
    "JoinHandle",
    "LateWake",
    "Linear",
    "Lock",
    "MissingExtra",
    "Notify",
    "Policy",
    "ReplayMismatch",
    "Report",
    "Results",
    "Runtime",
    "RuntimeClosed",
    "ScheduleFailure",
    "Semaphore",
    "Simulation",
    "Slow",
    "Stall",
    "StealscopeError",
    "Step",
    "StepLimitError",
    "TaskGroup",
    "TaskMeta",
    "TaskTrace",
    "WhatIf",
    "Workload",
    "activity",
    "block_in_place",
    "blocking",
    "calibrate",
    "channel",
    "consume_budget",
    "current",
    "current_task",
    "dist",
    "dump_on_signal",
    "experiment",
    "features",
    "from_asyncio",
    "interval",
    "metrics_delta",
    "oneshot",
    "plots",
    "program",
    "sleep",
    "spawn",
    "timeline",
    "timeout",
    "what_if",
    "work",
    "workloads",
    "yield_now",
]
