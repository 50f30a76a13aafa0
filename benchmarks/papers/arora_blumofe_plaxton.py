"""Arora, Blumofe and Plaxton 1998: with P_A workers there on average, a computation takes c (T1 / P_A + Tinf P / P_A).

A fork-join tree runs while an adversary takes workers away for a while (`Stall`), as an oversubscribed machine does. P_A is the mean
number of workers that were there over the run. The bound says that c does not grow as P_A falls.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import stealscope as ss
from claims import Row, estimate, main

__all__ = ["constant", "measure"]

_POLICY = ss.Policy(lifo_slot=False, local_order="lifo", victims="uniform", steal="one", max_searching=1.0, notify="all", spin=50)
_PERIOD = 20e-6  # s, between two decisions of the adversary
_LIMIT = 2.0
"""The constant that we allow; the paper proves that there is one."""

Adversary = Callable[[int, int, random.Random], list[int]]
"""Who is taken away in a period: f(workers, number of the period, random numbers)."""


def nobody(workers: int, period: int, dice: random.Random) -> list[int]:
    return []


def half_rotating(workers: int, period: int, dice: random.Random) -> list[int]:
    return [(period + i) % workers for i in range(workers // 2)]


def half_random(workers: int, period: int, dice: random.Random) -> list[int]:
    return dice.sample(range(workers), workers // 2)


def all_but_one_random(workers: int, period: int, dice: random.Random) -> list[int]:
    return dice.sample(range(workers), workers - 1)


def constant(adversary: Adversary, *, workers: int, depth: int, seed: int) -> tuple[float, float]:
    """P_A, and makespan over T1 / P_A + Tinf P / P_A."""
    workload = ss.workloads.fork_join(depth, 2, 1_000)
    dice = random.Random(seed)
    work, span = workload.work or 0, workload.span or 0
    longest = 4e-9 * work  # seconds: enough for one worker that is there for a quarter of the time
    taken = [(period, worker) for period in range(int(longest / _PERIOD)) for worker in adversary(workers, period, dice)]
    faults = [ss.Stall(worker, at=period * _PERIOD, duration=_PERIOD) for period, worker in taken]
    report = ss.Simulation(workers, policy=_POLICY, seed=seed, costs=_looks(), faults=faults).run(workload)
    end = report.makespan / 1e9
    away = sum(max(0.0, min(_PERIOD, end - period * _PERIOD)) for period, _ in taken)
    present = workers - away / end
    return present, end * 1e9 / (work / present + span * workers / present)


def measure(quick: bool) -> list[Row]:
    workers, depth, replications = (8, 10, 5) if quick else (16, 12, 10)
    rows = []
    for adversary in (nobody, half_rotating, half_random, all_but_one_random):
        runs = [constant(adversary, workers=workers, depth=depth, seed=seed) for seed in range(replications)]
        present, ours = (estimate([run[i] for run in runs]) for i in range(2))
        claim = f"P = {workers}, taken away: {adversary.__name__.replace('_', ' ')}: c stays a constant (<= {_LIMIT:g})"
        rows.append(Row(claim, f"P_A = {present.mean:.2f}, c = {ours}", ours.high <= _LIMIT))
    return rows


def _looks() -> ss.Costs:
    """A look at a victim takes a tenth of a task, so that idle workers do not look for ever in no time."""
    return ss.Costs.from_dict(ss.Costs.zero().to_dict() | {"steal_hit": 100e-9, "steal_miss": 100e-9})


if __name__ == "__main__":
    main(__doc__, measure)
