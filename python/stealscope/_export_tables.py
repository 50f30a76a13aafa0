"""Which tables does a report have, and how do they become Arrow, Parquet or CSV?

Invariant: a value that is not there is null, not a number that stands for it; times are int64 ns. Read next: `timeline.py` and
`activity.py` (where the rows come from).
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from ._report_figures import events_of, states_of
from .activity import STATES, latencies, queue_depths
from .errors import import_extra
from .timeline import KINDS, NOBODY, intervals, steals

if TYPE_CHECKING:
    from .report import Report

__all__ = ["TableName", "arrow_table", "write_csv", "write_parquet"]

TableName = Literal["timeline", "polls", "latencies", "states", "steals", "queue_depths", "workers"]

_ABOUT = ("engine", "workload", "policy", "workers", "seed", "makespan", "work", "span", "timeline_dropped", "trace_hash")


def arrow_table(report: Report, name: TableName) -> Any:
    """What `Report.to_arrow` does."""
    if name not in get_args(TableName):
        raise ValueError(f"table={name!r}; need one of {', '.join(get_args(TableName))}")
    arrow = import_extra("pyarrow", "frame")
    columns = _workers(report) if name == "workers" else _columns(report, name, arrow)
    about = {key: getattr(report, key) for key in _ABOUT} | {"unit of times": "ns"}
    return arrow.table(columns).replace_schema_metadata({"stealscope": json.dumps(about)})


def write_parquet(report: Report, path: str | os.PathLike[str], name: TableName) -> None:
    """What `Report.to_parquet` does."""
    table = arrow_table(report, name)
    import_extra("pyarrow.parquet", "frame").write_table(table, os.fspath(path))


def write_csv(report: Report, path: str | os.PathLike[str], name: TableName) -> None:
    """What `Report.to_csv` does."""
    table = arrow_table(report, name)
    import_extra("pyarrow.csv", "frame").write_csv(table, os.fspath(path))


def _columns(report: Report, name: str, arrow: Any) -> dict[str, Any]:
    events = events_of(report)
    if name == "timeline":
        columns: dict[str, Any] = {"at": events["at"], "kind": _named(events["kind"], list(KINDS), arrow)}
        for key in ("worker", "other"):
            columns[key] = arrow.array(events[key], mask=events[key] == NOBODY)
        columns["task"] = arrow.array(events["task"], mask=events["task"] == 0)
        return columns | {"count": events["count"]}
    if name == "polls":
        polls = intervals(events)
        rows = np.concatenate(list(polls.values())) if polls else np.empty(0, [("begin", "<i8"), ("end", "<i8"), ("task", "<u8")])
        worker = np.repeat(np.array(list(polls), np.uint32), [len(own) for own in polls.values()])
        return {"worker": worker} | _by_name(rows)
    if name == "states":
        rows = states_of(report, int(min(0, events["at"].min(initial=0))), max(1, report.makespan))
        return _by_name(rows) | {"state": _named(rows["state"], list(STATES), arrow)}
    rows = {"latencies": latencies, "steals": steals}[name](events) if name != "queue_depths" else _depths(report)
    return _by_name(rows)


def _depths(report: Report) -> Any:
    return queue_depths(report.timeline, report.workers)[0]


def _by_name(rows: Any) -> dict[str, Any]:
    return {name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names}


def _named(numbers: Any, names: list[str], arrow: Any) -> Any:
    return arrow.DictionaryArray.from_arrays(arrow.array(numbers.astype(np.int8)), arrow.array(names))


def _workers(report: Report) -> dict[str, list[Any]]:
    """The rows of `Report.to_frame`; what is no scalar, such as a histogram, as JSON."""
    frame = report.to_frame()
    columns = {"worker": frame.index.tolist()} | {name: frame[name].tolist() for name in frame.columns}
    return {name: [_scalar(value) for value in values] for name, values in columns.items()}


def _scalar(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
