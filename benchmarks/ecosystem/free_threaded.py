"""How much faster do two workers make pure Python, where there is no GIL?

    PYTHON_GIL=0 python benchmarks/ecosystem/free_threaded.py [--rounds N] [--tasks N] [--steps N]

Method: coroutines that compute in Python and give way after each piece, and callables that compute without a pause, on a runtime of one
worker and on one of two, in turns; ``ThreadPoolExecutor`` does the same with the callables. Every answer is checked. Shown are the
median times and the speed-up, the median over the rounds with the least and the most. On an ordinary CPython the speed-up is 1: there
Python tasks take turns. `scripts/free-threaded.sh` builds an interpreter and installs the package (`build/free-threaded/venv`).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import sysconfig
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import stealscope as ss

PIECES = 10  # of a coroutine, each followed by a yield


def compute(steps: int) -> int:
    total = 0
    for i in range(steps):
        total += i * i % 7
    return total


async def compute_in_pieces(steps: int) -> int:
    total = 0
    for _ in range(PIECES):
        total += compute(steps // PIECES)
        await ss.yield_now()
    return total


def coroutines(workers: int, tasks: int, steps: int) -> list[int]:
    with ss.Runtime(workers=workers) as rt:
        handles = [rt.spawn(compute_in_pieces, steps) for _ in range(tasks)]
        return [handle.result() for handle in handles]


def callables(workers: int, tasks: int, steps: int) -> list[int]:
    with ss.Runtime(workers=workers) as rt:
        handles = [rt.spawn(compute, steps) for _ in range(tasks)]
        return [handle.result() for handle in handles]


def thread_pool(workers: int, tasks: int, steps: int) -> list[int]:
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(compute, [steps] * tasks))


def seconds(run: Callable[[int, int, int], list[int]], workers: int, tasks: int, steps: int) -> float:
    begun = time.perf_counter()
    answers = run(workers, tasks, steps)
    taken = time.perf_counter() - begun
    right = PIECES * compute(steps // PIECES) if run is coroutines else compute(steps)
    if answers != [right] * tasks:
        raise SystemExit(f"{run.__name__}: a wrong answer on {workers} workers")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tasks", type=int, default=64)
    parser.add_argument("--steps", type=int, default=50_000, help="of each task's loop")
    options = parser.parse_args()
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    gil = "with the" if has_gil else "without a"
    print(f"CPython {sysconfig.get_python_version()}, {gil} GIL, {options.tasks} tasks of {options.steps:,} steps")
    for run in (coroutines, callables, thread_pool):
        times: dict[int, list[float]] = {1: [], 2: []}
        for number in range(options.rounds):
            for workers in (1, 2) if number % 2 == 0 else (2, 1):
                times[workers].append(seconds(run, workers, options.tasks, options.steps))
        gains = [one / two for one, two in zip(times[1], times[2], strict=True)]
        one, two = (statistics.median(times[workers]) * 1e3 for workers in (1, 2))
        gain = f"{statistics.median(gains):.2f} times as fast ({min(gains):.2f} to {max(gains):.2f})"
        print(f"{run.__name__:12} {one:8.1f} ms on one worker, {two:8.1f} ms on two: {gain}")


if __name__ == "__main__":
    main()
