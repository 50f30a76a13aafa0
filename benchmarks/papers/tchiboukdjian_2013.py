"""Tchiboukdjian, Gast and Trystram 2013: W unit tasks end within W/m + 3.65 log2 W + 1 on m workers, on average.

All tasks begin on one worker; a steal takes a unit, finds a uniformly random victim, and takes half. Their proof gives the constant
2 / (1 - log2(1 + 1/e)) = 3.65, their simulations about 3.
"""

from __future__ import annotations

from math import log2

from claims import Estimate, Row, burst_makespan, main

__all__ = ["makespan", "measure"]

_TASK = 1_000  # ns, the unit of time


def makespan(tasks: int, workers: int, replications: int) -> Estimate:
    """In units. Idle workers keep looking for about four times as long as the work takes, as the model's never rest."""
    sweeps = 2 + 4 * tasks // workers**2
    return burst_makespan(tasks, workers, unit=_TASK, look=_TASK, sweeps=sweeps, replications=replications)


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
