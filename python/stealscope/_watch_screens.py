"""Where is a live view drawn? Over itself in a notebook or a terminal, and line by line anywhere else.

Invariant: chosen by the thread that asks for the view, so that a notebook shows it under the cell that did. Read next: `watch.py`.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from .errors import import_extra
from .watch import WORKER_HEADS

if TYPE_CHECKING:
    from .watch import LiveView, Screen

__all__ = ["chosen_screen", "notebook_shell"]

_BAR = 12


def chosen_screen(show: Callable[[LiveView], object] | None) -> Screen:
    """`show` itself, or what fits where we are: a notebook, a terminal with rich, or any stream."""
    if show is not None:
        if not callable(show):
            raise TypeError(f"show={show!r}; need a function that takes a LiveView, or None")
        return nullcontext(show)
    if notebook_shell() is not None:
        return _in_notebook(_new_display())
    if sys.stdout.isatty() and importlib.util.find_spec("rich"):
        return _in_terminal()
    return _on_lines(sys.stdout)


def notebook_shell() -> Any:
    """The IPython shell of a notebook's kernel, or None anywhere else."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell if hasattr(shell, "kernel") else None


def _new_display() -> Any:
    shown: Any = import_extra("IPython.display", "notebook")
    return shown.display(shown.HTML("<p>&hellip;</p>"), display_id=True)


@contextmanager
def _in_notebook(display: Any) -> Iterator[Callable[[LiveView], object]]:
    yield display.update


@contextmanager
def _in_terminal() -> Iterator[Callable[[LiveView], object]]:
    from rich.live import Live

    with Live(auto_refresh=False, transient=False) as live:
        yield lambda view: live.update(_drawn(view, live.console.height), refresh=True)


def _drawn(view: LiveView, height: int) -> Any:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 1))
    for head in WORKER_HEADS:
        table.add_column(head, justify="left" if head in ("now", "share") else "right")
    rows = view.rows()
    shown = rows[: max(1, height - 5)]
    for row in shown:
        cells = zip(WORKER_HEADS, row, strict=True)
        table.add_row(
            *(
                ProgressBar(1.0, value if isinstance(value, float) else 0.0, width=_BAR) if head == "share" else _text(value)
                for head, value in cells
            )
        )
    more = [Text(f"and {len(rows) - len(shown):,} more workers")] if len(shown) < len(rows) else []
    return Group(Text(view.line), table, *more)


def _text(value: object) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


@contextmanager
def _on_lines(out: Any) -> Iterator[Callable[[LiveView], object]]:
    yield lambda view: print(view.line, file=out, flush=True)
