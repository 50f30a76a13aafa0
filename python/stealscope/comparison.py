"""Which policy is better than a baseline, by how much, and how sure is that?

Invariant: one value a replication, paired with the baseline's of the same replication, workload, worker count and costs; a pair
in which either run failed is counted in `n_failed` and takes part in nothing else. Read next: `_intervals.py` (the statistics),
`results.py` (where the rows come from).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from . import _html
from ._figure import GREY, PALETTE, new_axes
from ._intervals import FloatArray, Interval, Method, checked_level, holm, mean_interval
from .errors import import_extra
from .tables import table

__all__ = ["Comparison", "compare_rows"]

Row: TypeAlias = Mapping[str, Any]
Estimand = Literal["ratio", "difference"]

_FEW = 10
_PLACE = ("workload", "workers", "costs")
_COLUMNS = (*_PLACE, "policy", "estimate", "low", "high", "p_adjusted", "n", "n_failed", "validated")


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison:
    """Each policy against the baseline, by workload, worker count and cost table.

    Attributes:
        rows: one a policy and place, with the keys of `to_frame`.
        baseline: the policy that the others are compared with.
        metric: what is compared.
        estimand: ``"ratio"``: geometric mean of policy / baseline; ``"difference"``: mean of policy - baseline.
        level: confidence level of low and high, which are not adjusted for the number of comparisons.
        method: how the interval was found.
        adjust: ``"holm"``: `p_adjusted` is, over all rows; None: it is each row's own.
        unit: of a difference; a ratio has none.
    """

    rows: tuple[Row, ...]
    baseline: str
    metric: str
    estimand: Estimand
    level: float
    method: Method
    adjust: Literal["holm"] | None
    unit: str

    def to_dict(self) -> dict[str, Any]:
        """All fields, JSON-serialisable."""
        fields = ("baseline", "metric", "estimand", "level", "method", "adjust", "unit")
        return {name: getattr(self, name) for name in fields} | {"rows": [dict(row) for row in self.rows]}

    def to_frame(self) -> Any:
        """A pandas frame: workload, workers, costs, policy, estimate, low, high, p_adjusted, n, n_failed, validated.

        Raises:
            MissingExtra: pandas is not installed.
        """
        frame = import_extra("pandas", "frame").DataFrame([dict(row) for row in self.rows], columns=list(_COLUMNS))
        frame.attrs |= {key: value for key, value in self.to_dict().items() if key not in {"rows", "unit"}}
        frame.attrs["units"] = dict.fromkeys(("estimate", "low", "high"), self.unit)
        return frame

    def plot(self, ax: Any = None) -> Any:
        """Estimates with their intervals, one line a row, and the null value; hollow where the simulation is not validated.

        Args:
            ax: matplotlib Axes to draw on; None makes one.

        Returns:
            The Axes.

        Raises:
            MissingExtra: matplotlib is not installed.
        """
        ax = new_axes(ax, height=1.2 + 0.32 * len(self.rows))
        varied = [name for name in _PLACE if len({row[name] for row in self.rows}) > 1]
        for height, row in enumerate(reversed(self.rows)):
            sides = [[row["estimate"] - row["low"]], [row["high"] - row["estimate"]]]
            fill = {} if row["validated"] else {"markerfacecolor": ax.get_facecolor()}
            ax.errorbar([row["estimate"]], [height], xerr=sides, fmt="o", capsize=3, color=PALETTE["blue"], **fill)
        ax.axvline(1.0 if self.estimand == "ratio" else 0.0, color=GREY, linewidth=1)
        ax.set_yticks(range(len(self.rows)), [_place_text(row, varied) for row in reversed(self.rows)])
        ax.set_xlabel(self._title())
        ax.margins(y=0.5 / max(1, len(self.rows)))
        return ax

    def __str__(self) -> str:
        heads, cells = self._cells()
        return f"{self._title()}\n\n{table(heads, cells)}"

    def __repr__(self) -> str:
        return f"<Comparison of {self.metric} with {self.baseline}: {len(self.rows)} rows>"

    def _repr_html_(self) -> str:
        heads, cells = self._cells()
        return _html.table(heads, cells, caption=self._title())

    def _title(self) -> str:
        sign = "/" if self.estimand == "ratio" else "-"
        unit = f" ({self.unit})" if self.unit and self.estimand == "difference" else ""
        return f"{self.metric}{unit}, policy {sign} {self.baseline}, {self.level:.0%} intervals ({self.method})"

    def _cells(self) -> tuple[list[str], list[list[object]]]:
        heads = ["policy", "workload", "workers", "costs", self.estimand, "low", "high", "p_adjusted", "n", "n_failed"]
        names = ["estimate" if name == self.estimand else name for name in heads]
        return heads, [[_rounded(row[name]) for name in names] for row in self.rows]


def compare_rows(
    rows: Sequence[Row],
    baseline: str,
    *,
    metric: str,
    estimand: Estimand,
    level: float,
    method: Method,
    adjust: Literal["holm"] | None,
    unit: str,
) -> Comparison:
    """What `Results.compare` does, on rows.

    Raises:
        ValueError: as `Results.compare`.
        MissingExtra: scipy is not installed.
    """
    if estimand not in get_args(Estimand):
        raise ValueError(f"estimand={estimand!r}; need one of {', '.join(map(repr, get_args(Estimand)))}")
    if adjust not in ("holm", None):
        raise ValueError(f"adjust={adjust!r}; need 'holm' or None")
    checked_level(level)
    places = _by_place(rows)
    others = _others(rows, baseline)
    found = []
    for place, policies in places.items():
        for policy in others:
            pairs = _pairs(policies[policy], policies[baseline], metric)
            interval, n = _paired_interval(pairs, estimand, level, method, metric)
            found.append(
                dict(zip(_PLACE, place, strict=True))
                | {"policy": policy, "estimate": interval.estimate, "low": interval.low, "high": interval.high}
                | {"p_adjusted": interval.p, "n": n, "n_failed": len(pairs) - n}
                | {
                    "validated": all(
                        row["validated"] is not False for name in (policy, baseline) for row in policies[name].values()
                    )
                }
            )
    if adjust == "holm":
        for row, p in zip(found, holm([row["p_adjusted"] for row in found]), strict=True):
            row["p_adjusted"] = p
    _warn_of_few(found)
    return Comparison(
        rows=tuple(found),
        baseline=baseline,
        metric=metric,
        estimand=estimand,
        level=level,
        method=method,
        adjust=adjust,
        unit="" if estimand == "ratio" else unit,
    )


def _by_place(rows: Sequence[Row]) -> dict[tuple[Any, ...], dict[str, dict[int, Row]]]:
    places: dict[tuple[Any, ...], dict[str, dict[int, Row]]] = {}
    for row in rows:
        place = tuple(row[name] for name in _PLACE)
        places.setdefault(place, {}).setdefault(row["policy"], {})[row["replication"]] = row
    return places


def _others(rows: Sequence[Row], baseline: str) -> list[str]:
    names = list(dict.fromkeys(row["policy"] for row in rows))
    if baseline not in names:
        raise ValueError(f"baseline={baseline!r}; need one of the policies that were run: {', '.join(map(repr, names))}")
    if len(names) == 1:
        raise ValueError(f"only {baseline!r} was run; add a policy to compare it with")
    return [name for name in names if name != baseline]


def _pairs(ours: Mapping[int, Row], theirs: Mapping[int, Row], metric: str) -> FloatArray:
    """Values of policy and baseline, shape ``(replications, 2)``; NaN where a run failed."""
    values = [
        [_value(side[replication], metric) for side in (ours, theirs)] for replication in sorted(ours.keys() & theirs.keys())
    ]
    return np.array(values, dtype=np.float64).reshape(-1, 2)


def _value(row: Row, metric: str) -> float:
    if row["error"] is not None:
        return math.nan
    value = row.get(metric)
    if value is None or not isinstance(value, int | float):
        known = ", ".join(sorted(name for name, other in row.items() if type(other) in (int, float)))
        raise ValueError(f"metric={metric!r} was not measured for {row['policy']} on {row['workload']}; need one of {known}")
    return float(value)


def _paired_interval(pairs: FloatArray, estimand: Estimand, level: float, method: Method, metric: str) -> tuple[Interval, int]:
    whole = pairs[~np.isnan(pairs).any(axis=1)]
    if estimand == "difference":
        return mean_interval(whole[:, 0] - whole[:, 1], level, method), len(whole)
    if (whole <= 0).any():
        raise ValueError(f"metric={metric!r} is 0 or negative in some runs, which has no ratio; use estimand='difference'")
    estimate, low, high, p = mean_interval(np.log(whole[:, 0] / whole[:, 1]), level, method)
    return Interval(math.exp(estimate), math.exp(low), math.exp(high), p), len(whole)


def _warn_of_few(found: Sequence[Row]) -> None:
    fewest = min(row["n"] for row in found)
    if fewest < _FEW:
        warnings.warn(
            f"only {fewest} replications to compare; an interval from fewer than {_FEW} says little: give more seeds",
            stacklevel=4,
        )


def _place_text(row: Row, varied: Sequence[str]) -> str:
    text = {"workload": "{}", "workers": "{} workers", "costs": "{}"}
    return ", ".join([row["policy"], *(text[name].format(row[name]) for name in varied)])


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value
