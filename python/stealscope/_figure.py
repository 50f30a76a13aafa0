"""How do the figures of this package look? Colours, axes in time, what is said above them; everything else is left to rcParams.

Invariant: colours that carry a meaning are of one palette that colour-blind readers can tell apart, on white and on black; text,
frames and backgrounds are the user's, so a dark style just works. pyplot is touched only to make axes that were not given.
Read next: `_report_figures.py`, `plots.py`, `_results_plot.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import import_extra

__all__ = [
    "GREY",
    "PALETTE",
    "amounts",
    "binned",
    "color_of",
    "color_scale",
    "contrast",
    "head",
    "is_dark",
    "marker_of",
    "new_axes",
    "shortened",
    "text_color",
    "time_axis",
    "worker_axis",
]

FloatArray = npt.NDArray[np.float64]

PALETTE = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
}
"""Source: Okabe and Ito, Color Universal Design (2008), without its yellow and black: they vanish on white and on black."""

GREY = "0.5"
_MARKERS = "os^Dv"
_ALL_WORKERS = 16
_LONGEST_NAME = 40


def color_of(number: int) -> str:
    """The colour of the n-th line of a figure; the seventh has that of the first again, and another marker."""
    return list(PALETTE.values())[number % len(PALETTE)]


def marker_of(number: int) -> str:
    """The marker of the n-th line of a figure."""
    return _MARKERS[number // len(PALETTE) % len(_MARKERS)]


def new_axes(ax: Any, width: float = 7, height: float = 4.5) -> Any:
    """`ax`, or the axes of a new figure if it is None. Sizes in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    if ax is not None:
        return ax
    return import_extra("matplotlib.pyplot", "plot").subplots(figsize=(width, height), layout="constrained")[1]


def text_color() -> Any:
    """What the user's style writes in."""
    return import_extra("matplotlib", "plot").rcParams["text.color"]


def time_axis(axis: Any, label: str) -> None:
    """Seconds, shown as ns, us, ms or s."""
    axis.set_major_formatter(import_extra("matplotlib.ticker", "plot").EngFormatter(unit="s"))
    axis.set_label_text(label)


def worker_axis(axis: Any, workers: int, label: str = "worker") -> None:
    """Indices of workers: all of a few, some of many."""
    if workers <= _ALL_WORKERS:
        axis.set_ticks(range(workers))
    else:
        axis.set_major_locator(import_extra("matplotlib.ticker", "plot").MaxNLocator(nbins=9, integer=True))
    axis.set_label_text(label)


def is_dark(color: Any) -> bool:
    """Whether white is easier to read on it than black."""
    red, green, blue = import_extra("matplotlib.colors", "plot").to_rgb(color)
    return bool(0.299 * red + 0.587 * green + 0.114 * blue < 0.5)


def contrast(color: Any) -> str:
    """Black or white, whichever is easier to read on a colour."""
    return "white" if is_dark(color) else "black"


def amounts(ax: Any) -> Any:
    """A colour map for what is not nothing: the more, the farther from the background. Nothing itself is left out."""
    base = import_extra("matplotlib", "plot").colormaps["Blues_r" if is_dark(ax.get_facecolor()) else "Blues"]
    return import_extra("matplotlib.colors", "plot").ListedColormap(base(np.linspace(0.2, 1, 256)))


def color_scale(ax: Any, image: Any, label: str) -> None:
    """A bar that explains the colours of an image of counts."""
    ticks = import_extra("matplotlib.ticker", "plot").MaxNLocator(nbins=7, integer=True)
    ax.figure.colorbar(image, ax=ax, label=label, pad=0.02, ticks=ticks)


def shortened(name: str) -> str:
    """A name that fits above a figure."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def head(ax: Any, title: str, *notes: str, legend: int = 0) -> None:
    """What is drawn, below it what to know about it, and a legend in `legend` columns, all above the axes."""
    lines = [title, "; ".join(filter(None, notes))]
    ax.set_title("\n".join(filter(None, lines)), loc="left", fontsize="medium", pad=24 if legend else 6)
    if legend:
        ax.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=legend,
            frameon=False,
            fontsize="small",
            borderpad=0.3,
            borderaxespad=0.2,
            handlelength=1.4,
            columnspacing=1.4,
        )


def binned(
    rows: npt.NDArray[Any], at: npt.NDArray[Any], change: npt.NDArray[Any], shape: tuple[int, int], begin: float, end: float
) -> FloatArray:
    """The mean of step functions, one a row, over equal parts of ``begin .. end``.

    Args:
        rows, at, change: where and when a function steps, and by how much; it is 0 before its first step. Steps before `begin`
            count from there on, and steps after `end` not at all.
        shape: rows and parts.

    Returns:
        Shape `shape`. Sum times the width of a part is the integral, exactly: no step is too short to count.
    """
    count, parts = shape
    place = np.clip((np.asarray(at, dtype=np.float64) - begin) * (parts / (end - begin)), 0, parts)
    part = place.astype(np.int64)
    rest = place - part
    # A step in the middle of a part counts there for what is left of it, and wholly in all later ones.
    cell = rows.astype(np.int64) * (parts + 2) + part
    size = count * (parts + 2)
    steps = np.bincount(cell, change * (1 - rest), size) + np.bincount(cell + 1, change * rest, size)
    means: FloatArray = np.cumsum(steps.reshape(count, parts + 2), axis=1)[:, :parts]
    means[np.abs(means) < 1e-9] = 0  # what rounding leaves of a function that is 0 again
    return means
