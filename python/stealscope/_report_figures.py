"""What do one run's events look like? What the workers did, where tasks waited, how long polls took, who stole from whom.

Invariant: what is drawn is whole: many events become means over strips of time, of which none is too short to count. Times are in
seconds. Read next: `_timeline_figure.py` (each worker's row), `activity.py` (the arrays), `_figure.py` (the style).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ._figure import (
    GREY,
    PALETTE,
    amounts,
    binned,
    color_scale,
    contrast,
    head,
    new_axes,
    shortened,
    text_color,
    time_axis,
    worker_axis,
)
from .activity import STATES, latencies, queue_depths, states
from .errors import import_extra
from .metrics import histogram_quantile
from .timeline import intervals, steals
from .units import format_ns, seconds_to_ns

if TYPE_CHECKING:
    from .report import Report

__all__ = [
    "PARTS",
    "STATE_ALPHA",
    "STATE_COLORS",
    "Window",
    "binned_states",
    "checked_window",
    "draw_poll_times",
    "draw_queue_depths",
    "draw_steals",
    "draw_utilization",
    "events_of",
    "legend_of_states",
    "lost",
    "states_of",
    "title_of",
]

Window = tuple[float, float]

QUANTILES = (0.5, 0.9, 0.99, 0.999)
STATE_COLORS = {"busy": PALETTE["blue"], "gil_wait": PALETTE["vermillion"], "searching": PALETTE["orange"], "parked": GREY}
STATE_ALPHA = {"busy": 1.0, "gil_wait": 1.0, "searching": 1.0, "parked": 0.22}
_STATE_TEXT = {"gil_wait": "GIL wait"}
PARTS = 600
"""Strips of time of a whole figure: about as many as it is pixels wide."""
_MOST_NUMBERED = 10
_MOST_CELLS = 64
_BUCKETS = 60


def draw_utilization(report: Report, window: Window | None, ax: Any) -> Any:
    """What `Report.plot_utilization` does."""
    workers = report.workers
    begin, end = checked_window(report, window)
    done = states_of(report, begin, end)
    ax = new_axes(ax)
    parts = binned_states(done, done["state"], len(STATES), begin, end)
    edges = np.linspace(begin, end, parts.shape[1] + 1) / 1e9
    tops = np.cumsum(parts, axis=0)
    lower = np.zeros_like(tops[0])
    for name, top in zip(STATES, tops, strict=True):
        ax.stairs(top, edges, baseline=lower, fill=True, color=STATE_COLORS[name], alpha=STATE_ALPHA[name], linewidth=0, gid=name)
        lower = top
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, workers)
    worker_axis(ax.yaxis, workers + 1, "workers")
    time_axis(ax.xaxis, "time")
    legend_of_states(ax, done, (end - begin) * workers)
    head(ax, title_of(report), lost(report), legend=len(STATES))
    return ax


def draw_queue_depths(report: Report, window: Window | None, ax: Any) -> Any:
    """What `Report.plot_queue_depths` does."""
    events, workers = events_of(report), report.workers
    begin, end = checked_window(report, window)
    depths, is_exact = queue_depths(events, workers)
    queue, depth = depths["queue"].astype(np.int64), depths["depth"]
    before = np.where(np.append(True, queue[1:] != queue[:-1]), 0, np.roll(depth, 1))[: len(depth)]
    means = binned(queue, depths["at"], depth - before, (workers + 1, PARTS), begin, end)
    ax = new_axes(ax, height=float(np.clip(2 + 0.3 * workers, 3, 6.5)))
    colors = import_extra("matplotlib.colors", "plot")
    # By the square root: one task more or less shows beside a queue of hundreds.
    norm = colors.PowerNorm(0.5, vmin=0, vmax=max(1.0, float(means.max())))
    gap = max(0.02 * workers, 0.12)  # between the workers' queues and the shared one
    image = {"aspect": "auto", "norm": norm, "cmap": amounts(ax), "interpolation": "nearest"}
    means = np.ma.masked_equal(means.clip(0), 0)
    left, right = begin / 1e9, end / 1e9
    shared = max(1.0, 0.04 * workers)
    top = -0.5 - gap - shared
    ax.imshow(means[workers:], extent=(left, right, -0.5 - gap, top), gid="shared", **image)
    drawn = ax.imshow(means[:workers], extent=(left, right, workers - 0.5, -0.5), gid="workers", **image)
    ax.set_ylim(workers - 0.5, top)
    worker_axis(ax.yaxis, workers, "worker's queue")
    shown = [tick for tick in ax.get_yticks() if 0 <= tick <= workers - 1 and tick == int(tick)]
    if len(shown) > 1 and shown[0] == 0 and workers > _MOST_NUMBERED:
        shown = shown[1:]  # leaves room for the label above it
    ax.set_yticks([top + shared / 2, *shown], ["shared", *(f"{tick:.0f}" for tick in shown)])
    time_axis(ax.xaxis, "time")
    color_scale(ax, drawn, "ready tasks")
    where = "" if is_exact else "tasks sent to mailboxes: counted at the worker that polls them"
    head(ax, title_of(report), where, lost(report))
    return ax


def draw_poll_times(report: Report, of: Literal["polls", "latencies"], ax: Any) -> Any:
    """What `Report.plot_poll_times` and `plot_latencies` do."""
    if report.timeline is None:
        counts, edges, quantiles = _from_metrics(report, of)
        how = "from the histogram: a quantile is its bucket's upper edge"
    else:
        counts, edges, quantiles = _from_events(report, of)
        how = lost(report)
    ax = new_axes(ax)
    ax.stairs(counts, edges / 1e9, fill=True, color=PALETTE["sky"])
    ax.set_xscale("log")
    time_axis(ax.xaxis, "time of a poll" if of == "polls" else "from ready to polled")
    ax.xaxis.set_minor_formatter(import_extra("matplotlib.ticker", "plot").NullFormatter())
    ax.set_ylabel("polls")
    ax.set_ylim(0, max(1, counts.max(initial=0)) * 1.05)
    styles = ("-", "--", "-.", ":")
    for (q, value), style in zip(quantiles.items(), styles, strict=True):
        label = f"{100 * q:g} % within {format_ns(value)}"
        ax.axvline(max(value, edges[0]) / 1e9, color=text_color(), linestyle=style, linewidth=1.2, label=label)
    head(ax, title_of(report), f"{int(counts.sum()):,} polls", how)
    ax.legend(fontsize="small")
    return ax


def draw_steals(report: Report, of: Literal["tasks", "steals"], ax: Any) -> Any:
    """What `Report.plot_steals` does."""
    if of not in ("tasks", "steals"):
        raise ValueError(f"of={of!r}; need 'tasks' or 'steals'")
    workers = report.workers
    hits = steals(events_of(report))
    weights = hits["taken"] if of == "tasks" else None
    group = -(-workers // _MOST_CELLS)
    side = -(-workers // group)
    place = (hits["thief"] // group).astype(np.int64) * side + hits["victim"] // group
    cells = np.bincount(place, weights, side**2).reshape(side, side)
    ax = new_axes(ax, width=5.8, height=5)
    colors = import_extra("matplotlib.colors", "plot")
    norm = colors.PowerNorm(0.5, vmin=0, vmax=max(1.0, float(cells.max())))
    edge = side * group - 0.5
    image = ax.imshow(
        np.ma.masked_equal(cells, 0),
        cmap=amounts(ax),
        norm=norm,
        interpolation="nearest",
        extent=(-0.5, edge, edge, -0.5),
    )
    ax.set(xlim=(-0.5, workers - 0.5), ylim=(workers - 0.5, -0.5))
    worker_axis(ax.xaxis, workers, "victim")
    worker_axis(ax.yaxis, workers, "thief")
    if workers <= _MOST_NUMBERED:
        for thief, victim in np.argwhere(cells > 0).tolist():
            color = contrast(image.to_rgba(cells[thief, victim]))
            ax.text(victim, thief, f"{cells[thief, victim]:,.0f}", ha="center", va="center", color=color, fontsize="small")
    color_scale(ax, image, "tasks stolen" if of == "tasks" else "steals")
    grouped = f"cells of {group} x {group} workers" if group > 1 else ""
    head(ax, title_of(report), f"{len(hits):,} steals took {hits['taken'].sum():,} tasks", grouped, lost(report))
    return ax


# ---- from the report ----


def events_of(report: Report, more: str = "") -> Any:
    """Its timeline, or ValueError with how to get one; `more` is another way out."""
    if report.timeline is None:
        raise ValueError(f"this report has no timeline; run with Runtime(timeline=True) or Simulation(timeline=True){more}")
    return report.timeline


def checked_window(report: Report, window: Window | None) -> tuple[int, int]:
    """Begin and end, ns."""
    if window is None:
        return 0, max(1, report.makespan)
    begin, end = (seconds_to_ns(value, "window") for value in window)
    if not begin < end:
        raise ValueError(f"window={window!r}; need (begin, end) in seconds, with begin < end")
    return begin, end


def title_of(report: Report) -> str:
    """What ran where."""
    simulated = "simulated " if report.engine == "sim" else ""
    workers = f"{report.workers} {simulated}worker{'s' if report.workers > 1 else ''}"
    return f"{shortened(report.workload)} on {workers}"


def lost(report: Report) -> str:
    """What to say of events that were dropped."""
    return f"{report.timeline_dropped:,} events found no room" if report.timeline_dropped else ""


def states_of(report: Report, begin: int, end: int) -> npt.NDArray[np.void]:
    """`activity.states`, as far as the run goes."""
    whole = not report.timeline_dropped
    end = min(end, max(begin + 1, report.makespan))  # afterwards nobody knows
    return states(events_of(report), report.workers, end, begin=begin, is_whole=whole)


def binned_states(
    done: npt.NDArray[np.void], rows: npt.NDArray[Any], count: int, begin: int, end: int
) -> npt.NDArray[np.float64]:
    """How many intervals there are at a time, the mean of each of `PARTS` strips; `rows` says which of `count` rows each counts in."""
    change = np.repeat([1.0, -1.0], len(done))
    at = np.concatenate([done["begin"], done["end"]])
    return binned(np.tile(rows, 2), at, change, (count, PARTS), begin, end)


def _from_events(report: Report, of: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Mapping[float, float]]:
    events = events_of(report)
    if of == "polls":
        polls = intervals(events)
        values = np.concatenate([own["end"] - own["begin"] for own in polls.values()]) if polls else np.empty(0, np.int64)
    else:
        waits = latencies(events)
        values = waits["begin"] - waits["ready"]
    if not len(values):
        raise ValueError("the timeline holds no whole poll")
    low, high = max(1, int(values.min())), max(1, int(values.max()))
    edges = np.geomspace(low, high, _BUCKETS + 1) if high > 1.5 * low else np.array([low / 1.5, low, high * 1.5])
    edges[-1] = max(edges[-1], high)  # rounding must leave none out
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return counts, edges, dict(zip(QUANTILES, np.quantile(values, QUANTILES, method="inverted_cdf").tolist(), strict=True))


def _from_metrics(report: Report, of: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Mapping[float, float]]:
    name = "task_poll_histogram" if of == "polls" else "schedule_latency_histogram"
    found = [worker[name] for worker in report.metrics.get("workers", ()) if worker.get(name)]
    counts = np.sum([histogram["counts"] for histogram in found], axis=0)
    if not found or not counts.any():
        events_of(report, ", or with Runtime(histograms='default')")
    edges = np.array([float(edge) for edge in found[0]["edges_ns"][: len(counts)]])
    used = np.flatnonzero(counts)
    edges = np.append(edges, 2 * edges[-1])  # the last bucket has no end: it is drawn as wide as its begin
    whole = {"counts": counts.tolist(), "edges_ns": edges.tolist()}
    quantiles = {q: histogram_quantile(whole, q) or 0.0 for q in QUANTILES}
    first, last = int(used[0]), int(used[-1]) + 1
    edges = np.maximum(edges[first : last + 1], [0.5, *edges[first + 1 : last + 1]])  # a logarithmic axis has no 0
    return counts[first:last], edges, quantiles


def legend_of_states(ax: Any, done: npt.NDArray[np.void], whole: int) -> None:
    """An entry a state, with its share of all workers' time."""
    for number, name in enumerate(STATES):
        own = done[done["state"] == number]
        share = float((own["end"] - own["begin"]).sum()) / whole
        text = "0 %" if share == 0 else "< 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")
        label = f"{_STATE_TEXT.get(name, name)} {text}"
        ax.fill_between([], [], [], color=STATE_COLORS[name], alpha=STATE_ALPHA[name], linewidth=0, label=label)
