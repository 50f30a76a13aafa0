"""What does one process of a peer measure on one workload, and how is the peer made ready?

Invariant: what cannot be built or run becomes a reason in words, never an exception. Read next: run.py, then workloads/.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peers import HERE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

__all__ = ["NO_FILE", "Failed", "Measured", "Workload", "build", "load_workloads", "measure"]

# The reason of a peer that lacks what the workload is about.
NO_FILE = "missing: has no such thing"

# A repeat of the largest workload takes about a second; a process that is still there after this hangs.  [seconds]
_PATIENCE = 180.0


@dataclass(frozen=True)
class Workload:
    """One folder of workloads/: its name, the table whose peers run it, and what its spec.json says."""

    name: str
    table: str
    work: str
    operation: str
    sizes: dict[str, int]
    operations: int
    answer: int
    iterations: int
    repeats: int


@dataclass(frozen=True)
class Measured:
    """One process: time of an operation (median of its repeats, in ns) and the most memory it held (KiB)."""

    ns_per_operation: float
    peak_kib: int


@dataclass(frozen=True)
class Failed:
    """Why there is no measurement, in one line."""

    reason: str


def load_workloads() -> dict[str, Workload]:
    """Every folder of workloads/ that has a spec.json, by name, in alphabetical order."""
    specs = sorted((HERE / "workloads").glob("*/spec.json"))
    return {spec.parent.name: _workload(spec) for spec in specs}


def _workload(spec: Path) -> Workload:
    table = "python" if (spec.parent / "ours.py").exists() else "native"
    return Workload(name=spec.parent.name, table=table, **json.loads(spec.read_text("utf-8")))


def build(peer: Peer, directory: Path) -> Failed | None:
    """Builds one peer in its own directory; None when it worked."""
    absent = [tool for tool in peer.tools if shutil.which(tool) is None]
    if absent:
        return Failed(f"missing: needs {', '.join(absent)}")
    if peer.missing:
        return Failed(f"missing: {peer.missing}")
    if peer.probe and subprocess.run(peer.probe, capture_output=True, check=False).returncode != 0:
        return Failed(f"missing: needs {peer.needs}")
    directory.mkdir(parents=True, exist_ok=True)
    for command in peer.commands(directory):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            log = directory.with_suffix(".log")
            log.write_text(done.stdout + done.stderr, "utf-8")
            return Failed(f"failed: {Path(command[0]).name} ended with {done.returncode}; see {log.name} in the build directory")
    return None


def measure(peer: Peer, directory: Path, workload: Workload, workers: int) -> Measured | Failed:
    """Runs one fresh process of a peer on one workload."""
    options = {
        "--workload": workload.name,
        "--workers": workers,
        "--repeats": workload.repeats,
        "--iterations": workload.iterations,
        "--operations": workload.operations,
        "--expect": workload.answer,
    }
    command = peer.program(directory)
    for option, value in options.items():
        command += [option, str(value)]
    for size, value in workload.sizes.items():
        command += ["--size", f"{size}={value}"]
    return _run(command)


def _run(command: Sequence[str]) -> Measured | Failed:
    """One process from start to end, with the kernel's own account of its memory."""
    with tempfile.TemporaryFile("w+") as complaints:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True)
        except OSError as error:
            return Failed(f"failed: {error.strerror}")
        late = threading.Event()

        def give_up() -> None:
            late.set()
            # Not process.kill(): it may reap a child that has just ended, and wait4 below would find none.
            os.kill(process.pid, signal.SIGKILL)

        alarm = threading.Timer(_PATIENCE, give_up)
        alarm.start()
        assert process.stdout is not None
        with process.stdout as stdout:
            output = stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        complaints.seek(0)
        last_words = complaints.read().strip().splitlines()[-1:]
    if late.is_set():
        return Failed(f"failed: not done after {_PATIENCE:.0f} s")
    if process.returncode != 0:
        why = last_words[0] if last_words else f"ended with {process.returncode}"
        return Failed(f"failed: {why}")
    return _read(output, usage.ru_maxrss)


def _read(output: str, peak_kib: int) -> Measured | Failed:
    """The JSON line of one process; ``peak_kib`` stands in when the line does not carry its own peak."""
    try:
        line: dict[str, Any] = json.loads(output)
        if line["answer_ok"] is not True:
            return Failed("failed: wrong answer")
        ns = statistics.median(line["ns"]) / line["operations"]
        return Measured(ns_per_operation=ns, peak_kib=int(line.get("peak_kib", peak_kib)))
    except (ValueError, KeyError, TypeError) as error:
        return Failed(f"failed: unreadable output ({error})")
