"""What does each step of the scheduler cost on this machine, and how well do those numbers predict a run on it?

Invariant: the measuring is done in C++ without the GIL (``rt/drive/measure_costs.cpp``); here samples become a `Costs`. Read
next: `costs.py`.
"""

from __future__ import annotations

import datetime
import platform
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import _core, workloads
from ._progress import progress_bar
from .costs import Costs
from .runtime import Runtime
from .simulation import Simulation
from .units import checked_count, format_ns
from .workloads import Workload

__all__ = ["Prediction", "calibrate", "predictions"]

_PART = 200
"""Rounds measured in one call of the C++ side: about a second.  [rounds]"""

_SPREAD = frozenset({"wake_latency"})
"""Costs kept as a distribution: a wake-up has several moods, so one constant misleads."""


def calibrate(*, rounds: int = 200, progress: bool = False) -> Costs:
    """Measure this machine: about a second on two idle CPUs.

    Args:
        rounds: samples of each cost. Each is the mean of a batch, of a wake-up a single one; constants are medians over
            them, the wake-up's latency is kept as a distribution of 11 quantiles.
        progress: show on standard error how many rounds have been measured.

    Returns:
        Costs: with the machine and today's date in it. Other load on the machine makes the numbers larger.
    """
    samples = _samples(checked_count(rounds, "rounds", low=3, high=100_000), progress)
    measured: dict[str, Any] = {
        kind: _quantiles(values) if kind in _SPREAD else statistics.median(values) * 1e-9 for kind, values in samples.items()
    }
    return Costs(
        **measured,
        name="calibrated",
        source=f"stealscope.calibrate(rounds={rounds}), stealscope {_core.VERSION}",
        machine=_machine(),
        date=datetime.date.today().isoformat(),
    )


def _samples(rounds: int, progress: bool) -> dict[str, list[float]]:
    """In parts of much the same size, so that Ctrl-C and a progress bar have their turn."""
    parts = max(1, rounds // _PART)
    samples: dict[str, list[float]] = {}
    with progress_bar(rounds, progress, what="calibrate", unit="round") as advance:
        for part in range(parts):
            size = rounds * (part + 1) // parts - rounds * part // parts
            for kind, values in _core.measure_costs(size).items():
                samples.setdefault(kind, []).extend(values)
            advance(size)
    return samples


@dataclass(frozen=True)
class Prediction:
    """A makespan in virtual time beside real ones.

    Attributes:
        workload: what ran, as text.
        workers: how many.
        predicted: by the simulation, ns.
        measured: the median of the real runs, ns.
        low, high: the shortest and the longest of them, ns.
    """

    workload: str
    workers: int
    predicted: int
    measured: float
    low: int
    high: int

    @property
    def error(self) -> float:
        """(predicted - measured) / measured."""
        return self.predicted / self.measured - 1

    def to_dict(self) -> dict[str, Any]:
        """All fields and the error, JSON-serialisable."""
        return asdict(self) | {"error": self.error}

    def row(self) -> tuple[object, ...]:
        """For `tables.table`."""
        spread = f"{format_ns(self.low)} .. {format_ns(self.high)}"
        name = self.workload if len(self.workload) <= 48 else f"{self.workload[:45]}..."
        return (name, self.workers, format_ns(self.predicted), format_ns(self.measured), spread, f"{self.error:+.1%}")


def predictions(costs: Costs, *, repeats: int = 9, progress: bool = False) -> list[Prediction]:
    """Some workloads on 1 and 2 workers, in virtual time with these costs and on real threads.

    Args:
        repeats: real runs of each, after one that is not counted.
        progress: show on standard error how many have been compared.
    """
    checked_count(repeats, "repeats", low=1, high=10_000)
    cases = [(workload, workers) for workload in _cases() for workers in (1, 2)]
    found = []
    with progress_bar(len(cases), progress, what="predictions", unit="case") as advance:
        for workload, workers in cases:
            found.append(_predict(workload, workers, costs, repeats))
            advance(1)
    return found


def _cases() -> list[Workload]:
    return [
        workloads.fork_join(8, 2, 10_000),
        workloads.fork_join(6, 4, 2_000),
        workloads.fork_join(1, 64, 100_000),
        workloads.sequence(*[workloads.fork_join(1, 4, 50_000)] * 16),
        workloads.fork_join(12, 2, 500),
    ]


def _predict(workload: Workload, workers: int, costs: Costs, repeats: int) -> Prediction:
    predicted = Simulation(workers, costs=costs).run(workload).makespan
    with Runtime(workers) as runtime:
        runtime.run(workload)
        spans = [runtime.run(workload).makespan for _ in range(repeats)]
    return Prediction(workload.name, workers, predicted, statistics.median(spans), min(spans), max(spans))


def _quantiles(values: list[float]) -> tuple[float, ...]:
    # The outermost 2 % are the system's, not the wake-up's.
    return tuple(float(q) * 1e-9 for q in np.quantile(values, np.linspace(0.02, 0.98, 11)))


def _machine() -> str:
    """The processor's name as the system gives it, and the number of CPUs this process may use."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    return f"{model}, {len(_core.usable_cpus())} CPUs"
