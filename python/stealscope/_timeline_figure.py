"""Who worked when, and who stole from whom? A row a worker, with arrows.

Invariant: a few bars are drawn each, of many each pixel has the colours of what its worker did then, by their shares; arrows that
are left out are counted. Read next: `_report_figures.py` (the other figures of a run), `activity.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._figure import head, new_axes, text_color, time_axis, worker_axis
from ._report_figures import (
    PARTS,
    STATE_ALPHA,
    STATE_COLORS,
    Window,
    binned_states,
    checked_window,
    events_of,
    legend_of_states,
    lost,
    states_of,
    title_of,
)
from .activity import STATES
from .errors import import_extra
from .timeline import intervals, steals
from .units import checked_count

if TYPE_CHECKING:
    from .report import Report

__all__ = ["draw_timeline"]

_MOST_BARS = 4_000
_MOST_SEAMS = 40
_MOST_PARTED = 32


def draw_timeline(report: Report, window: Window | None, arrows: int, ax: Any) -> Any:
    """What `Report.plot_timeline` does."""
    events, workers = events_of(report), report.workers
    begin, end = checked_window(report, window)
    arrows = checked_count(arrows, "arrows", hint="0 draws none")
    ax = new_axes(ax, height=float(np.clip(1.6 + 0.3 * workers, 3, 6.5)))
    done = states_of(report, begin, end)
    if len(done) <= _MOST_BARS:
        _draw_bars(ax, done)
        _draw_seams(ax, events, begin, end)
    else:
        _draw_strips(ax, done, workers, begin, end)
    note = _draw_arrows(ax, steals(events), begin, end, arrows)
    ax.set_xlim(begin / 1e9, end / 1e9)
    ax.set_ylim(workers - 0.5, -0.5)
    worker_axis(ax.yaxis, workers)
    time_axis(ax.xaxis, "time")
    legend_of_states(ax, done, (end - begin) * workers)
    head(ax, title_of(report), note, lost(report), legend=len(STATES))
    return ax


def _draw_bars(ax: Any, done: npt.NDArray[np.void]) -> None:
    collections = import_extra("matplotlib.collections", "plot")
    for number, name in enumerate(STATES):
        own = done[done["state"] == number]
        left, right, row = own["begin"] / 1e9, own["end"] / 1e9, own["worker"].astype(np.float64)
        low, high = row - 0.42, row + 0.42
        corners = np.stack([np.stack([x, y], -1) for x, y in ((left, low), (right, low), (right, high), (left, high))], 1)
        style = {"facecolor": STATE_COLORS[name], "alpha": STATE_ALPHA[name], "linewidth": 0}
        ax.add_collection(collections.PolyCollection(corners, gid=name, **style), autolim=False)


def _draw_seams(ax: Any, events: Any, begin: int, end: int) -> None:
    """Where one poll follows another, if they are long enough to be told apart."""
    polls = {worker: own[(own["end"] > begin) & (own["begin"] < end)] for worker, own in intervals(events).items()}
    if max((len(own) for own in polls.values()), default=0) > _MOST_SEAMS:
        return
    rows = [(own["end"] / 1e9, np.full(len(own), worker)) for worker, own in polls.items()]
    if rows:
        at, row = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        ax.vlines(at, row - 0.42, row + 0.42, color=ax.get_facecolor(), linewidth=0.8)


def _draw_strips(ax: Any, done: npt.NDArray[np.void], workers: int, begin: int, end: int) -> None:
    """One image: each pixel has the colours of what its worker did in that strip of time, by their shares."""
    to_rgb = import_extra("matplotlib.colors", "plot").to_rgb
    rows = done["worker"].astype(np.int64) * len(STATES) + done["state"]
    shares = binned_states(done, rows, workers * len(STATES), begin, end).reshape(workers, len(STATES), PARTS)
    weights = np.clip(shares, 0, 1) * np.array([STATE_ALPHA[name] for name in STATES])[:, None]
    alpha = weights.sum(axis=1)
    mixed = np.einsum("wsp,sc->wpc", weights, np.array([to_rgb(STATE_COLORS[name]) for name in STATES]))
    pixels = np.concatenate([mixed / np.maximum(alpha, 1e-12)[..., None], alpha[..., None]], axis=2).clip(0, 1)
    ax.imshow(pixels, extent=(begin / 1e9, end / 1e9, workers - 0.5, -0.5), aspect="auto", interpolation="nearest")
    if workers <= _MOST_PARTED:
        ax.hlines(np.arange(1, workers) - 0.5, begin / 1e9, end / 1e9, color=ax.get_facecolor(), linewidth=2)


def _draw_arrows(ax: Any, hits: npt.NDArray[np.void], begin: int, end: int, most: int) -> str:
    """From victims to thieves; of too many, some that are spread evenly. Returns what to say about them."""
    hits = hits[(hits["at"] >= begin) & (hits["at"] <= end)]
    total = len(hits)
    shown = hits if total <= most else hits[np.arange(most) * total // max(1, most)]
    at, thief, victim = shown["at"] / 1e9, shown["thief"].astype(np.float64), shown["victim"].astype(np.float64)
    lines = np.stack([np.stack([at, victim], -1), np.stack([at, thief], -1)], 1)
    collections = import_extra("matplotlib.collections", "plot")
    color = text_color()
    ax.add_collection(collections.LineCollection(lines, colors=color, linewidths=0.7, alpha=0.75, gid="steals"), autolim=False)
    for marker, side in (("v", thief > victim), ("^", thief < victim)):  # worker 0 is at the top
        ax.scatter(at[side], thief[side], s=14, marker=marker, color=color, linewidths=0, zorder=3)
    if total > len(shown):
        return f"arrows: {len(shown):,} of {total:,} steals, {total - len(shown):,} left out"
    return f"arrows: all {total:,} steals" if total else "no steals"
