"""Would the same policy win if the simulation's costs were wrong? Each cost halved and doubled, one at a time.

Invariant: the same seeds as in the results themselves, so every difference is the cost's. Read next: `results.py`,
`comparison.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _html
from ._cells import Row
from .comparison import compare_rows
from .errors import import_extra
from .tables import table

if TYPE_CHECKING:
    from ._grid import Grid

__all__ = ["Sensitivity", "sensitivity"]

_HEADS = ("ordering", "workload", "workers", "costs", "ratio", "holds in", "not under")
_FACTORS = (0.5, 2.0)
_COLUMNS = ("workload", "workers", "costs", "better", "worse", "ratio", "cost", "factor", "estimate", "low", "high", "verdict")


@dataclass(frozen=True, kw_only=True, repr=False)
class Sensitivity:
    """What became of each ordering of two policies under each changed cost.

    Attributes:
        rows: one an ordering and changed cost, with the keys of `to_frame`.
        metric: what is compared.
        level: confidence level.
    """

    rows: tuple[Row, ...]
    metric: str
    level: float

    @property
    def survives(self) -> bool:
        """Whether every ordering held under every changed cost."""
        return all(row["verdict"] == "holds" for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """All fields, JSON-serialisable."""
        return {"metric": self.metric, "level": self.level, "survives": self.survives, "rows": [dict(row) for row in self.rows]}

    def to_frame(self) -> Any:
        """A pandas frame, one row an ordering and changed cost.

        Columns: workload, workers, costs; better, worse: the policies, by the costs as given; ratio: of their metric there
        (below 1); cost, factor: what was changed; estimate, low, high: the ratio then; verdict: ``"holds"``,
        ``"reversed"``, or ``"unclear"`` where the interval holds 1.

        Raises:
            MissingExtra: pandas is not installed.
        """
        frame = import_extra("pandas", "frame").DataFrame([dict(row) for row in self.rows], columns=list(_COLUMNS))
        frame.attrs |= {"metric": self.metric, "level": self.level}
        return frame

    def __str__(self) -> str:
        return f"{self._title()}\n\n{table(_HEADS, self._lines())}"

    def __repr__(self) -> str:
        held = sum(row["verdict"] == "holds" for row in self.rows)
        return f"<Sensitivity of {self.metric}: {held} of {len(self.rows)} hold>"

    def _repr_html_(self) -> str:
        return _html.table(_HEADS, self._lines(), caption=self._title())

    def _title(self) -> str:
        return f"{self.metric}, {self.level:.0%} intervals, each cost x 1/2 and x 2"

    def _lines(self) -> list[list[object]]:
        orders: dict[tuple[Any, ...], list[Row]] = {}
        for row in self.rows:
            orders.setdefault(tuple(row[name] for name in _COLUMNS[:6]), []).append(row)
        return [
            [
                f"{better} < {worse}",
                workload,
                workers,
                costs,
                ratio,
                sum(row["verdict"] == "holds" for row in rows),
                _exceptions(rows),
            ]
            for (workload, workers, costs, better, worse, ratio), rows in orders.items()
        ]


def sensitivity(
    rows: Sequence[Row], grid: Grid, metric: str, level: float, executor: Executor | None, progress: bool
) -> Sensitivity:
    """What `Results.sensitivity` does."""
    from .costs import Costs
    from .experiments import experiment

    policies = list(grid.policies)
    if len(policies) < 2:
        raise ValueError(f"only {policies[0]!r} was run; an ordering needs two policies or more")
    changes = {
        f"{name}: {cost} x {factor:g}": (name, cost, factor)
        for name in grid.costs
        for cost in Costs.kinds()
        for factor in _FACTORS
    }
    tables = {name: table or Costs() for name, table in grid.costs.items()}
    with warnings.catch_warnings():
        # Both were said when the results themselves were made.
        warnings.filterwarnings("ignore", message="the same in every replication")
        warnings.filterwarnings("ignore", message="only .* replications to compare")
        changed = experiment(
            grid.workloads,
            grid.policies,
            grid.workers,
            grid.seeds,
            costs={label: tables[name].scaled(cost, factor) for label, (name, cost, factor) in changes.items()},
            executor=executor,
            progress=progress,
        )
        now, then = _ratios(rows, policies, metric, level), _ratios(changed, policies, metric, level)
    found = []
    for (workload, workers, costs, better, worse), ratio in now.items():
        if ratio["high"] < 1:
            for label, (name, cost, factor) in changes.items():
                if name == costs:
                    found.append(
                        {"workload": workload, "workers": workers, "costs": costs, "better": better, "worse": worse}
                        | {"ratio": ratio["estimate"], "cost": cost, "factor": factor}
                        | _verdict(then[workload, workers, label, better, worse])
                    )
    return Sensitivity(rows=tuple(found), metric=metric, level=level)


def _ratios(rows: Sequence[Row], policies: Sequence[str], metric: str, level: float) -> dict[tuple[Any, ...], Row]:
    """Of every two policies, in both directions, at every place."""
    found = {}
    for worse in policies:
        comparison = compare_rows(rows, worse, metric=metric, estimand="ratio", level=level, method="t", adjust=None, unit="")
        for row in comparison.rows:
            found[row["workload"], row["workers"], row["costs"], row["policy"], worse] = dict(row)
    return found


def _verdict(ratio: Row) -> Row:
    verdict = "holds" if ratio["high"] < 1 else "reversed" if ratio["low"] > 1 else "unclear"
    return {name: ratio[name] for name in ("estimate", "low", "high")} | {"verdict": verdict}


def _exceptions(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row['cost']} x {row['factor']:g} ({row['verdict']})" for row in rows if row["verdict"] != "holds") or "-"
