"""How fast are we, next to each peer? Builds, measures alternating pairs, prints a table, writes JSON.

Invariant: a ratio comes from two processes run back to back in this one run, never from two runs; a peer that is
missing or fails stays in the table and says why. Read next: README.md (method), compare.py (statistics), peers.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compare import Ratio, compare, fastest
from peers import HERE, PEERS, Failed, Measured, Peer, Workload, build, load_workloads, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_OURS, *_RIVALS = PEERS


class Series:
    """All processes of one workload and worker count: per rival the pairs (ours, rival), or why there are none."""

    def __init__(self, workload: Workload, workers: int, unbuilt: dict[str, Failed]) -> None:
        self.workload = workload
        self.workers = workers
        self.failed = dict(unbuilt)
        self.done: dict[str, list[Measured]] = {peer.name: [] for peer in PEERS}
        self.pairs: dict[str, list[tuple[float, float]]] = {peer.name: [] for peer in _RIVALS}

    def round(self, number: int, build_directory: Path) -> None:
        """One pair with every rival. The order within a pair changes with each round, so that drift favours neither."""
        for rival in _RIVALS:
            order = (_OURS, rival) if number % 2 == 0 else (rival, _OURS)
            got = {peer.name: self._one(peer, build_directory) for peer in order}
            mine, theirs = got[_OURS.name], got[rival.name]
            if mine and theirs:
                self.pairs[rival.name].append((mine.ns_per_operation, theirs.ns_per_operation))

    def _one(self, peer: Peer, build_directory: Path) -> Measured | None:
        if peer.name in self.failed:
            return None
        result = measure(peer, build_directory / peer.name, self.workload, self.workers)
        if isinstance(result, Failed):
            # A peer that fails once gets no ratio at all: the rounds it survived would be a selection.
            self.failed[peer.name] = result
            return None
        self.done[peer.name].append(result)
        return result

    def ratio(self, rival: str) -> Ratio | None:
        """Against one rival, None when either side failed in any round."""
        if rival in self.failed or _OURS.name in self.failed or not self.pairs[rival]:
            return None
        return compare([mine for mine, _ in self.pairs[rival]], [theirs for _, theirs in self.pairs[rival]])

    def times(self, peer: str) -> list[float]:
        """The time of an operation in each process of a peer, in ns; empty when the peer failed."""
        return [] if peer in self.failed else [one.ns_per_operation for one in self.done[peer]]

    def headline(self) -> str | None:
        """The fastest rival here: the one that counts."""
        return fastest({rival.name: self.times(rival.name) for rival in _RIVALS})

    def to_dict(self) -> dict[str, Any]:
        """Everything measured, as plain values for JSON."""
        peers: dict[str, Any] = {}
        for peer in PEERS:
            failed, ratio = self.failed.get(peer.name), None
            if peer is not _OURS:
                ratio = self.ratio(peer.name)
            times = self.times(peer.name)
            peers[peer.name] = {
                "reason": failed.reason if failed else None,
                "ns_per_operation": times,
                "median_ns": statistics.median(times) if times else None,
                "peak_kib": max((one.peak_kib for one in self.done[peer.name]), default=None) if times else None,
                "ratio": ratio.to_dict() if ratio else None,
            }
        return {
            "workload": self.workload.name,
            "work": self.workload.work,
            "operation": self.workload.operation,
            "sizes": self.workload.sizes,
            "workers": self.workers,
            "headline": self.headline(),
            "peers": peers,
        }


def _first_line(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "not found"
    return (done.stdout.splitlines() or [""])[0]


def _grep(file: str, key: str) -> str:
    """The value of the first ``key : value`` line of a file of the kernel's, or "unknown"."""
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")


