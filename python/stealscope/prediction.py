"""How long would a recorded run take with other workers or another policy, and how far off is that prediction?

Invariant: a prediction comes with its error: the recorded run predicts itself, and other recorded runs that it has not seen. Read next:
`_recorded.py` (what a timeline tells), `simulation.py` (who predicts), `report.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _html
from ._recorded import Joins, Recorded, recorded
from .costs import Cost, Costs
from .errors import import_extra
from .graph import TaskGraph
from .policy import Policy
from .simulation import Simulation
from .tables import key_values, table
from .units import checked_count, format_ns

if TYPE_CHECKING:
    from ._workload import Workload
    from .report import Report

__all__ = ["WhatIf", "what_if"]

_HEADS = ("workers", "policy", "makespan", "speedup", "measured", "error", "role")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WhatIf:
    """Predicted makespans of a recorded run; the first rows are those that were measured.

    Attributes:
        rows: one a worker count and policy, with the keys of `to_frame`.
        workload: what was recorded, as text.
        recorded_workers: on so many.
        recorded_makespan: ns.
        graph: the recorded tasks as a workload (`Report.to_workload`).
        notes: what the recording does not tell, or what is supposed, a sentence each.
    """

    rows: tuple[Mapping[str, Any], ...]
    workload: str
    recorded_workers: int
    recorded_makespan: int
    graph: Workload
    notes: tuple[str, ...]

    @property
    def error(self) -> float | None:
        """The largest error, by size, for a run that the prediction had not seen; None if none was given as `check`."""
        errors = [row["error"] for row in self.rows if row["role"] == "check"]
        return max(errors, key=abs) if errors else None

    def to_dict(self) -> dict[str, Any]:
        """All but the graph, JSON-serialisable, with its work and span (ns)."""
        plain = ("workload", "recorded_workers", "recorded_makespan")
        known = {name: getattr(self, name) for name in plain} | {"work": self.graph.work, "span": self.graph.span}
        return known | {"error": self.error, "notes": list(self.notes), "rows": [dict(row) for row in self.rows]}

    def to_frame(self) -> Any:
        """A pandas frame, one row a prediction.

        Columns: role (``"recorded"``: the run that the prediction is made of, ``"check"``: one that it had not seen,
        ``"predicted"``), workers, policy, makespan (predicted, ns), speedup (recorded makespan / predicted one), measured (ns),
        error (predicted / measured - 1; both missing where nothing was measured).

        Raises:
            MissingExtra: pandas is not installed.
        """
        frame = import_extra("pandas", "frame").DataFrame([dict(row) for row in self.rows])
        frame["measured"] = frame["measured"].astype("Int64")
        frame["error"] = frame["error"].astype(float)
        scalars = {key: value for key, value in self.to_dict().items() if key not in {"rows", "notes"}}
        frame.attrs |= scalars | {"units": {"makespan": "ns", "measured": "ns"}}
        return frame

    def __str__(self) -> str:
        return f"{key_values(self._summary())}\n\n{table(_HEADS, self._cells())}"

    def __repr__(self) -> str:
        return f"<WhatIf of {self.workload}: {len(self.rows)} predictions>"

    def _repr_html_(self) -> str:
        return _html.pairs(self._summary()) + _html.table(_HEADS, self._cells(empty=""))

    def _summary(self) -> Iterator[tuple[str, str]]:
        workers = f"{self.recorded_workers} worker{'s' if self.recorded_workers > 1 else ''}"
        yield "recorded", f"{self.workload} on {workers}: {format_ns(self.recorded_makespan)}"
        work, span = self.graph.work or 0, self.graph.span or 0
        parallelism = f"; more than {work / span:.3g} workers cannot help" if span else ""
        yield "work, span", f"{format_ns(work)}, {format_ns(span)} (critical path){parallelism}"
        if self.error is None:
            yield "error", "not measured at another worker count: give check=, a report of this work on other workers"
        else:
            yield "error", f"{self.error:+.1%} at the worst, on runs that the prediction had not seen"
        yield from (("note", note) for note in self.notes)

    def _cells(self, empty: str | None = None) -> Iterator[list[object]]:
        for row in self.rows:
            measured, error = row["measured"], row["error"]
            known = [empty, empty] if measured is None else [format_ns(measured), "-" if error is None else f"{error:+.1%}"]
            speedup = None if row["speedup"] is None else f"{row['speedup']:.3g}"
            yield [row["workers"], row["policy"], format_ns(row["makespan"]), speedup, *known, row["role"]]


def what_if(
    report: Report,
    workers: int | Iterable[int],
    policies: str | Policy | Iterable[str | Policy] | Mapping[str, str | Policy] | None = None,
    *,
    check: Report | Sequence[Report] = (),
    costs: Costs | None = None,
    grain: float = 1e-6,
    joins: Joins = "children",
    gil: bool | None = None,
    seed: int = 0,
) -> WhatIf:
    """Predict how long a recorded run would take with other workers, under other policies.

    The recorded tasks, as `Report.to_workload` finds them, run in a simulation. Each task takes as long as it took: what more
    workers do to caches, memory and clock rates is not in it, and that is what `check` is for.

    Args:
        report: of a run with a timeline that dropped nothing, on threads or simulated.
        workers: the worker counts to predict, each 1 to 65535.
        policies: to predict, as in `experiment`; None is the recorded one.
        check: reports of the same work on other worker counts: each is predicted too, and the error told.
        costs: what scheduling takes; None is what a simulated report ran with, else ``Costs()``. What it says of spawning and
            queueing is taken out of the recorded polls, since the simulation adds it again.
        grain: as in `Report.to_workload`.
        joins: the same.
        gil: the same.
        seed: of the simulations.

    Raises:
        ValueError: no timeline, or events were dropped; the recorded policy has no name (pass `policies`); as `to_workload`.
        TypeError: `check` holds something else.
    """
    from ._workload import Workload

    found = recorded(report, grain=grain, joins=joins, gil=gil)
    graph = Workload("dag", graph=found.graph, label=f"recorded {report.workload}")
    counts = [workers] if isinstance(workers, int) else list(workers)
    counts = [checked_count(count, "workers", low=1, high=65_535) for count in counts]
    chosen = _checked_policies(policies, report)
    known = Policy.presets() | {str(policy): policy for policy in chosen.values()}
    plan: list[tuple[str, int, str, Policy, int | None]] = [
        ("check", other.workers, *_named(other, known), other.makespan) for other in _checked_reports(check)
    ]
    plan += [("predicted", count, name, policy, None) for name, policy in chosen.items() for count in counts]
    if report.policy in known:
        plan.insert(0, ("recorded", report.workers, *_named(report, known), report.makespan))
    costs = costs or (Costs.from_dict(report.manifest["costs"]) if "costs" in report.manifest else Costs())
    bare = replace(graph, graph=_without_scheduling(found, costs))
    rows = []
    for role, count, name, policy, measured in plan:
        made = Simulation(count, policy=policy, costs=costs, seed=seed).run(bare).makespan
        row: dict[str, Any] = {"role": role, "workers": count, "policy": name, "makespan": made}
        row["speedup"] = report.makespan / made if made else None
        rows.append(row | {"measured": measured, "error": made / measured - 1 if measured else None})
    return WhatIf(
        rows=tuple(rows),
        workload=report.workload,
        recorded_workers=report.workers,
        recorded_makespan=report.makespan,
        graph=graph,
        notes=found.notes,
    )


def _without_scheduling(found: Recorded, costs: Costs) -> TaskGraph:
    spawn, push = (_typical(cost) for cost in (costs.spawn, costs.push))
    held = found.spawns * (spawn + push) + found.wakes * push
    return replace(found.graph, cost_ns=np.maximum(found.graph.cost_ns - np.rint(held * 1e9).astype(np.int64), 0))


def _typical(cost: Cost) -> float:
    return cost[len(cost) // 2] if isinstance(cost, tuple) else cost


def _checked_reports(check: Report | Sequence[Report]) -> tuple[Report, ...]:
    from .report import Report as ReportType

    found = (check,) if isinstance(check, ReportType) else tuple(check)
    for other in found:
        if not isinstance(other, ReportType):
            raise TypeError(f"check={other!r}; need a Report of the same work on another worker count, or several")
    return found


def _checked_policies(
    given: str | Policy | Iterable[str | Policy] | Mapping[str, str | Policy] | None, report: Report
) -> dict[str, Policy]:
    if given is None:
        return dict([_named(report, Policy.presets())])
    if isinstance(given, str | Policy):
        given = [given]
    named = given if isinstance(given, Mapping) else {str(policy): policy for policy in given}
    return {name: Policy.resolve(policy) for name, policy in named.items()}


def _named(report: Report, known: Mapping[str, Policy]) -> tuple[str, Policy]:
    if report.policy not in known:
        raise ValueError(f"a report knows its policy only as text, {report.policy!r}; add that policy to policies=[...]")
    return report.policy, known[report.policy]
