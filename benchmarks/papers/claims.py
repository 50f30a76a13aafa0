"""How is a paper's claim set against what our simulator does? A row for each, a table, an exit status.

Invariant: sizes, seeds and the rule that says "holds" are fixed before a run; a row without a rule is a measurement only, and cannot
fail. Read next: README.md, any script beside this one.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import stealscope as ss

__all__ = [
    "MEAN",
    "UNIT",
    "Estimate",
    "Row",
    "burst_makespan",
    "estimate",
    "independent_tasks",
    "main",
    "shown",
    "sojourn_means",
    "status",
]

MEAN = 1e-3
"""One service time of an open system.  [s]"""

UNIT = 1e6
"""The same.  [ns]"""

_STUDENT = {2: 4.303, 4: 2.776, 9: 2.262, 19: 2.093, 29: 2.045}
"""97.5 % quantiles of Student's distribution by degrees of freedom: the numbers of replications that the scripts use."""


@dataclass(frozen=True)
class Row:
    """A line of the table; `holds` is None where nothing is claimed."""

    claim: str
    ours: str
    holds: bool | None = None


@dataclass(frozen=True)
class Estimate:
    """The mean of independent replications and its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4g} ({self.low:.4g} .. {self.high:.4g})"


def estimate(values: Sequence[float]) -> Estimate:
    mean = fmean(values)
    half = _STUDENT[len(values) - 1] * stdev(values) / math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)


def independent_tasks(n: int, cost_ns: int) -> ss.Workload:
    """A root that takes no time and then makes n tasks ready at once on the worker that ran it."""
    return ss.workloads.dag([0] + [n] * (n + 1), range(1, n + 1), [0] + [cost_ns] * n)


def burst_makespan(tasks: int, workers: int, *, unit: int, look: int, sweeps: int, replications: int) -> Estimate:
    """In units: `tasks` tasks of one unit (ns) that begin on one worker, until the last has ended.

    Idle workers look at uniformly random victims, `look` ns each, take half, and rest after `sweeps` sweeps more in vain.
    """
    policy = ss.Policy(
        lifo_slot=False,
        local_order="lifo",
        local_capacity=1 << 17,
        victims="uniform",
        max_searching=1.0,
        notify="all",
        spin=sweeps,
    )
    costs = ss.Costs.from_dict(ss.Costs.zero().to_dict() | {"steal_hit": look / 1e9, "steal_miss": look / 1e9})
    workload = independent_tasks(tasks, unit)
    runs = (ss.Simulation(workers, policy=policy, costs=costs, seed=seed).run(workload) for seed in range(replications))
    return estimate([run.makespan / unit for run in runs])


def sojourn_means(
    load: float,
    workers: int,
    policy: ss.Policy,
    *,
    jobs: int,
    warmup: int,
    replications: int,
    place: object = "worker",
    costs: ss.Costs | None = None,
    topology: object = None,
    speeds: object = None,
) -> list[float]:
    """Mean time in an open system of exponential jobs that arrive at random, after a fixed warm-up, in service times; one a seed.

    Every policy meets the same jobs, so two lists can be compared pair by pair.
    """
    means = []
    for seed in range(replications):
        gaps, sizes = ss.dist.exponential(MEAN / (load * workers)), ss.dist.exponential(MEAN)
        workload = ss.workloads.open_system(gaps, sizes, n=warmup + jobs, place=place, seed=seed)  # type: ignore[arg-type]
        simulation = ss.Simulation(
            workers,
            policy=policy,
            seed=seed,
            costs=costs or ss.Costs.zero(),
            topology=topology,  # type: ignore[arg-type]
            speeds=speeds,  # type: ignore[arg-type]
        )
        means.append(float(simulation.run(workload).sojourns[warmup:].mean()) / UNIT)
    return means


def shown(rows: Iterable[Row]) -> str:
    lines = [("claim", "ours (95 % interval)", "holds?"), *((row.claim, row.ours, _WORDS[row.holds]) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(" | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def status(rows: Iterable[Row]) -> int:
    """1 if some claim fails, else 0."""
    return int(any(row.holds is False for row in rows))


def main(about: str | None, measure: Callable[[bool], list[Row]]) -> None:
    """A script of its own: prints its table, ends with its status."""
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes and few replications, in less than 20 s")
    rows = measure(parser.parse_args().quick)
    print(shown(rows))
    sys.exit(status(rows))


_WORDS = {True: "yes", False: "NO", None: "-"}
