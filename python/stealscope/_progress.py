"""How far is a long experiment? tqdm's bar, or rich's, or else one line on standard error.

Invariant: nothing is printed unless it is asked for, and nothing to standard output.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["progress_bar"]

Advance = Callable[[int, int], None]


@contextmanager
def progress_bar(total: int, wanted: bool) -> Iterator[Advance]:
    """A function to call with (runs that ended, how many of these failed)."""
    if not wanted or not total:
        yield lambda ended, failed: None
    elif importlib.util.find_spec("tqdm"):
        yield from _with_tqdm(total)
    elif importlib.util.find_spec("rich"):
        yield from _with_rich(total)
    else:
        yield from _with_one_line(total)


def _with_tqdm(total: int) -> Iterator[Advance]:
    from tqdm import tqdm

    failures = 0
    with tqdm(total=total, unit="run", desc="experiment") as bar:

        def advance(ended: int, failed: int) -> None:
            nonlocal failures
            failures += failed
            if failures:
                bar.set_postfix(failed=failures, refresh=False)
            bar.update(ended)

        yield advance


def _with_rich(total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import Progress

    failures = 0
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("experiment", total=total)

        def advance(ended: int, failed: int) -> None:
            nonlocal failures
            failures += failed
            bar.update(task, advance=ended, description=f"experiment, {failures} failed" if failures else "experiment")

        yield advance


def _with_one_line(total: int) -> Iterator[Advance]:
    done = failures = 0
    out: Any = sys.stderr
    live = out.isatty()

    def show(start: str, end: str) -> None:
        print(f"{start}experiment: {done} of {total} runs, {failures} failed", end=end, file=out, flush=True)

    def advance(ended: int, failed: int) -> None:
        nonlocal done, failures
        done, failures = done + ended, failures + failed
        if live:
            show("\r", "")

    try:
        yield advance
    finally:
        show("\r" if live else "", "\n")
