"""stealscope: a work-stealing task scheduler in C++, driven from Python.

The names below are the public ones. Where to look: `runtime` (workers on threads), `simulation` (the same in virtual time), `policy`
(scheduling decisions), `costs`, `handle` and `metrics` (numbers), `inside` (what tasks may do), `sync` and `channels` (how they wait for
each other), `workloads` (native work), `report` (what came out), `timeline` and `activity` (what happened when), `plots` (figures),
`watch` (a live view), `dump` (what every task waits for), `options` (hooks and histograms), `errors`. Everything with a leading
underscore is private.
"""

from __future__ import annotations

from typing import Any as _Any

from . import _core, activity, dist, plots, program, timeline, workloads
from ._asyncio_bridge import from_asyncio
from .calibrate import calibrate
from .channels import channel, oneshot
from .choices import Choices
from .comparison import Comparison
from .costs import Costs
from .dump import Dump, Frame, TaskTrace
from .dump_signal import dump_on_signal
from .errors import (
    Cancelled,
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
from .estimate import Estimate
from .experiment import experiment
from .explore import Exploration, ScheduleFailure
from .faults import LateWake, Slow, Stall
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
from .report import Report
from .results import Results
from .runtime import Runtime
from .simulation import Simulation
from .step import Step
from .sync import Barrier, Event, Lock, Notify, Semaphore
from .task_group import TaskGroup
from .what_if import WhatIf, what_if
from .workloads import Workload

JoinHandle = _core.JoinHandle
__version__: str = _core.VERSION


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
