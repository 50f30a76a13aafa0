"""stealscope: a work-stealing task scheduler in C++, driven from Python.

The names below are the public ones. Where to look: `runtime` (workers on threads), `handle` and `metrics` (figures),
`inside` (what tasks may do), `sync` (how they wait for each other), `workloads` (native work), `report` (what came out),
`options` (hooks and histograms), `errors`. Everything with a leading underscore is private.
"""

from __future__ import annotations

from . import _core, workloads
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
from .handle import METRICS, Handle, features
from .metrics import metrics_delta
from .options import H2, Histograms, Hooks, Linear, TaskMeta
from .report import Report
from .runtime import Runtime
from .workloads import Workload

JoinHandle = _core.JoinHandle
__version__: str = _core.VERSION

__all__ = [
    "H2",
    "METRICS",
    "Cancelled",
    "CancelledError",
    "ChannelClosed",
    "DeadlockError",
    "FeatureNotEnabled",
    "Handle",
    "Histograms",
    "Hooks",
    "InvariantError",
    "JoinHandle",
    "Linear",
    "MissingExtra",
    "ReplayMismatch",
    "Report",
    "Runtime",
    "RuntimeClosed",
    "StealscopeError",
    "StepLimitError",
    "TaskMeta",
    "Workload",
    "features",
    "metrics_delta",
    "workloads",
]
