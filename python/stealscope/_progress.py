"""How far is something long? tqdm's bar, or rich's, or else one line on standard error.

Invariant: nothing is printed unless it is asked for, and nothing to standard output; what is counted is only read. Read next:
`runtime.py`, `simulation.py`, `experiments.py`, `explore.py` and `calibration.py`, whose ``progress=`` this is.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from . import _core
from .units import optional_seconds_to_ns

__all__ = ["progress_bar", "result_of", "task_progress"]

_LOOK = 0.1
"""Between two looks at a run on threads.  [s]"""


class Advance(Protocol):
    """A function to call with how many ended since the last call, and how many of these failed."""

    def __call__(self, ended: int, failed: int = 0) -> None: ...


@contextmanager
def progress_bar(total: int | None, wanted: bool, *, what: str = "experiment", unit: str = "run") -> Iterator[Advance]:
    """Show how many of `total` have ended, while the block runs.

    Args:
        total: None: nobody knows how many there will be.
        wanted: False shows nothing.
        what, unit: what goes on, and what is counted.
    """
    if not wanted or total == 0:
        yield lambda ended, failed=0: None
    elif importlib.util.find_spec("tqdm"):
        yield from _with_tqdm(total, what, unit)
    elif importlib.util.find_spec("rich"):
        yield from _with_rich(total, what)
    else:
        yield from _with_one_line(total, what, unit)


@contextmanager
def task_progress(native: _core.World, target: Any, wanted: bool) -> Iterator[Callable[[], None]]:
    """A function that looks at how many tasks have ended; of a task graph it is known how many there are."""
    graph = getattr(target, "graph", None)
    total = None if graph is None else len(graph)
    name = str(getattr(target, "name", None) or getattr(target, "__qualname__", type(target).__name__))
    counts = wanted and _core.FEATURES["unstable_metrics"]
    seen = first = _ended(native) if counts else 0
    with progress_bar(total, wanted, what=_shortened(name), unit="task") as advance:

        def look() -> None:
            nonlocal seen
            if counts:
                # A graph has its tasks, and one more that waits for them.
                now = _ended(native) if total is None else min(_ended(native), first + total)
                advance(max(0, now - seen))
                seen = max(seen, now)

        yield look
        look()


def result_of(handle: _core.JoinHandle, timeout: float | None, look: Callable[[], None]) -> Any:
    """What a task on threads returns; meanwhile `look` is called now and then.

    Raises:
        TimeoutError: it had not ended after `timeout` seconds.
        BaseException: what it raised.
    """
    limit = optional_seconds_to_ns(timeout)
    deadline = None if limit is None else time.monotonic_ns() + limit
    while True:
        left = _LOOK if deadline is None else min(_LOOK, max(0, deadline - time.monotonic_ns()) / 1e9)
        try:
            return handle.result(left)
        except TimeoutError:
            if handle.done() or (deadline is not None and time.monotonic_ns() >= deadline):
                raise
            look()


def _ended(native: _core.World) -> int:
    return native.spawned_tasks_count() - native.num_alive_tasks()


def _shortened(name: str) -> str:
    return name if len(name) <= 30 else f"{name[:29]}…"


def _with_tqdm(total: int | None, what: str, unit: str) -> Iterator[Advance]:
    # In a notebook tqdm.auto draws a widget, and warns where there are none.
    tqdm: Any = importlib.import_module("tqdm.auto" if importlib.util.find_spec("ipywidgets") else "tqdm").tqdm
    failures = 0
    with tqdm(total=total, unit=f" {unit}", desc=what) as bar:

        def advance(ended: int, failed: int = 0) -> None:
            nonlocal failures
            failures += failed
            if failures:
                bar.set_postfix(failed=failures, refresh=False)
            bar.update(ended)

        yield advance


def _with_rich(total: int | None, what: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    name = escape(what)
    failures = 0
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=total)

        def advance(ended: int, failed: int = 0) -> None:
            nonlocal failures
            failures += failed
            bar.update(task, advance=ended, description=f"{name}, {failures} failed" if failures else name)

        yield advance


def _with_one_line(total: int | None, what: str, unit: str) -> Iterator[Advance]:
    done = failures = 0
    out: Any = sys.stderr
    live = out.isatty()
    of_all = "" if total is None else f" of {total:,}"

    def show(start: str, end: str) -> None:
        lost = f", {failures:,} failed" if failures else ""
        print(f"{start}{what}: {done:,}{of_all} {unit}s{lost}", end=end, file=out, flush=True)

    def advance(ended: int, failed: int = 0) -> None:
        nonlocal done, failures
        done, failures = done + ended, failures + failed
        if live:
            show("\r", "")

    try:
        yield advance
    finally:
        show("\r" if live else "", "\n")
