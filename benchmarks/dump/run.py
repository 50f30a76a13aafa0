"""Which of the situations that break a task dump does each runtime survive? Builds, runs, prints one table.

Invariant: each situation is a process of its own with a hard limit, so a dump that hangs costs its cell and nothing else; a
peer that cannot be built stays in the table and says why. Read next: README.md, ours.py, tokio/src/main.rs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["main"]

_HERE = Path(__file__).resolve().parent
_NEW_TASKS = 100  # as in the peers
_RUSTFLAGS = "--cfg tokio_unstable --cfg tokio_taskdump"

# In the table's order; what each is stands in the two programs, under the same names.
SITUATIONS = {
    "ready": "10,000 ready tasks that yield",
    "idle-10k": "10,000 idle tasks",
    "idle-100k": "100,000 idle tasks",
    "parked": "all workers parked, then spawns from outside",
    "long-poll": "one worker in a poll of 1.5 s",
    "cancelled": "cancelled at 20 ms, one worker in a poll of 0.3 s",
    "two": "two at once, 1,000 idle tasks",
    "loop": "in a loop for 4 s under load",
    "shutdown": "during shutdown, 20 runtimes",
    "block-in-place": "inside block_in_place",
}

Run = dict[str, Any]
"""What one process said: its JSON objects, merged; "failed" if it did not say enough."""


@dataclass(frozen=True)
class Peer:
    """A program that takes a situation and a number of workers; ``unready`` says why it cannot run, or None."""

    name: str
    command: list[str]
    unready: str | None


def ours() -> Peer:
    check = subprocess.run([sys.executable, "-c", "import stealscope"], capture_output=True, text=True, check=False)
    why = check.stderr.strip().splitlines()[-1:] if check.returncode else []
    return Peer("stealscope", [sys.executable, str(_HERE / "ours.py")], f"cannot be imported: {why[0]}" if why else None)


def tokio(build_dir: Path) -> Peer:
    command = ["cargo", "build", "--release", "--quiet", "--jobs", "1"]
    command += ["--manifest-path", str(_HERE / "tokio" / "Cargo.toml"), "--target-dir", str(build_dir / "tokio")]
    program = [str(build_dir / "tokio" / "release" / "tokio_dump")]
    if shutil.which("cargo") is None:
        return Peer("Tokio 1.48", program, "not built: needs cargo")
    built = subprocess.run(command, env=os.environ | {"RUSTFLAGS": _RUSTFLAGS}, capture_output=True, text=True, check=False)
    if built.returncode == 0:
        return Peer("Tokio 1.48", program, None)
    why = [line for line in built.stderr.splitlines() if line.startswith("error")] or ["cargo gave no reason"]
    return Peer("Tokio 1.48", program, f"not built: {why[0]}")


def run_once(peer: Peer, situation: str, workers: int, patience: float) -> Run:
    command = [*peer.command, situation, str(workers), str(patience)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    late = False
    try:
        output, complaints = process.communicate(timeout=60 + 4 * patience)  # for what it cannot end by itself
    except subprocess.TimeoutExpired:
        late = True
        process.kill()
        output, complaints = process.communicate()
    said: Run = {}
    for line in output.splitlines():
        said |= json.loads(line)
    if late:
        said |= {"returned": said.get("returned", False)}
    elif process.returncode != 0:
        said["failed"] = (complaints.strip().splitlines() or [f"ended with {process.returncode}"])[-1]
    return said


def in_all(runs: Sequence[Run], holds: Callable[[Run], bool]) -> str:
    count = sum(holds(run) for run in runs)
    if count == len(runs):
        return "yes"
    return "**no**" if count == 0 else f"**{count} of {len(runs)}**"


def completeness(runs: Sequence[Run]) -> str:
    listed = [run for run in runs if "tasks" in run]
    if not listed:
        return "–"
    if all(run.get("missing") for run in listed):
        return "no, and says so"
    short = [run for run in listed if run["tasks"] != run["alive"]]
    if short:
        return f"**{short[0]['tasks']} of {short[0]['alive']}**"
    bare = max(run.get("without_trace", 0) for run in listed)
    return f"**{bare} without a trace**" if bare else "yes"


def later(runs: Sequence[Run]) -> str:
    if any("shutdown_ended" in run for run in runs):
        return "(ended: " + in_all(runs, lambda run: bool(run["shutdown_ended"])) + ")"
    return in_all(runs, lambda run: run.get("later_ran", 0) == _NEW_TASKS)


def least(runs: Sequence[Run], key: str) -> str:
    """The least of the dumps that returned: whatever else runs on the machine only adds."""
    values = [run[key] for run in runs if run.get("returned") and key in run]
    if not values:
        return "–"
    value = min(values)
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def pause(runs: Sequence[Run]) -> str:
    measured = [run for run in runs if run.get("returned") and "pause_ms" in run]
    if not measured:
        return "–"
    shortest = [min(measured, key=lambda run: float(run["pause_ms"]))]
    return f"{least(shortest, 'pause_ms')} ({least(shortest, 'pause_without_ms')})"


def cells(runs: Sequence[Run]) -> list[str]:
    failed = [run["failed"] for run in runs if "failed" in run]
    if failed:
        return [f"failed: {failed[0]}", "–", "–", "–", "–"]
    returned = in_all(runs, lambda run: bool(run.get("returned")))
    return [returned, completeness(runs), later(runs), least(runs, "call_ms"), pause(runs)]


def table(peers: Sequence[Peer], runs: dict[tuple[str, str], list[Run]], situations: Sequence[str]) -> str:
    columns = ("returned", "complete", "later spawns ran", "call, ms", "pause, ms")
    head = ["a dump ...", *(f"{peer.name}: {column}" for peer in peers for column in columns)]
    rows = [head, ["---", *["---"] * (len(head) - 1)]]
    for situation in situations:
        row = [SITUATIONS[situation]]
        for peer in peers:
            row += [peer.unready, *["–"] * 4] if peer.unready else cells(runs[situation, peer.name])
        rows.append(row)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Task dumps in the situations that break them, on us and on Tokio.")
    parser.add_argument("--rounds", type=int, default=3, help="processes per situation and peer, until one hangs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--situations", nargs="+", default=list(SITUATIONS), choices=list(SITUATIONS), metavar="NAME")
    parser.add_argument("--patience", type=float, default=30.0, help="a dump hangs if it has not returned after so many seconds")
    parser.add_argument("--build-dir", type=Path, default=_HERE / "build")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    options = parse(words)
    peers = [ours(), tokio(options.build_dir.resolve())]
    runs: dict[tuple[str, str], list[Run]] = {}
    for situation in options.situations:
        for _ in range(options.rounds):
            for peer in peers:
                told = runs.setdefault((situation, peer.name), [])
                if peer.unready or any(not run.get("returned") for run in told):
                    continue  # what hung once is not asked again
                told.append(run_once(peer, situation, options.workers, options.patience))
                print(f"{situation}, {peer.name}: {json.dumps(told[-1])}", file=sys.stderr, flush=True)
    print(table(peers, runs, options.situations))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\n{options.rounds} rounds, {options.workers} workers, {os.cpu_count()} CPUs, {platform.platform()}, load {load}")
    mine = [run for (_, name), told in runs.items() if name == peers[0].name for run in told]
    return 0 if mine and all(run.get("returned") for run in mine) else 1


if __name__ == "__main__":
    raise SystemExit(main())
