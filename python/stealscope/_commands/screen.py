"""How does text come to a terminal? As it is, or with colours where it is a terminal and rich is installed.

Invariant: colours change no character, so what a person reads on a terminal is what a file or a pipe gets; nothing but
`print_json` writes where JSON was asked for.
"""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Spoken", "has_colours", "height", "new_figure", "painted", "print_json", "save_figure", "say", "width"]

# A named group is painted in the style that it is called.
_STYLES = (
    r"(?m)^ *(?P<bold>\S.*)\n(?P<dim> *-+(?:  -+)*)$",  # the headers of a table, and the rule under them
    r"(?m)^(?: *)(?P<cyan>[^\W\d][\w/(), ]*?)(?=  )",  # what a line is about
    r"(?P<green>#+)(?P<dim>\.*)(?= |$)",
    r"\d(?P<dim> (?:ns|us|ms|s)\b| ?%)",
    r"(?m)^(?P<yellow>note: .*)$",
    r"(?P<red>\b(?:slow|failed|gone|no answer)\b)",
)


class Spoken(io.StringIO):
    """A file whose text is said, for functions that print to one."""

    def write(self, text: str) -> int:
        """Say it, without a new line."""
        say(text, end="")
        return len(text)


def say(text: str, *, end: str = "\n") -> None:
    """Print a text, with colours where they can be seen."""
    if has_colours():
        import rich

        rich.get_console().print(painted(text), end=end, soft_wrap=True)
    else:
        print(text, end=end, flush=True)


def has_colours() -> bool:
    """Whether standard output is a terminal and rich is there."""
    return sys.stdout.isatty() and importlib.util.find_spec("rich") is not None


def painted(text: str) -> Any:
    """The text as a `rich.text.Text`."""
    from rich.text import Text

    result = Text(text, no_wrap=True)
    for pattern in _STYLES:
        result.highlight_regex(pattern)
    return result


def width() -> int | None:
    """Columns of the terminal; None where it is none, and a line may be as long as it likes."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def height() -> int | None:
    """Lines of the terminal; None where it is none."""
    return shutil.get_terminal_size().lines if sys.stdout.isatty() else None


def print_json(data: object, *, indent: int | None = 1) -> None:
    """One JSON document on standard output."""
    json.dump(data, sys.stdout, indent=indent, default=str)
    print(flush=True)


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib figure that no window shows. Sizes in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    from ..errors import import_extra

    return import_extra("matplotlib.figure", "plot").Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Any, path: Path) -> None:
    """Write it, and say so on standard error."""
    figure.savefig(path, dpi=150)
    print(f"wrote {path}", file=sys.stderr)
