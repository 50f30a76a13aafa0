"""What is one run of an experiment, and which row of figures does it leave?

Invariant: a cell holds all that its run depends on, so it can run in any process; a run that fails leaves a row too, with its
error and no figures. Read next: `_grid.py` (where cells come from), `_pools.py` (where they run).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from . import _core
from ._streams import stream_key
from .handle import METRICS

if TYPE_CHECKING:
    from .costs import Costs
    from .policy import Policy
    from .report import Report
    from .workloads import Workload

__all__ = ["ROW_FORMAT", "UNITS", "Cell", "Engine", "Row", "failed_row", "is_random", "replicated", "run_cell", "run_cells"]

Engine = Literal["sim", "threads"]
Row: TypeAlias = dict[str, Any]

ROW_FORMAT = 1
"""Goes up whenever a row gets other columns, so that rows of two kinds are never mixed."""

_COUNTERS = tuple(name for name, info in METRICS.items() if info["kind"] == "counter" and name != "elapsed")
_FIGURES = ("makespan", "work", "span", "lower_bound", "ratio", "speedup", "efficiency")
_SHARES = ("busy", "searching", "parked")
_SOJOURNS = {"sojourn_mean": None, "sojourn_p50": 0.5, "sojourn_p99": 0.99}

UNITS: dict[str, str] = (
    dict.fromkeys(("makespan", "work", "span", "lower_bound", *_SOJOURNS), "ns")
    | dict.fromkeys(("ratio", "speedup", "efficiency"), "1")
    | dict.fromkeys(_SHARES, "share of makespan, mean over workers")
    | {name: METRICS[name]["unit"] for name in _COUNTERS}
)
"""Unit of each figure in a row; worker counters are summed over the workers."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run: a workload, a policy, a number of workers and a cost table, in one replication."""

    workload_name: str
    workload: Workload
    policy_name: str
    policy: Policy
    workers: int
    costs_name: str
    costs: Costs | None
    replication: int
    seed: int
    engine: Engine
    key: str

    def identity(self) -> Row:
        """The columns that say which run a row is of."""
        return {
            "workload": self.workload_name,
            "policy": self.policy_name,
            "workers": self.workers,
            "costs": self.costs_name,
            "replication": self.replication,
            "seed": self.seed,
            "engine": self.engine,
            # More workers than CPUs share them: such a run says as much about the operating system as about the scheduler.
            "oversubscribed": self.engine == "threads" and self.workers > len(_core.usable_cpus()),
            "key": self.key,
        }

    def __str__(self) -> str:
        costs = f", costs {self.costs_name!r}" if self.engine == "sim" else ""
        return f"workload {self.workload_name!r}, policy {self.policy_name!r}, {self.workers} workers{costs}, seed {self.seed}"


def is_random(workload: Workload) -> bool:
    """Whether replications draw it anew: it, or a part of it, has a seed."""
    return workload.seed is not None or any(map(is_random, workload.parts))


@lru_cache(maxsize=1)  # the cells of a block follow each other, and drawing a large graph takes long
def replicated(workload: Workload, seed: int) -> Workload:
    """The workload of a replication: a random one drawn anew from its `workload` stream, a fixed one as it is."""
    return workload.with_seed(stream_key(seed, "workload"))


def run_cells(cells: Sequence[Cell]) -> list[Row]:
    """`run_cell` of each; what a worker process is given to do."""
    return [run_cell(cell) for cell in cells]


def run_cell(cell: Cell) -> Row:
    """Run it, which checks its answer, and return its row; an exception becomes the row's `error`."""
    try:
        workload = replicated(cell.workload, cell.seed)
        report = _simulated(cell, workload) if cell.engine == "sim" else _on_threads(cell, workload)
        return cell.identity() | _figures(report)
    except Exception as error:
        return failed_row(cell, error)


def failed_row(cell: Cell, error: BaseException) -> Row:
    """The row of a run that gave nothing but this error."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    names = (*_FIGURES, *_SHARES, *_SOJOURNS, *_COUNTERS, "validated", "exclusive", "trace_hash")
    return cell.identity() | dict.fromkeys(names) | {"error": text}


def _simulated(cell: Cell, workload: Workload) -> Report:
    from .simulation import Simulation

    seed = stream_key(cell.seed, "scheduler")
    return Simulation(cell.workers, policy=cell.policy, seed=seed, costs=cell.costs).run(workload)


def _on_threads(cell: Cell, workload: Workload) -> Report:
    from .runtime import Runtime

    with Runtime(cell.workers, policy=cell.policy, seed=stream_key(cell.seed, "scheduler")) as runtime:
        return runtime.run(workload)


def _figures(report: Report) -> Row:
    row: Row = {name: getattr(report, name) for name in _FIGURES}
    for name in _SHARES:
        shares = getattr(report, name)
        row[name] = None if shares is None else float(np.mean(shares))
    row |= _sojourns(report.sojourns)
    row |= {name: _counter(report.metrics, name) for name in _COUNTERS}
    return row | {"validated": report.validated, "exclusive": report.exclusive, "trace_hash": report.trace_hash, "error": None}


def _sojourns(values: Any) -> Row:
    if values is None or not len(values):
        return dict.fromkeys(_SOJOURNS)
    from .estimate import mser5

    kept = np.asarray(values, dtype=np.float64)[mser5(values) :]
    return {name: float(kept.mean() if q is None else np.quantile(kept, q)) for name, q in _SOJOURNS.items()}


def _counter(metrics: Mapping[str, Any], name: str) -> int | None:
    if name in metrics:
        return None if metrics[name] is None else int(metrics[name])
    values = [worker.get(name) for worker in metrics.get("workers", ())]
    return None if not values or None in values else sum(int(value) for value in values)
