"""How are the metrics of a runtime shown to a person? A few rows of it, and one a worker.

Invariant: reads a `Handle.metrics()` dict, or a delta of two, and asks nothing of the runtime; what a build does not count is
None, which the tables show as a dash. Read next: `tables.py` and `_html.py` (who draw them), `metrics.py` (the dicts).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import _html
from .metrics import DURATIONS
from .tables import bar, key_values, table
from .units import format_ns

__all__ = ["WORKER_HEADS", "doing", "metrics_html", "metrics_text", "runtime_pairs", "worker_rows"]

WORKER_HEADS = ("worker", "now", "busy", "share", "queue", "polls", "steals", "stolen tasks", "parks")
"""Columns of `worker_rows`; ``share`` holds a number between 0 and 1 to be drawn as a bar."""

_OPEN_ROWS = 8


def runtime_pairs(metrics: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Name and value of each scalar, durations with their unit."""
    return [
        (name, format_ns(value) if name in DURATIONS and not isinstance(value, str) else value)
        for name, value in metrics.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    ]


def worker_rows(metrics: Mapping[str, Any]) -> list[tuple[object, ...]]:
    """One row a worker, see `WORKER_HEADS`."""
    elapsed = metrics.get("elapsed") or 0
    rows: list[tuple[object, ...]] = []
    for index, worker in enumerate(metrics["workers"]):
        busy = worker.get("busy_duration_total")
        share = min(1.0, busy / elapsed) if busy is not None and elapsed else None
        counts = (
            worker.get(name) for name in ("queue_depth", "task_poll_count", "steal_operations", "steal_count", "park_count")
        )
        rows.append((index, doing(worker), None if share is None else f"{share:.0%}", share, *counts))
    return rows


def doing(worker: Mapping[str, Any]) -> str | None:
    """What one worker did when its figures were read; None where this build does not say."""
    if worker.get("in_poll_task") is not None:
        return f"in task {worker['in_poll_task']}"
    parks = worker.get("park_unpark_count")
    return None if parks is None else "asleep" if parks % 2 else "awake"


def metrics_text(metrics: Mapping[str, Any]) -> str:
    """All of it as plain text."""
    share = WORKER_HEADS.index("share")
    rows = [(*row[:share], _text_bar(row[share]), *row[share + 1 :]) for row in worker_rows(metrics)]
    return f"{key_values(runtime_pairs(metrics))}\n\n{table(WORKER_HEADS, rows)}"


def metrics_html(metrics: Mapping[str, Any]) -> str:
    """All of it for a notebook: the workers' rows (closed if there are many), then every number there is."""
    rows = worker_rows(metrics)
    workers = _html.table(WORKER_HEADS, rows, drawn=("share",))
    everything = json.dumps(metrics, indent=1, default=str)
    return (
        _html.pairs(runtime_pairs(metrics))
        + _html.section(f"{len(rows)} workers", workers, is_open=len(rows) <= _OPEN_ROWS)
        + _html.section("all metrics (stealscope.METRICS says what each means)", _html.preformatted(everything))
    )


def _text_bar(share: object) -> str | None:
    return bar(share, 10) if isinstance(share, float) else None