def describe_machine() -> dict[str, Any]:
    """What a reader needs to judge the numbers: processor, kernel, compilers. No host name, no path."""
    return {
        "processor": _grep("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": _grep("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}, {'-'.join(platform.libc_ver())}",
        "python": platform.python_version(),
        "versions": {command[0]: _first_line(command) for peer in PEERS for command in peer.versions},
        "tokio": _locked_version("tokio"),
        "mimalloc": _locked_version("mimalloc"),
        "commit": _first_line(["git", "-C", str(HERE), "describe", "--always", "--dirty"]),
    }


def _locked_version(package: str) -> str:
    lock = HERE / "tokio" / "Cargo.lock"
    lines = lock.read_text("utf-8").splitlines() if lock.exists() else []
    at = f'name = "{package}"'
    return lines[lines.index(at) + 1].split('"')[1] if at in lines else "not built"


def row(series: Series) -> str:
    """One line of the table: ratio to the fastest rival, then each peer's time and memory or its reason."""
    headline = series.headline()
    ratio = series.ratio(headline) if headline else None
    head = "-"
    if ratio:
        spread = f"{ratio.low:.2f}..{ratio.high:.2f}" if ratio.low is not None else "too few rounds"
        head = f"{ratio.median:5.2f}x [{spread}]"
    cells = []
    for peer in PEERS:
        times = series.times(peer.name)
        if times:
            peak = max(one.peak_kib for one in series.done[peer.name]) / 1024
            mark = "*" if peer.name == headline else " "
            cells.append(f"{statistics.median(times):9.1f} ns{mark}{peak:7.1f} MiB")
        else:
            cells.append(series.failed[peer.name].reason.split(":")[0])
    return f"{series.workload.name:18} {series.workers:2}  {head:22} " + " ".join(f"{cell:>22}" for cell in cells)


def parse(arguments: Sequence[str], known: Sequence[str]) -> argparse.Namespace:
    """The options; a name or number that is not allowed ends the program with a message that says what is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=8, help="pairs per rival; below 6 there is no interval")
    parser.add_argument("--workloads", nargs="+", choices=known, default=list(known), metavar="NAME")
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "latest.json", metavar="FILE")
    parser.add_argument("--build-dir", type=Path, default=HERE / "build", metavar="DIR")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}; need at least 1")
    if min(options.workers) < 1:
        parser.error(f"--workers {min(options.workers)}; need at least 1")
    return options


def build_all(directory: Path) -> dict[str, Failed]:
    """Builds every peer and says so; returns those that could not be built."""
    unbuilt = {}
    for peer in PEERS:
        print(f"building {peer.name} ...", end=" ", flush=True)
        failed = build(peer, directory / peer.name)
        print(failed.reason if failed else "done")
        if failed:
            unbuilt[peer.name] = failed
    return unbuilt


def _reasons(results: Sequence[dict[str, Any]]) -> list[str]:
    """One line for each thing that went wrong, with the workload/workers it went wrong in."""
    where: dict[str, list[str]] = {}
    for result in results:
        for name, peer in result["peers"].items():
            if peer["reason"]:
                where.setdefault(f"{name} {peer['reason']}", []).append(f"{result['workload']}/{result['workers']}")
    everywhere = len(results)
    return [
        f"  {reason} ({'everywhere' if len(places) == everywhere else ', '.join(places)})" for reason, places in where.items()
    ]


def main(arguments: Sequence[str]) -> int:
    """Runs the benchmarks; 0 when every peer gave an answer, 1 when one is missing or failed."""
    workloads = load_workloads()
    options = parse(arguments, list(workloads))
    directory = options.build_dir.resolve()
    unbuilt = build_all(directory)
    load_before = os.getloadavg()
    results = []
    print("\nratio: median of peer time / our time, fastest peer (*), with its 95 % interval; then ns per operation")
    print(f"{'workload':18} {'W':>2}  {'ratio':22} " + " ".join(f"{peer.name:>22}" for peer in PEERS))
    for name in options.workloads:
        for workers in options.workers:
            series = Series(workloads[name], workers, unbuilt)
            for number in range(options.rounds):
                series.round(number, directory)
            print(row(series), flush=True)
            results.append(series.to_dict())
    document = {
        "schema": 1,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "rounds": options.rounds,
        "machine": describe_machine(),
        "load": {"before": load_before, "after": os.getloadavg()},
        "results": results,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    for reason in _reasons(results):
        print(reason)
    load = f"load {load_before[0]:.1f} before, {os.getloadavg()[0]:.1f} after"
    print(f"\n{load}; written to {os.path.relpath(options.json)}")
    incomplete = any(peer["reason"] for result in results for peer in result["peers"].values())
    return 1 if incomplete else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
