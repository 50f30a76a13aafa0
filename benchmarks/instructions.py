#!/usr/bin/env python3
"""How many instructions does one operation take, and is it still as many as it was?

    python3 benchmarks/instructions.py [WORKLOAD...] [--see A,B]    count, and compare with instructions.json
    python3 benchmarks/instructions.py --functions [WORKLOAD...] [--peer tokio-mimalloc]    and where they go
    python3 benchmarks/instructions.py --pin                        write instructions.json anew

Instructions repeat where times do not: valgrind's callgrind counts those of a process with one worker, once with few repeats and once
with more, and the difference belongs to the operations alone. A count that is more than 3 % above its pin is a failure (exit
status 1); one that is more than 3 % below wants a new pin. Pins hold for the compiler that they name; with another one nothing is
compared, and the status is 0. Needs valgrind, CMake and a C++20 compiler; standard library only. REPORTS=folder writes a JUnit file.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peers import HERE, TABLES, first_line
from process import build, load_workloads

if TYPE_CHECKING:
    from process import Workload

PINS = HERE / "instructions.json"
TOLERANCE = 0.03
_FEW, _MORE = 2, 6  # repeats
# Sizes that valgrind goes through in seconds; the number of operations and the answer follow from them.
_SIZES: dict[str, tuple[dict[str, int], int, int]] = {
    # sizes, operations, answer
    "chained_spawn": ({"links": 2_000}, 2_000, 2_000),
    "channel": ({"elements": 5_000, "capacity": 256}, 5_000, 12_497_500),
    "fib": ({"n": 17}, 2_583, 1_597),
    "fib_structured": ({"n": 17}, 2_583, 1_597),
    "ping_pong": ({"pairs": 500}, 500, 1_000),
    "spawn_batch": ({"batches": 50, "tasks": 100}, 5_000, 5_000),
    "spawn_join_worker": ({"tasks": 2_000}, 2_000, 1_999_000),
    "spawn_many_worker": ({"tasks": 5_000}, 5_000, 5_000),
    "yield_many": ({"tasks": 100, "yields": 100}, 10_000, 10_000),
}


def counted(program: list[str], workload: Workload, repeats: int, see: str) -> dict[str, int]:
    """Instructions of one whole process, by function, those that it calls not included."""
    sizes, operations, answer = _SIZES[workload.name]
    words = [*program, "--workload", workload.name, "--workers", "1", "--repeats", str(repeats), "--iterations", "1"]
    words += ["--operations", str(operations), "--expect", str(answer)]
    for name, value in sizes.items():
        words += ["--size", f"{name}={value}"]
    if see:
        words += ["--see", see]
    with tempfile.TemporaryDirectory() as folder:
        profile = f"{folder}/profile"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{workload.name}: ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
        annotate = ["callgrind_annotate", "--threshold=100", "--auto=no", profile]
        table = subprocess.run(annotate, capture_output=True, text=True, check=True).stdout
    counts: dict[str, int] = {}
    for number, function in re.findall(r"^\s*([\d,]+) \([^)]*\)\s+\S*?:(.*?)(?: \[[^\]]*\])?$", table, re.MULTILINE):
        counts[function] = counts.get(function, 0) + int(number.replace(",", ""))
    return counts


def by_function(program: list[str], workload: Workload, see: str = "") -> dict[str, float]:
    """Instructions of one operation by function, most first: start-up and the end of the process cancel out."""
    few, more = (counted(program, workload, repeats, see) for repeats in (_FEW, _MORE))
    operations = (_MORE - _FEW) * _SIZES[workload.name][1]
    found = {function: (count - few.get(function, 0)) / operations for function, count in more.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def per_operation(program: list[str], workload: Workload, see: str = "") -> float:
    """Instructions of one operation."""
    return sum(by_function(program, workload, see).values())


def compiler() -> str:
    """What the pins hold for."""
    return f"{first_line('c++', '--version')}, {os.uname().machine}"


def judged(count: float, pin: float | None) -> str:
    """In a word, how a count stands to its pin."""
    if pin is None:
        return "no pin"
    change = count / pin - 1
    if abs(change) <= TOLERANCE:
        return f"as pinned ({change:+.1%})"
    return f"MORE than pinned ({change:+.1%})" if change > 0 else f"less than pinned ({change:+.1%}): pin it anew"


def write_junit(verdicts: dict[str, str], folder: Path) -> None:
    """One test case a workload, as .ci/run counts them."""
    suite = ElementTree.Element("testsuite", name="instructions")
    for name, verdict in verdicts.items():
        case = ElementTree.SubElement(suite, "testcase", name=name, classname="instructions")
        if verdict.startswith("MORE"):
            ElementTree.SubElement(case, "failure", message=verdict)
    ElementTree.ElementTree(suite).write(folder / "instructions.xml")


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="all that have a size here unless told")
    parser.add_argument("--see", default="", metavar="A,B", help="poll, task_poll, latency, watchdog, timeline; compares nothing")
    parser.add_argument("--pin", action="store_true", help="write instructions.json from this run")
    parser.add_argument("--functions", action="store_true", help="also where they go; compares nothing")
    parser.add_argument("--peer", default="ours", metavar="NAME", help="a native peer of run.py; compares nothing")
    parser.add_argument("--build-dir", type=Path, default=HERE / "build" / "native")
    options = parser.parse_args()
    known = {name: workload for name, workload in load_workloads().items() if name in _SIZES}
    if unknown := [name for name in options.workloads if name not in known]:
        parser.error(f"{' '.join(unknown)}: no such workload here; need some of {', '.join(known)}")
    looks_closer = bool(options.see or options.functions or options.peer != "ours")
    if options.pin and (looks_closer or options.workloads):
        parser.error("--pin wants all workloads of ours, without --see and --functions")
    if shutil.which("valgrind") is None:
        parser.error("valgrind is missing; on Debian or Ubuntu: apt-get install valgrind")
    peers = {peer.name: peer for peer in TABLES["native"].peers}
    if (peer := peers.get(options.peer)) is None:
        parser.error(f"--peer {options.peer}: need one of {', '.join(peers)}")
    directory = options.build_dir / peer.name
    if (failed := build(peer, directory)) is not None:
        print(f"{peer.name}: {failed.reason}", file=sys.stderr)
        return 1

    stored: dict[str, Any] = json.loads(PINS.read_text("utf-8")) if PINS.is_file() else {}
    here = compiler()
    comparable = stored.get("compiler") == here and not looks_closer and not options.pin
    if not (comparable or looks_closer or options.pin):
        print(f"pins are for {stored.get('compiler', 'no compiler')}; here is {here}: nothing is compared")
    counts: dict[str, float] = {}
    verdicts: dict[str, str] = {}
    for name in options.workloads or known:
        functions = by_function(peer.program(directory), known[name], options.see)
        counts[name] = round(sum(functions.values()), 1)
        verdicts[name] = judged(counts[name], stored["instructions"].get(name)) if comparable else ""
        print(f"{name:<20} {counts[name]:>10,.1f} instructions {known[name].operation:<32} {verdicts[name]}".rstrip(), flush=True)
        if options.functions:
            print("".join(f"{count:>12.1f}  {function[:100]}\n" for function, count in functions.items() if count >= 1))
    if options.pin:
        PINS.write_text(json.dumps({"compiler": here, "instructions": counts}, indent=1) + "\n", "utf-8")
    if folder := os.environ.get("REPORTS"):
        write_junit(verdicts, Path(folder))
    return 1 if any(verdict.startswith("MORE") for verdict in verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
