"""How is a model of this folder examined? spin writes a C program, the compiler builds it, and its report is read.

Invariant: a search that was cut short (memory, depth, time) is no answer, and raises. Read next: README.md.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

here = Path(__file__).resolve().parent
_limit = 240  # seconds for one search


@dataclass(frozen=True)
class Answer:
    """What spin found: the violated claim, or nothing, and how many states it visited."""

    violated: str | None
    states: int


def examine(model: str, defines: Sequence[str], folder: Path, *, log: str | None = None, liveness: bool = False) -> Answer:
    """Every state that the model can reach.

    Raises:
        RuntimeError: the model does not build, or the search was cut short.
    """
    for path in here.glob("*.pml"):
        shutil.copy(path, folder)
    if log is not None:
        (folder / "log.h").write_text(log)
    options = [f"-D{define}" for define in defines] + (["-DLIVENESS"] if liveness else [])
    _run(["spin", "-a", *options, f"{model}.pml"], folder)
    # Not optimised: the program is large, and compiling it would take longer than running it.
    kind = ["-DNFAIR=8"] if liveness else ["-DSAFETY"]
    _run(["gcc", "-O0", "-w", *kind, "-DMEMLIM=3000", "-o", "pan", "pan.c"], folder)
    goes = ["-a", "-f"] if liveness else ["-E"] if log is not None else []
    report = _run(["./pan", "-m1000000", *goes], folder)
    violated = re.search(r"pan:1: (.*?) \(at depth", report)
    if violated is None and re.search(r"max search depth too small|out of memory|reached -DMEMLIM|interrupted", report):
        raise RuntimeError(f"{model}: the search was cut short:\n{report}")
    states = re.search(r"(\d+) states, stored", report)
    if states is None:
        raise RuntimeError(f"{model}: no report:\n{report}")
    return Answer(violated.group(1) if violated else None, int(states.group(1)))


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_limit, check=False)
    if done.returncode != 0:
        raise RuntimeError(
            f"{' '.join(command)} ended with status {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    return done.stdout
