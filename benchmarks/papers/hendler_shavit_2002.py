"""Hendler and Shavit 2002: after a burst at one worker, stealing half levels the load at once, stealing one lags.

64 tasks a worker become ready on worker 0. A look at a victim takes as long as a task. We compare makespans, and how uneven the
queues still are when half of the makespan's lower bound has passed.
"""

from __future__ import annotations

from typing import Literal

import stealscope as ss
from claims import Row, estimate, independent_tasks, main

__all__ = ["burst", "measure", "spread"]

_TASK = 1_000  # ns
_AMOUNTS: tuple[Literal["half", "one"], ...] = ("half", "one")
_PER_WORKER = 64
_LOOK = ss.Costs.from_dict(ss.Costs.zero().to_dict() | {"steal_hit": _TASK / 1e9, "steal_miss": _TASK / 1e9})


def burst(steal: Literal["half", "one"], workers: int, seed: int) -> tuple[ss.Simulation, ss.Workload]:
    """Thieves look at uniformly random victims and never rest; the owner's queue is large enough for the burst."""
    policy = ss.Policy(
        lifo_slot=False, local_capacity=8_192, steal=steal, victims="uniform", max_searching=1.0, notify="all", spin=100
    )
    return ss.Simulation(workers, policy=policy, costs=_LOOK, seed=seed), independent_tasks(_PER_WORKER * workers, _TASK)


def spread(steal: Literal["half", "one"], workers: int, seed: int) -> float:
    """The longest queue over the mean one, at half of the lower bound."""
    simulation, workload = burst(steal, workers, seed)
    for step in simulation.steps(workload):
        if step.now >= _PER_WORKER * _TASK // 2:
            return max(step.queues) * workers / max(1, sum(step.queues))
    raise AssertionError("a burst cannot end before its lower bound")


def measure(quick: bool) -> list[Row]:
    rows = []
    for workers in (4, 16, 64):
        seeds = range(5 if quick else 20)
        ratio, uneven = {}, {}
        for steal in _AMOUNTS:
            reports = [simulation.run(workload) for simulation, workload in (burst(steal, workers, seed) for seed in seeds)]
            ratio[steal] = estimate([report.ratio or 0.0 for report in reports])
            uneven[steal] = estimate([spread(steal, workers, seed) for seed in seeds])
        rows += [
            Row(
                f"P = {workers}: steal-half ends sooner (makespan / lower bound)",
                f"half {ratio['half']}, one {ratio['one']}",
                ratio["half"].high < ratio["one"].low,
            ),
            Row(
                f"P = {workers}: steal-half is more even half-way (longest queue / mean)",
                f"half {uneven['half']}, one {uneven['one']}",
                uneven["half"].high < uneven["one"].low,
            ),
        ]
    return rows


if __name__ == "__main__":
    main(__doc__, measure)
