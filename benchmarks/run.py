"""How fast are we, next to each peer? Builds, measures alternating pairs, prints a table, writes JSON.

Invariant: a ratio comes from two processes run back to back in this one run, never from two runs; a peer that is
missing or fails stays in the table and says why. Read next: README.md (method), compare.py (statistics), process.py,
peers.py.
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

from compare import Ratio, compare, fastest
from peers import HERE, TABLES, first_line
from process import NO_FILE, Failed, build, load_workloads, measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from peers import Peer
    from process import Measured, Workload

__all__ = ["main"]


class Series:
    """All processes of one workload and worker count: per rival the pairs (ours, rival), or why there are none."""

    def __init__(self, workload: Workload, workers: int, unbuilt: Mapping[str, Failed]) -> None:
        self.workload = workload
        self.workers = workers
        self.table = TABLES[workload.table]
        self.ours = self.table.peers[0].name
        self.failed = dict(unbuilt)
        self.done: dict[str, list[Measured]] = {peer.name: [] for peer in self.table.peers}
        self.pairs: dict[str, list[tuple[float, float]]] = {peer.name: [] for peer in self.table.rivals}

    def round(self, number: int, build_directory: Path) -> None:
        """One pair with every rival. The order within a pair changes with each round, so that drift favours neither."""
        ours = self.table.peers[0]
        for rival in self.table.rivals:
            if not (HERE / "workloads" / self.workload.name / rival.source).exists():
                self.failed.setdefault(rival.name, Failed(NO_FILE))
            if rival.name in self.failed:
                continue
            order = (ours, rival) if number % 2 == 0 else (rival, ours)
            got = {peer.name: self._one(peer, build_directory) for peer in order}
            mine, theirs = got[ours.name], got[rival.name]
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
        if rival in self.failed or self.ours in self.failed or not self.pairs[rival]:
            return None
        return compare([mine for mine, _ in self.pairs[rival]], [theirs for _, theirs in self.pairs[rival]])

    def times(self, peer: str) -> list[float]:
        """The time of an operation in each process of a peer, in ns; empty when the peer failed."""
        return [] if peer in self.failed else [one.ns_per_operation for one in self.done[peer]]

    def headline(self) -> str | None:
        """The rival that counts here: the fastest of those that its table names."""
        return fastest({name: self.times(name) for name in self.table.against})

    def peak_kib(self, peer: str) -> int | None:
        """The most memory that a process of a peer held; None when the peer failed."""
        return max((one.peak_kib for one in self.done[peer]), default=None) if self.times(peer) else None

    def to_dict(self) -> dict[str, Any]:
        """Everything measured, as plain values for JSON."""
        peers: dict[str, Any] = {}
        for name in (peer.name for peer in self.table.peers):
            failed, times = self.failed.get(name), self.times(name)
            ratio = None if name == self.ours else self.ratio(name)
            peers[name] = {
                "reason": failed.reason if failed else None,
                "ns_per_operation": times,
                "median_ns": statistics.median(times) if times else None,
                "peak_kib": self.peak_kib(name),
                "ratio": ratio.to_dict() if ratio else None,
            }
        return {
            "table": self.workload.table,
            "workload": self.workload.name,
            "work": self.workload.work,
            "operation": self.workload.operation,
            "sizes": self.workload.sizes,
            "workers": self.workers,
            "headline": self.headline(),
            "peers": peers,
        }


def _grep(file: str, key: str) -> str:
    """The value of the first ``key : value`` line of a file of the kernel's, or "unknown"."""
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")


def describe_machine(unbuilt: Mapping[str, Mapping[str, Failed]]) -> dict[str, Any]:
    """What a reader needs to judge the numbers: processor, kernel, what was built with what. No host name, no path."""
    versions: dict[str, str] = {}
    for table, absent in unbuilt.items():
        for peer in TABLES[table].peers:
            if peer.name not in absent:
                versions |= peer.versions()
    return {
        "processor": _grep("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": _grep("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}, {'-'.join(platform.libc_ver())}",
        "python": platform.python_version(),
        "versions": versions,
        "commit": first_line("git", "-C", str(HERE), "describe", "--always", "--dirty"),
    }


def lines(series: Series) -> list[str]:
    """What the table says of one workload: the rival that counts, the other rivals, ours; then who has no such thing."""
    headline = series.headline()
    rivals = sorted((peer.name for peer in series.table.rivals), key=lambda name: name != headline)
    told, absent = [], []
    start = f"{series.workload.name:31} {series.workers:2}"
    for name in (*rivals, series.ours):
        times, ratio = series.times(name), None if name == series.ours else series.ratio(name)
        failed, peak = series.failed.get(name), series.peak_kib(name)
        if failed and failed.reason == NO_FILE:
            absent.append(name)
            continue
        spread = f"[{ratio.low:.2f}..{ratio.high:.2f}]" if ratio and ratio.low is not None else "too few rounds" * bool(ratio)
        cell = f"{ratio.median:8.2f}x {spread:20}" if ratio else f"{'':30}"
        cell += f"{statistics.median(times):12.1f} ns {(peak or 0) / 1024:7.1f} MiB" if times else ""
        if failed:
            cell = f"         {failed.reason}"
        told.append(f"{start:35}{name + '*' * (name == headline):16}{cell}".rstrip())
        start = ""
    if absent:
        told.append(f"{'':35}no such thing: {', '.join(absent)}")
    return told


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


def build_all(peers: Sequence[Peer], directory: Path) -> dict[str, Failed]:
    """Builds every peer of a table and says so; returns those that could not be built."""
    unbuilt = {}
    for peer in peers:
        print(f"building {peer.name} ...", end=" ", flush=True)
        failed = build(peer, directory / peer.name)
        print(failed.reason if failed else "done")
        if failed:
            unbuilt[peer.name] = failed
    return unbuilt


def main(arguments: Sequence[str]) -> int:
    """Runs the benchmarks; 1 when a peer failed or ours is missing, else 0: other peers may be missing."""
    workloads = load_workloads()
    options = parse(arguments, list(workloads))
    directory = options.build_dir.resolve()
    wanted = {workloads[name].table for name in options.workloads}
    unbuilt = {name: build_all(table.peers, directory / name) for name, table in TABLES.items() if name in wanted}
    load_before = os.getloadavg()
    results = []
    print("\nratio: median of peer time / our time with its 95 % interval; * the rival that counts; peak memory")
    for table in unbuilt:
        print(f"\n{table + ', workers':35}{'peer':16}{'ratio':>8}  {'95 % interval':20}{'an operation':>15} {'memory':>11}")
        for workload in (workloads[name] for name in options.workloads if workloads[name].table == table):
            for workers in options.workers:
                series = Series(workload, workers, unbuilt[table])
                for number in range(options.rounds):
                    series.round(number, directory / table)
                print("\n".join(lines(series)), flush=True)
                results.append(series.to_dict())
    document = {
        "schema": 2,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "rounds": options.rounds,
        "machine": describe_machine(unbuilt),
        "load": {"before": load_before, "after": os.getloadavg()},
        "results": results,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    load = f"load {load_before[0]:.1f} before, {os.getloadavg()[0]:.1f} after"
    print(f"\n{load}; written to {os.path.relpath(options.json)}")
    ours_everywhere = all(result["peers"]["ours"]["median_ns"] for result in results)
    failed = any(str(peer["reason"]).startswith("failed") for result in results for peer in result["peers"].values())
    return 0 if ours_everywhere and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
