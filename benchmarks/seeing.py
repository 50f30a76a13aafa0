#!/usr/bin/env python3
"""What does it cost to see? Each way to look at the scheduler, on against off.

    python3 benchmarks/seeing.py [WORKLOAD...] [--rounds N] [--workers N] [--instructions]

Two builds of our own: one as users have it, one without the features (UNSTABLE_METRICS, TASKDUMP and TIMELINE off). The rows: what the
features cost while nobody looks, then what each switch costs in the build that has them. As in run.py a ratio is that of two
processes that ran back to back, here time with over time without, and the row shows the median with its interval;
--instructions also counts the instructions an operation takes with one worker, which repeat (valgrind). The answers are checked.
Standard library only.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
from pathlib import Path

from compare import compare
from instructions import per_operation
from peers import HERE, TABLES, Peer
from process import Failed, Workload, build, load_workloads, measure

_WITHOUT = ("-DUNSTABLE_METRICS=OFF", "-DTASKDUMP=OFF", "-DTIMELINE=OFF")
_ALL = "poll,task_poll,latency"
# What is looked at, and the value of --see.
_SWITCHES = {
    "a histogram of poll times": "poll",
    "a histogram of wake-to-poll latency": "latency",
    "all three histograms": _ALL,
    "the watchdog's clock": "watchdog",
    "a timeline": "timeline",
}


def peers() -> tuple[Peer, Peer]:
    """Ours as users have it, and ours without the features."""
    ours = TABLES["native"].peers[0]

    def commands(directory: Path) -> list[list[str]]:
        configure, *rest = ours.commands(directory)
        return [[*configure, *_WITHOUT], *rest]

    return ours, dataclasses.replace(ours, name="without", commands=commands)


def seeing(ours: Peer, see: str) -> Peer:
    """Ours with a switch on."""
    return dataclasses.replace(ours, program=lambda directory: [*ours.program(directory), "--see", see])


def one(peer: Peer, directory: Path, workload: Workload, workers: int) -> float:
    """The time of an operation in one process, in ns; RuntimeError if there is none."""
    found = measure(peer, directory, workload, workers)
    if isinstance(found, Failed):
        raise RuntimeError(f"{peer.name}, {workload.name}: {found.reason}")
    return found.ns_per_operation


def row(what: str, off: tuple[Peer, Path], on: tuple[Peer, Path], workload: Workload, options: argparse.Namespace) -> str:
    """One line of the table."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(options.rounds):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            times[side].append(one(*(off, on)[side], workload, options.workers))
    ratio = compare(*times)
    interval = "" if ratio.low is None else f"[{ratio.low:.2f}..{ratio.high:.2f}]"
    line = f"{workload.name:<18} {what:<38} {ratio.median:>5.2f}x {interval:<14}"
    if options.instructions:
        counts = [per_operation(peer.program(directory), workload) for peer, directory in (off, on)]
        line += f" {counts[0]:>8,.0f} -> {counts[1]:>8,.0f} instructions ({counts[1] / counts[0] - 1:+.1%})"
    return line


def main() -> int:
    """Builds, measures, prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="default: spawn_many_worker yield_many")
    parser.add_argument("--rounds", type=int, default=8, help="pairs a row; with fewer than 6 there is no interval")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--instructions", action="store_true", help="also count instructions")
    parser.add_argument("--build-dir", type=Path, default=HERE / "build" / "native")
    options = parser.parse_args()
    known = {name: workload for name, workload in load_workloads().items() if workload.table == "native"}
    chosen = options.workloads or ["spawn_many_worker", "yield_many"]
    if unknown := [name for name in chosen if name not in known]:
        parser.error(f"{' '.join(unknown)}: no such workload; need some of {', '.join(known)}")
    if options.rounds < 1 or options.workers < 1:
        parser.error(f"--rounds {options.rounds} --workers {options.workers}: need at least 1 of each")
    if options.instructions and shutil.which("valgrind") is None:
        parser.error("valgrind is missing; on Debian or Ubuntu: apt-get install valgrind")
    ours, without = peers()
    folders = {peer.name: options.build_dir / peer.name for peer in (ours, without)}
    for peer in (ours, without):
        if (failed := build(peer, folders[peer.name])) is not None:
            print(f"{peer.name}: {failed.reason}", file=sys.stderr)
            return 1
    seen = (ours, folders["ours"])
    for name in chosen:
        print(
            row("metrics, dump and timeline in the build", (without, folders["without"]), seen, known[name], options), flush=True
        )
        for what, see in _SWITCHES.items():
            print(row(what, seen, (seeing(ours, see), folders["ours"]), known[name], options), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
