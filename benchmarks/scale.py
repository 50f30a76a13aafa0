#!/usr/bin/env python3
"""How do spawns, steals, memory, waking, starting and stopping go with more workers, and with many tasks?

    python3 benchmarks/scale.py [--workers N...] [--rounds N] [--alive N] [--json FILE]

Uses the installed package (.venv/bin/python has it). Each figure is the median of the rounds, with the least and the most. Times are
those of one machine in one hour, so what says something is how a row goes on with the workers: beyond the CPUs of the machine they
share them, and nothing should get much worse. The answers are checked.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stealscope as ss
from stealscope import sync

if TYPE_CHECKING:
    from collections.abc import Callable

_SPAWNS = 200_000
_DEPTH = 5  # skynet with ten children each: 111,111 tasks
_TRIPS = 300
_TASKS_FOR_MEMORY = 200_000


def _start_and_stop(workers: int) -> float:
    """From nothing to a runtime that has run a task and is gone.  [µs]"""
    start = time.perf_counter_ns()
    with ss.Runtime(workers=workers) as rt:
        rt.spawn(int).result()
    return (time.perf_counter_ns() - start) / 1e3


def _spawn(workers: int) -> float:
    """A spawned task.  [ns]"""
    with ss.Runtime(workers=workers) as rt:
        report = rt.run(ss.workloads.spawn_many(_SPAWNS))
    assert report.result == _SPAWNS
    return report.makespan / _SPAWNS


def _tree(workers: int) -> ss.Report:
    with ss.Runtime(workers=workers) as rt:
        report = rt.run(ss.workloads.skynet(_DEPTH))
    assert report.result == 10**_DEPTH * (10**_DEPTH - 1) // 2
    return report


def _task_of_a_tree(workers: int) -> float:
    """A task of a tree that is spread by stealing.  [ns]"""
    return _tree(workers).makespan / ((10 ** (_DEPTH + 1) - 1) // 9)


def _steal(workers: int) -> float:
    """Searching time for a steal that found something, in that tree.  [ns]"""
    metrics: Any = _tree(workers).metrics
    each = metrics["workers"]
    steals = sum(worker["steal_operations"] for worker in each)
    return sum(worker["searching_duration_total"] for worker in each) / steals if steals else float("nan")


def _trips(workers: int) -> list[float]:
    """From a spawn outside to its result there, with idle workers.  [µs]"""
    taken = []
    with ss.Runtime(workers=workers) as rt:
        for number in range(_TRIPS):
            start = time.perf_counter_ns()
            assert rt.spawn(abs, -number).result() == number
            taken.append((time.perf_counter_ns() - start) / 1e3)
    return taken


def _idle_cpu(workers: int) -> float:
    """CPU that idle workers take.  [% of one]"""
    with ss.Runtime(workers=workers) as rt:
        rt.spawn(int).result()
        time.sleep(0.05)
        cpu, start = time.process_time(), time.perf_counter()
        time.sleep(0.5)
        return 100 * (time.process_time() - cpu) / (time.perf_counter() - start)


_ROWS: dict[str, tuple[Callable[[int], float], str]] = {
    "start, one task, stop": (_start_and_stop, "µs"),
    "a spawned task": (_spawn, "ns"),
    "a task of a tree": (_task_of_a_tree, "ns"),
    "searching for a steal": (_steal, "ns"),
    "round trip, median": (lambda workers: statistics.median(_trips(workers)), "µs"),
    "round trip, 99 %": (lambda workers: statistics.quantiles(_trips(workers), n=100)[98], "µs"),
    "CPU of idle workers": (_idle_cpu, "%"),
}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def alive(tasks: int) -> tuple[float, float]:
    """So many native tasks alive at once, each of which has yielded: bytes a task, and ns a task from spawn to end."""
    with ss.Runtime(workers=1) as rt:
        rt.spawn(int).result()
        before = _resident()
        report = rt.run(ss.workloads.yield_many(tasks, 1))
        assert report.result == tasks
        return (_resident() - before) / tasks, report.makespan / tasks  # slots are kept for the next tasks


def waiting() -> float:
    """A Python coroutine that waits for an event, its own frame included.  [bytes]"""
    event = sync.Event()

    async def wait() -> None:
        await event.wait()

    with ss.Runtime(workers=1) as rt:
        rt.spawn(int).result()
        before = _resident()
        handles = [rt.spawn(wait) for _ in range(_TASKS_FOR_MEMORY)]
        rt.handle.metrics(settled=True, timeout=120)
        used = _resident() - before
        event.set()
        for handle in handles:
            handle.result()
    return used / _TASKS_FOR_MEMORY


def main() -> int:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2, 4, 8, 64], metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--alive", type=int, default=10_000_000, metavar="N", help="tasks alive at once; 10,000,000 take 2.5 GB")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    found: dict[str, dict[int, list[float]]] = {}
    print(f"{os.cpu_count()} CPUs; median of {options.rounds} rounds [least..most]")
    for name, (measure, unit) in _ROWS.items():
        found[name] = {}
        for workers in options.workers:
            values = sorted(measure(workers) for _ in range(options.rounds))
            found[name][workers] = values
            spread = f"[{values[0]:,.1f}..{values[-1]:,.1f}]"
            print(f"{name:24} {workers:3} workers {statistics.median(values):12,.1f} {unit:3} {spread}", flush=True)
    each, taken = alive(options.alive)
    print(f"{options.alive:,} native tasks alive at once: {each:,.0f} bytes and {taken:,.0f} ns each")
    python = waiting()
    print(f"a Python coroutine that waits: {python:,.0f} bytes with its frame")
    if options.json:
        machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        memory = {"tasks": options.alive, "bytes": each, "ns": taken, "python_bytes": python}
        Path(options.json).write_text(json.dumps({"machine": machine, "rows": found, "alive": memory}, indent=1), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
