"""Berenbrink, Friedetzky and Goldberg 2003: natural work stealing is stable for every load below 1.

Jobs arrive at random workers; an idle worker takes half of a random victim's jobs. Stable is read as: the mean time in the system
neither grows with the number of workers nor from the first half of a long run to the second.
"""

from __future__ import annotations

import stealscope as ss
from claims import MEAN, UNIT, Estimate, Row, estimate, main

__all__ = ["halves", "measure"]

_POLICY = ss.Policy(lifo_slot=False, victims="uniform", attempts=1, retry=False, steal="half", steal_threshold=2)
_SLACK = 1.1


def halves(load: float, workers: int, *, jobs: int, replications: int) -> tuple[Estimate, Estimate]:
    """Mean time of the second and of the last third of the jobs, in service times; the first is the run-in."""
    parts: tuple[list[float], list[float]] = ([], [])
    for seed in range(replications):
        gaps, sizes = ss.dist.exponential(MEAN / (load * workers)), ss.dist.exponential(MEAN)
        workload = ss.workloads.open_system(gaps, sizes, n=3 * jobs, place="worker", seed=seed)
        report = ss.Simulation(workers, policy=_POLICY, seed=seed, costs=ss.Costs.zero()).run(workload)
        for part, begin in zip(parts, (jobs, 2 * jobs), strict=True):
            part.append(float(report.sojourns[begin : begin + jobs].mean()) / UNIT)
    return estimate(parts[0]), estimate(parts[1])


def measure(quick: bool) -> list[Row]:
    rows = []
    for load in (0.95,) if quick else (0.95, 0.99):
        before: Estimate | None = None
        for workers in (16, 64, 256) if quick else (16, 64, 256, 1_024):
            jobs = max(100 * workers, 10_000) if quick else max(400 * workers, 100_000)
            second, last = halves(load, workers, jobs=jobs, replications=5 if quick else 10)
            queue = load * last.mean
            text = f"T = {second} then {last}; {queue:.2f} jobs a worker"
            steady = last.low <= second.high * _SLACK
            grows = before is not None and last.low > before.high * _SLACK
            rows.append(Row(f"load {load}, n = {workers}: T does not grow with time, nor with n", text, steady and not grows))
            before = last
    return rows


if __name__ == "__main__":
    main(__doc__, measure)
