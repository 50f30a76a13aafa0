"""What does ``python -m stealscope compare`` print? Presets side by side on one workload, in virtual time.

Invariant: every figure has its interval, or stands beside one; failed runs are said. Read next: `experiment.py`,
`comparison.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._intervals import t_interval
from .experiment import experiment
from .tables import table
from .units import format_ns

if TYPE_CHECKING:
    from .results import Results
    from .workloads import Workload

__all__ = ["compared", "compared_as_text"]

_FIGURES = ("makespan", "ratio", "steal_operations")


def compared(workload: Workload, policies: Sequence[str], workers: int, seeds: int, *, progress: bool) -> dict[str, Any]:
    """Runs `policies` on `workload` with the seeds 0 .. seeds - 1; JSON-serialisable.

    The first policy is the baseline. Each row: policy; runs, failed; makespan (ns), ratio (to the lower bound) and
    steal_operations, each with mean, low and high; against_baseline (makespan: estimate, low, high, p_adjusted).
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        results = experiment({workload.name: workload}, policies, workers, range(seeds), progress=progress)
        against = _against_baseline(results, policies)
    rows = []
    for policy in policies:
        runs = [row for row in results if row["policy"] == policy]
        good = [row for row in runs if row["error"] is None]
        figures = {name: _interval([row[name] for row in good]) for name in _FIGURES}
        rows.append(
            {"policy": policy, "runs": len(runs), "failed": len(runs) - len(good)}
            | figures
            | {"against_baseline": against.get(policy)}
        )
    return {
        "workload": workload.name,
        "tasks": None if workload.graph is None else len(workload.graph),
        "workers": workers,
        "work": workload.work,
        "span": workload.span,
        "baseline": policies[0],
        "validated": all(row["validated"] is not False for row in results),
        "notes": list(dict.fromkeys(str(warning.message) for warning in caught)),
        "rows": rows,
    }


def compared_as_text(data: dict[str, Any]) -> str:
    """The same as a table for a terminal."""
    baseline = data["baseline"]
    heads = ["policy", "makespan", "95 %", "/ bound", "95 %", "steals", "95 %", f"/ {baseline}", "95 %", "p (Holm)", "failed"]
    cells = []
    for row in data["rows"]:
        makespan, ratio, steals, against = (row[name] for name in (*_FIGURES, "against_baseline"))
        cells.append(
            [
                row["policy"],
                *_texts(makespan, format_ns),
                *_texts(ratio, "{:.3f}".format),
                *_texts(steals, "{:,.0f}".format),
                *_texts(against, "{:.3f}".format, "estimate"),
                "-" if against is None or against["p_adjusted"] is None else f"{against['p_adjusted']:.2g}",
                row["failed"],
            ]
        )
    tasks = "" if data["tasks"] is None else f", {data['tasks']:,} tasks"
    bound = "" if data["work"] is None else f", work {format_ns(data['work'])}, span {format_ns(data['span'])}"
    runs = f"{data['workers']} workers, {data['rows'][0]['runs']} seeds, in virtual time"
    notes = [f"note: {note}" for note in data["notes"]]
    if not data["validated"]:
        notes.append("note: more workers than the costs were checked for: this compares policies, it predicts no machine")
    return "\n".join([f"{data['workload']}{tasks}{bound}", runs, "", table(heads, cells), *([""] if notes else []), *notes])


def _against_baseline(results: Results, policies: Sequence[str]) -> dict[str, dict[str, Any]]:
    if len(policies) < 2:
        return {}
    rows = results.compare(policies[0]).rows
    names = ("estimate", "low", "high", "p_adjusted")
    return {row["policy"]: {name: _known(row[name]) for name in names} for row in rows}


def _interval(values: Sequence[float | None]) -> dict[str, float | None] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    mean, low, high, _ = t_interval(np.array(known, dtype=np.float64), 0.95)
    return {"mean": mean, "low": _known(low), "high": _known(high)}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _texts(interval: dict[str, Any] | None, text: Any, middle: str = "mean") -> tuple[str, str]:
    if interval is None or interval[middle] is None:
        return "-", "-"
    bounds = "-" if interval["low"] is None else f"{text(interval['low'])} .. {text(interval['high'])}"
    return text(interval[middle]), bounds
