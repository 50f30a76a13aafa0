"""Tchiboukdjian, Gast and Trystram 2013: W unit tasks end within W/m + 3.65 log2 W + 1 on m workers, on average.

All tasks begin on one worker; a steal takes a unit, finds a uniformly random victim, and takes half. Their proof gives the constant
2 / (1 - log2(1 + 1/e)) = 3.65, their simulations about 3.
"""

from __future__ import annotations

from math import log2

import stealscope as ss
from claims import Estimate, Row, estimate, independent_tasks, main

__all__ = ["makespan", "measure"]

_TASK = 1_000  # ns, the unit of time
_UNIT = ss.Costs.from_dict(ss.Costs.zero().to_dict() | {"steal_hit": _TASK / 1e9, "steal_miss": _TASK / 1e9})


def makespan(tasks: int, workers: int, replications: int) -> Estimate:
    """In units. Idle workers keep looking for about four times as long as the work takes, as the model's never rest."""
    policy = ss.Policy(
        lifo_slot=False,
        local_order="lifo",
        local_capacity=1 << 17,
        victims="uniform",
        max_searching=1.0,
        notify="all",
        spin=2 + 4 * tasks // workers**2,
    )
    workload = independent_tasks(tasks, _TASK)
    runs = (ss.Simulation(workers, policy=policy, costs=_UNIT, seed=seed).run(workload) for seed in range(replications))
    return estimate([run.makespan / _TASK for run in runs])


def measure(quick: bool) -> list[Row]:
    rows = []
    sizes = [(1_000, 16), (10_000, 64)] if quick else [(1_000, 16), (10_000, 16), (10_000, 64), (100_000, 64), (100_000, 256)]
    for tasks, workers in sizes:
        ours = makespan(tasks, workers, 5 if quick else 30)
        bound = tasks / workers + 3.65 * log2(tasks) + 1
        fitted = (ours.mean - tasks / workers - 1) / log2(tasks)
        text = f"C = {ours}, constant {fitted:.2f} (their simulations: about 3)"
        rows.append(Row(f"W = {tasks:,}, m = {workers}: E[C] <= {bound:.1f}", text, ours.high <= bound))
    return rows


if __name__ == "__main__":
    main(__doc__, measure)
