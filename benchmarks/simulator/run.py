#!/usr/bin/env python3
"""How many steps a second does a simulation make, and how much memory does it take?

    python3 benchmarks/simulator/run.py [--rounds N] [--build-dir DIR]

Builds simulator_bench (CMake, a C++20 compiler), runs each row N times and prints the median of the process's own CPU time, with its
range. A step is one move of one worker: a poll, a look at a victim, a turn of upkeep, a rest. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent

ROWS = [
    # what, workload, workers, ns a step costs, the workload's parameters
    ("64 workers, each step takes 100 ns", "yield_many", 64, 100, (1_000, 1_000)),
    ("64 workers, steps are free", "yield_many", 64, 0, (1_000, 1_000)),
    ("64 workers, a tree of forks", "fib", 64, 100, (27,)),
    ("1,024 workers, a tree of forks", "fib", 1_024, 100, (27,)),
    ("1,024 workers, 10,000,000 tasks alive", "spawn_many", 1_024, 100, (10_000_000,)),
]


def build(directory: Path) -> Path:
    """The program; CalledProcessError if it cannot be built."""
    configure = [
        "cmake",
        "-S",
        str(ROOT),
        "-B",
        str(directory),
        "-DCMAKE_BUILD_TYPE=Release",
        "-DBUILD_BENCHMARKS=ON",
        "-DIPO=ON",
    ]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", str(directory), "--target", "simulator_bench"], check=True, stdout=subprocess.DEVNULL)
    return next(path for path in directory.rglob("simulator_bench*") if path.is_file() and path.stat().st_mode & 0o111)


def measure(program: Path, workload: str, workers: int, cost: int, sizes: tuple[int, ...]) -> dict[str, Any]:
    """One process's JSON line."""
    words = [str(program), workload, str(workers), str(cost), *map(str, sizes)]
    found: dict[str, Any] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return found


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--build-dir", type=Path, default=ROOT / "benchmarks" / "build" / "ours")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: need at least 1")
    program = build(options.build_dir)
    print(f"{'':40} {'million steps/s (range)':>26} {'steps':>12} {'tasks':>11} {'peak GiB':>9}")
    for what, workload, workers, cost, sizes in ROWS:
        runs = [measure(program, workload, workers, cost, sizes) for _ in range(options.rounds)]
        if len({run["trace_hash"] for run in runs}) != 1:
            print(f"{what}: two runs took different steps", file=sys.stderr)
            return 1
        speeds = sorted(run["steps_per_second"] / 1e6 for run in runs)
        speed = f"{statistics.median(speeds):.2f} ({speeds[0]:.2f} .. {speeds[-1]:.2f})"
        peak = max(run["peak_kib"] for run in runs) / 2**20
        print(f"{what:40} {speed:>26} {runs[0]['steps']:>12,} {runs[0]['tasks']:>11,} {peak:>9.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
