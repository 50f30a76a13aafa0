"""How do the figures of an experiment go along one of its axes? Means with intervals, a line a policy.

Invariant: a stretch of a line that ends at a point which no measurement backs is dashed. Read next: `results.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ._cells import UNITS, Row
from ._figure import color_of, marker_of, new_axes
from ._intervals import t_interval

__all__ = ["plot_rows"]

_AXES = ("workers", "workload", "policy", "costs")
_LOG_FROM = 8
"""Worker counts that span this factor or more are drawn on a logarithmic axis."""


class _Point(NamedTuple):
    x: float
    mean: float
    low: float
    high: float
    backed: bool


def plot_rows(rows: Sequence[Row], x: str, y: str, level: float, ax: Any) -> Any:
    """What `Results.plot` does."""
    if x not in _AXES:
        raise ValueError(f"x={x!r}; need one of {', '.join(map(repr, _AXES))}")
    good = [row for row in rows if row["error"] is None]
    if not good or any(not isinstance(row.get(y), int | float) for row in good):
        known = ", ".join(name for name in UNITS if good and all(row.get(name) is not None for row in good))
        raise ValueError(f"y={y!r} was not measured in all runs; need one of {known or 'nothing: every run failed'}")
    ax = new_axes(ax)
    places = {value: position for position, value in enumerate(dict.fromkeys(row[x] for row in good))}
    if x == "workers":
        places = {value: value for value in sorted(places)}
    line_by = [name for name in ("policy", "workload", "costs", "workers") if name != x]
    varied = [name for name in line_by if len({row[name] for row in good}) > 1]
    lines: dict[tuple[Any, ...], list[Row]] = {}
    for row in good:
        lines.setdefault(tuple(row[name] for name in varied), []).append(row)
    backed = True
    for number, (names, members) in enumerate(lines.items()):
        points = _points(members, x, y, places, level)
        backed = backed and all(point.backed for point in points)
        _draw(ax, points, ", ".join(map(str, names)), number, connected=x == "workers")
    _label(ax, x, y, places)
    failed = len(rows) - len(good)
    notes = [f"mean and {level:.0%} interval"]
    notes += [] if backed else ["hollow, dashed: more workers than were checked"]
    notes += [f"{failed} failed runs left out"] if failed else []
    ax.set_title("; ".join(notes), fontsize="medium")
    if varied:
        ax.legend()
    return ax


def _points(rows: Sequence[Row], x: str, y: str, places: Mapping[Any, float], level: float) -> list[_Point]:
    points = []
    for value, place in places.items():
        here = [row for row in rows if row[x] == value]
        if here:
            interval = t_interval(np.array([row[y] for row in here], dtype=np.float64), level)
            backed = all(row["validated"] is not False and not row["oversubscribed"] for row in here)
            points.append(_Point(place, interval.estimate, interval.low, interval.high, backed))
    return points


def _draw(ax: Any, points: Sequence[_Point], label: str, number: int, *, connected: bool) -> None:
    color, marker = color_of(number), marker_of(number)
    for backed in (True, False):
        some = [point for point in points if point.backed is backed]
        if some:
            # A single replication has no interval: its bar is NaN, and matplotlib draws the point alone.
            sides = [[p.mean - p.low for p in some], [p.high - p.mean for p in some]]
            fill = {} if backed else {"markerfacecolor": ax.get_facecolor()}
            xs, ys = [p.x for p in some], [p.mean for p in some]
            ax.errorbar(xs, ys, yerr=sides, fmt=marker, markersize=4.5, capsize=3, color=color, **fill)
    if connected:
        for left, right in pairwise(points):
            style = "-" if left.backed and right.backed else "--"
            ax.plot([left.x, right.x], [left.mean, right.mean], style, color=color, linewidth=1.4)
    ax.plot([], [], f"-{marker}" if connected else marker, markersize=4.5, color=color, label=label)


def _label(ax: Any, x: str, y: str, places: Mapping[Any, float]) -> None:
    if x == "workers":
        if max(places) >= _LOG_FROM * min(places):
            ax.set_xscale("log", base=2)
        ax.set_xticks(list(places), [str(value) for value in places])
        ax.minorticks_off()
    else:
        ax.set_xticks(list(places.values()), [str(value) for value in places])
        ax.margins(x=0.15)
    unit = UNITS.get(y, "")
    ax.set_xlabel(x)
    ax.set_ylabel("makespan / lower bound" if y == "ratio" else f"{y} ({unit})" if unit and unit != "1" else y)
