"""What do experiments, task graphs and open systems look like? Figures that are not of one run's events; those are `Report.plot_*`.

Invariant: each function takes matplotlib Axes or makes some, and returns them; times on them are seconds. Read next: `_figure.py`
(colours), `_results_plot.py` (the lines of an experiment), `_dag_figure.py` (where the nodes go).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ._figure import GREY, PALETTE, color_of, head, new_axes, shortened, text_color, time_axis
from ._intervals import checked_level, t_interval
from ._results_plot import plot_rows
from .estimate import mser5
from .units import checked_count, format_ns

if TYPE_CHECKING:
    from .report import Report
    from .results import Results
    from .workloads import Workload

__all__ = ["Tail", "dag", "mmc_tail", "scaling", "sojourn_tail"]

FloatArray = npt.NDArray[np.float64]

Tail: TypeAlias = Callable[[FloatArray], npt.ArrayLike]
"""P(T > t) of times t, seconds."""

_BATCHES = 20
_BAND_POINTS = 60
_CURVE_POINTS = 2_000
_LOG_FROM = 8


def scaling(results: Results, *, workload: str | None = None, level: float = 0.95, ax: Any = None) -> Any:
    """Speedup over workers, a line a policy, under its two bounds: the workers (T1 / P) and the parallelism (T1 / T-infinity).

    Args:
        results: of an experiment with declared costs.
        workload: the name of one of them; None if there is only one.
        level: of the Student intervals.
        ax: matplotlib Axes to draw on; None makes one.

    Returns:
        The Axes.

    Raises:
        ValueError: several workloads and no name, or an unknown one; no declared costs.
        MissingExtra: matplotlib or scipy is not installed.
    """
    names = list(dict.fromkeys(row["workload"] for row in results))
    if (workload is None and len(names) > 1) or workload not in (None, *names):
        raise ValueError(f"workload={workload!r}; need one of {', '.join(map(repr, names))}")
    rows = [row for row in results if workload in (None, row["workload"])]
    ax = plot_rows(rows, "workers", "speedup", checked_level(level), ax)
    good = [row for row in rows if row["error"] is None]
    workers = np.array(sorted({row["workers"] for row in good}))
    if workers[-1] >= _LOG_FROM * workers[0]:
        ax.set_yscale("log", base=2)
        ax.yaxis.set_major_formatter("{x:g}")
    parallelism = float(np.mean([row["work"] / row["span"] for row in good if row["span"]]))
    ax.plot(workers, workers, color=GREY, linestyle="--", linewidth=1.2, label="T1 / P: speedup = workers", zorder=0)
    label = f"T1 / T∞ = {parallelism:.3g}"
    ax.axhline(parallelism, color=GREY, linestyle=":", linewidth=1.4, label=label, zorder=0)
    notes = ax.get_title()
    ax.set_title("")
    head(ax, f"{shortened(names[0] if workload is None else workload)}: speedup", notes)
    ax.set_ylabel("speedup = T1 / makespan")
    ax.legend(fontsize="small")
    return ax


def dag(workload: Workload, *, ax: Any = None) -> Any:
    """The task graph in layers, each task one to the right of the last that it waits for, with its critical path.

    The area of a node is its cost, where the workload is a task graph; other kinds count each task alike.

    Args:
        workload: of at most 100,000 tasks.
        ax: matplotlib Axes to draw on; None makes one.

    Returns:
        The Axes.

    Raises:
        ValueError: more tasks than that, or a kind without a fixed graph.
        MissingExtra: matplotlib is not installed; or networkx, for a kind that is no task graph (``dag``, ``pattern``).
    """
    from ._dag_figure import draw_dag

    return draw_dag(workload, ax)


def sojourn_tail(
    report: Report,
    *,
    theory: Tail | Mapping[str, Tail] | None = None,
    warmup: int | None = None,
    level: float = 0.95,
    ax: Any = None,
) -> Any:
    """How many jobs stay longer than t, with intervals from batches, on a logarithmic scale against what theory says.

    Args:
        report: of an open system.
        theory: P(T > t) as a function of an array of seconds, such as `mmc_tail` makes; or several by name.
        warmup: jobs to leave out at the beginning; None leaves out what the rule MSER-5 says.
        level: of the intervals, which hold for each t alone.
        ax: matplotlib Axes to draw on; None makes one.

    Returns:
        The Axes.

    Raises:
        ValueError: the run has no sojourns, or fewer than 20 after the run-in.
        MissingExtra: matplotlib or scipy is not installed.
    """
    if report.sojourns is None:
        raise ValueError(f"{report.workload} has no sojourns; an open_system has one for each job")
    cut = mser5(report.sojourns) if warmup is None else checked_count(warmup, "warmup")
    kept = np.asarray(report.sojourns[cut:], dtype=np.float64) / 1e9
    if len(kept) < _BATCHES:
        raise ValueError(f"{len(kept)} jobs after {cut} of warm-up; need at least {_BATCHES}")
    checked_level(level)
    ax = new_axes(ax)
    ordered = np.sort(kept)
    n = len(ordered)
    # Evenly spaced on the logarithmic scale of the figure: the tail keeps each of its jobs.
    above = np.unique(np.geomspace(1, n, _CURVE_POINTS).astype(np.int64))
    ax.plot(
        ordered[n - above],
        above / n,
        drawstyle="steps-post",
        color=PALETTE["blue"],
        linewidth=1.6,
        label="measured",
        gid="measured",
    )
    _draw_band(ax, kept, ordered, level)
    curves = {} if theory is None else {"theory": theory} if callable(theory) else dict(theory)
    times = np.linspace(0, ordered[-1], 400)
    for number, (name, tail) in enumerate(curves.items()):
        color = text_color() if len(curves) == 1 else color_of(number + 1)
        ax.plot(times, np.asarray(tail(times), dtype=np.float64), "--", color=color, linewidth=1.4, label=name)
    ax.set_yscale("log")
    ax.set_ylim(0.5 / n, 1.3)
    ax.set_xlim(0, ordered[-1] * 1.02)
    time_axis(ax.xaxis, "sojourn time t")
    ax.set_ylabel("share of jobs that stay longer")
    mean = format_ns(float(kept.mean()) * 1e9)
    head(ax, f"{shortened(report.workload)} on {report.workers} workers", f"{n:,} jobs, {cut:,} left out; mean {mean}")
    ax.legend(fontsize="small")
    return ax


def mmc_tail(servers: int, load: float, service: float) -> Tail:
    """P(T > t) of the time in an M/M/c system with one queue, in order of arrival: no placement of jobs does better.

    Args:
        servers: how many.
        load: of each, between 0 and 1.
        service: mean service time, seconds.

    Source: Kleinrock, Queueing Systems I, ch. 3 (Erlang C); with one server it is M/M/1.
    """
    servers = checked_count(servers, "servers", low=1)
    if not 0 < load < 1:
        raise ValueError(f"load={load!r}; need a number strictly between 0 and 1")
    if not 0 < service < math.inf:
        raise ValueError(f"service={service!r}; need seconds above 0")
    blocked = 1.0
    for k in range(1, servers + 1):  # Erlang B by its recursion
        blocked = servers * load * blocked / (k + servers * load * blocked)
    waits = blocked / (1 - load * (1 - blocked))
    leaves = servers * (1 - load)  # the rate at which a wait ends, by that of a service

    def tail(times: FloatArray) -> FloatArray:
        t = np.asarray(times, dtype=np.float64) / service
        own = np.exp(-t)
        if math.isclose(leaves, 1, rel_tol=1e-9):
            return own * (1 + waits * t)
        both = (leaves * own - np.exp(-leaves * t)) / (leaves - 1)  # of those who wait: wait and service
        result: FloatArray = (1 - waits) * own + waits * both
        return result

    return tail


def _draw_band(ax: Any, kept: FloatArray, ordered: FloatArray, level: float) -> None:
    """Student intervals of the share above t from the shares in batches of jobs that follow each other."""
    size = len(kept) // _BATCHES
    batches = np.sort(kept[: size * _BATCHES].reshape(_BATCHES, size), axis=1)
    places = np.unique(np.geomspace(1, len(ordered), _BAND_POINTS).astype(np.int64))
    times = np.unique(ordered[len(ordered) - places])
    shares = 1 - np.array([np.searchsorted(batch, times, side="right") for batch in batches]) / size
    found = [t_interval(column, level) for column in shares.T]
    low, high = (np.array([getattr(interval, side) for interval in found]).clip(1e-12, 1) for side in ("low", "high"))
    ax.fill_between(times, low, high, color=PALETTE["blue"], alpha=0.25, linewidth=0, label=f"{level:.0%} intervals")
