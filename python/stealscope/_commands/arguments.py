"""Which arguments do commands share, and how is a bad one refused? By one line."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["Commands", "Parser", "positive", "positive_factor", "positive_seconds", "seed", "shared"]

Commands = Any
"""What ``ArgumentParser.add_subparsers`` gives, whose type argparse does not name."""


class Parser(argparse.ArgumentParser):
    """As argparse, but an error is one line without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def shared(*, workers: bool = False, scale: bool = False, plot: str = "") -> argparse.ArgumentParser:
    """A parent with ``--json``, and with those of the other options that a command takes; `plot` says what it draws."""
    parent = Parser(add_help=False)
    parent.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    if workers:
        parent.add_argument("--workers", type=positive, metavar="N", help="worker threads; default: one a CPU")
    if scale:
        parent.add_argument("--scale", type=float, metavar="X", help="factor on recorded times: 1e-6 makes a second a us")
    if plot:
        text = f"draw {plot} into a file: .png, .svg, .pdf"
        parent.add_argument("--plot", type=_figure_file, metavar="FILE", help=text)
    return parent


def positive(text: str) -> int:
    """A count, 1 to 65,535."""
    return _whole(text, 1, 65_535)


def seed(text: str) -> int:
    """A seed, 0 to 2**64 - 1."""
    return _whole(text, 0, 2**64 - 1)


def positive_seconds(text: str) -> float:
    """Seconds above 0."""
    return _positive_number(text, "seconds > 0")


def positive_factor(text: str) -> float:
    """A factor above 0."""
    return _positive_number(text, "a factor > 0, such as 0.1")


def _positive_number(text: str, need: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"{text!r}; need {need}")
    return value


def _whole(text: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r}; need {low}..{high}")
    return value


def _figure_file(text: str) -> Path:
    # Asked now, since a run that took minutes should not end with a figure that nobody can write.
    path = Path(text)
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise argparse.ArgumentTypeError(f"{text!r}; need a file name that ends in .png, .svg or .pdf")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r}; there is no folder {str(path.parent)!r}")
    return path
