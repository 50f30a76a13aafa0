"""``stealscope compare``: which policy is better on one workload? Presets side by side, in virtual time.

Invariant: every figure has its interval, or stands beside one; failed runs are said. Read next: `experiments.py`,
`comparison.py`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._intervals import t_interval
from ..experiments import experiment
from ..policy import Policy
from ..tables import table
from ..units import format_ns
from . import screen
from .arguments import Commands, positive, shared
from .workload_text import parse_workload

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from ..results import Results
    from ..workloads import Workload

__all__ = ["add", "compared", "compared_as_text"]

_FIGURES = ("makespan", "ratio", "steal_operations")


def add(commands: Commands) -> None:
    """Tell the parser of it."""
    parent = shared(scale=True, plot="each policy against the first, with intervals,")
    command = commands.add_parser("compare", parents=[parent], help="policies side by side on one workload, in virtual time")
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("workload", metavar="WORKLOAD", nargs="?", help="as for run")
    source.add_argument("--workflow", metavar="FILE", help="a recorded workflow (WfFormat JSON)")
    command.add_argument("--workers", type=positive, metavar="N", required=True, help="virtual workers")
    command.add_argument("--seeds", type=positive, default=20, metavar="N", help="replications; default: 20")
    command.add_argument("--policies", metavar="A,B,...", help="presets, the first is the baseline; default: all")
    command.set_defaults(command=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    scale = 1.0 if arguments.scale is None else arguments.scale
    workload = parse_workload(arguments.workflow or arguments.workload, scale)
    policies = arguments.policies.split(",") if arguments.policies else list(Policy.presets())
    if arguments.plot and len(policies) < 2:
        raise ValueError(f"--plot with the one policy {policies[0]!r}; need one more to compare it with")
    results, notes = _experiment(workload, policies, arguments.workers, arguments.seeds, progress=sys.stderr.isatty())
    data = compared(workload, results, policies, notes)
    if arguments.json:
        screen.print_json(data)
    else:
        screen.say(compared_as_text(data, screen.width()))
    if arguments.plot:
        _plot(results, data, arguments.plot)
    return 1 if all(row["failed"] == row["runs"] for row in data["rows"]) else 0


def _experiment(
    workload: Workload, policies: Sequence[str], workers: int, seeds: int, *, progress: bool
) -> tuple[Results, list[str]]:
    """All runs with the seeds 0 .. seeds - 1, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        results = experiment({workload.name: workload}, policies, workers, range(seeds), progress=progress)
    return results, list(dict.fromkeys(str(warning.message) for warning in caught))


def compared(workload: Workload, results: Results, policies: Sequence[str], notes: Sequence[str] = ()) -> dict[str, Any]:
    """What `results`, of one workload and one worker count, say about `policies`; JSON-serialisable.

    The first policy is the baseline. Each row: policy; runs, failed; makespan (ns), ratio (to the lower bound) and
    steal_operations, each with mean, low and high; against_baseline (makespan: estimate, low, high, p_adjusted).
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
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
        "workers": results[0]["workers"],
        "work": workload.work,
        "span": workload.span,
        "baseline": policies[0],
        "validated": all(row["validated"] is not False for row in results),
        "notes": list(dict.fromkeys([*notes, *(str(warning.message) for warning in caught)])),
        "rows": rows,
    }


def compared_as_text(data: dict[str, Any], width: int | None = None) -> str:
    """The same as a table for a terminal of `width` columns; None sets no limit."""
    baseline = data["baseline"]
    heads = ["policy", "makespan", "95 %", "/ bound", "95 %", "steals", "95 %", f"/ {baseline}", "95 %", "p (Holm)"]
    any_failed = any(row["failed"] for row in data["rows"])
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
                *([row["failed"]] if any_failed else []),
            ]
        )
    tasks = "" if data["tasks"] is None else f", {data['tasks']:,} tasks"
    bound = "" if data["work"] is None else f", work {format_ns(data['work'])}, span {format_ns(data['span'])}"
    runs = f"{data['workers']} workers, {data['rows'][0]['runs']} seeds, in virtual time"
    notes = [f"note: {note}" for note in data["notes"]]
    if not data["validated"]:
        notes.append("note: more workers than the costs were checked for: this compares policies, it predicts no machine")
    return "\n".join(
        [
            f"{data['workload']}{tasks}{bound}",
            runs,
            "",
            table([*heads, *(["failed"] if any_failed else [])], cells, width=width, glued=(2, 4, 6, 8, 9)),
            *([""] if notes else []),
            *notes,
        ]
    )


def _plot(results: Results, data: dict[str, Any], path: Path) -> None:
    """Each policy's makespan over the baseline's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # said with the table
        comparison = results.compare(data["baseline"])
    figure = screen.new_figure(7, 1.2 + 0.32 * len(comparison.rows))
    ax = comparison.plot(figure.subplots())
    ax.set_title(f"{data['workload']}, {data['workers']} workers, {data['rows'][0]['runs']} seeds", loc="left", fontsize="medium")
    screen.save_figure(figure, path)


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
