"""SimPy: how many jobs a second does it simulate, and how many do we, of the same M/M/64 queue?

Both get the same gaps and sizes and must agree on the mean time. SimPy's model is the one that its documentation suggests: a
`Resource` and a process a job, with the random numbers drawn before, in one array. Ours is the whole scheduler behind one queue. They
run in turns; a ratio is of two runs next to each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import stealscope as ss
from claims import MEAN, UNIT, Row, estimate, main

__all__ = ["measure", "ours", "theirs"]

_WORKERS, _LOAD = 64, 0.95
_POLICY = ss.Policy.presets()["central_queue"]


def workload(jobs: int, seed: int) -> ss.Workload:
    gaps, sizes = ss.dist.exponential(MEAN / (_LOAD * _WORKERS)), ss.dist.exponential(MEAN)
    return ss.workloads.open_system(gaps, sizes, n=jobs, seed=seed)


def ours(jobs: int, seed: int) -> float:
    """Mean time in the system, in service times."""
    report = ss.Simulation(_WORKERS, policy=_POLICY, seed=seed, costs=ss.Costs.zero()).run(workload(jobs, seed))
    return float(report.sojourns.mean()) / UNIT


def theirs(simpy: Any, gaps: list[float], sizes: list[float]) -> float:
    """The same of SimPy's model."""
    env = simpy.Environment()
    servers = simpy.Resource(env, capacity=_WORKERS)
    times: list[float] = []

    def job(size: float) -> Iterator[Any]:
        arrived = env.now
        with servers.request() as request:
            yield request
            yield env.timeout(size)
        times.append(env.now - arrived)

    def arrivals() -> Iterator[Any]:
        for gap, size in zip(gaps, sizes, strict=True):
            yield env.timeout(gap)
            env.process(job(size))

    env.process(arrivals())
    env.run()
    return float(np.mean(times))


def measure(quick: bool) -> list[Row]:
    claim = f"M/M/{_WORKERS} at load {_LOAD}: jobs a second, ours over SimPy's"
    try:
        simpy = import_module("simpy")
    except ModuleNotFoundError:
        return [Row(claim, "SimPy is not installed: pip install simpy")]
    jobs = 20_000 if quick else 200_000
    ratios, speeds, means = [], [], []
    for seed in range(5 if quick else 10):
        spec: Any = workload(jobs, seed).spec
        gaps, sizes = ((array / UNIT).tolist() for array in (spec.gaps, spec.sizes))
        our_mean, our_seconds = _timed(partial(ours, jobs, seed))
        their_mean, their_seconds = _timed(partial(theirs, simpy, gaps, sizes))
        ratios.append(their_seconds / our_seconds)
        speeds.append((jobs / our_seconds, jobs / their_seconds))
        means.append(abs(our_mean / their_mean - 1))
    fast, slow = np.median(speeds, axis=0)
    text = f"ratio {estimate(ratios)}; median {fast:,.0f} against {slow:,.0f} (CPU time; SimPy {simpy.__version__})"
    return [
        Row(claim, text, estimate(ratios).low > 1),
        Row("both find the same mean time", f"they differ by {max(means):.2e} at most", max(means) < 1e-3),
    ]


def _timed(run: Callable[[], float]) -> tuple[float, float]:
    """The answer, and CPU seconds of this thread: others on the machine do not count."""
    began = time.thread_time()
    return run(), time.thread_time() - began


if __name__ == "__main__":
    main(__doc__, measure)
