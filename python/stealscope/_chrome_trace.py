"""How is a run written for Chrome's trace viewers? One JSON object: complete events, flow events, counters.

Invariant: times are in us with three decimals, so no ns is lost; nothing but names is text of the user's, and that is escaped. Read
next: `_traces.py` (what is written). Format: "Trace Event Format", the document of Chrome's tracing project.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from ._traces import NAMES, Trace

if TYPE_CHECKING:
    from .report import Report

__all__ = ["write_chrome_trace"]

_ROWS = 20_000  # formatted at a time


def write_chrome_trace(report: Report, path: str | os.PathLike[str]) -> None:
    """What `Report.to_chrome_trace` does."""
    trace = Trace.of(report)
    head = [{"ph": "M", "pid": 1, "name": "process_name", "args": {"name": trace.title}}]
    for number, name in enumerate(trace.tracks):
        head.append({"ph": "M", "pid": 1, "tid": number + 1, "name": "thread_name", "args": {"name": name}})
        head.append({"ph": "M", "pid": 1, "tid": number + 1, "name": "thread_sort_index", "args": {"sort_index": number}})
    about = {"makespan_ns": report.makespan, "makespan_begins_ns": trace.begin, "engine": report.engine, "policy": report.policy}
    with Path(path).open("w", encoding="utf-8") as file:
        file.write(f'{{"displayTimeUnit":"ns","otherData":{json.dumps(about)},"traceEvents":[\n')
        file.write(",\n".join(map(json.dumps, head)))
        _write_slices(file, trace.slices)
        _write_marks(file, trace.marks)
        counts = trace.counts
        for queue in np.unique(counts["queue"]).tolist():
            own = counts[counts["queue"] == queue]
            name = json.dumps(trace.queues[queue])
            _write(file, f'{{"ph":"C","pid":1,"name":{name},"ts":%.3f,"args":{{"tasks":%d}}}}', own["at"] / 1e3, own["depth"])
        file.write("\n]}\n")


def _write_slices(file: TextIO, slices: Any) -> None:
    for number, name in enumerate(NAMES):
        own = slices[slices["name"] == number]
        place = own["track"] + 1, own["begin"] / 1e3, (own["end"] - own["begin"]) / 1e3
        line = f'{{"ph":"X","pid":1,"cat":"worker","name":"{name}","tid":%d,"ts":%.3f,"dur":%.3f'
        if name == "poll":
            _write(file, f'{line},"args":{{"task":%d}}}}', *place, own["task"])
        else:
            _write(file, f"{line}}}", *place)
    targets = slices[slices["flow"] > 0]
    line = '{"ph":"f","bp":"e","pid":1,"cat":"ready","name":"ready","tid":%d,"ts":%.3f,"id":%d}'
    _write(file, line, targets["track"] + 1, targets["begin"] / 1e3, targets["flow"])


def _write_marks(file: TextIO, marks: Any) -> None:
    """Arrows begin and end in slices: where there is none, one without length."""
    for number, name in enumerate(NAMES):
        own = marks[marks["name"] == number]
        is_steal = name in ("stolen from", "steal")
        alone = own if is_steal else own[~own["is_inside"]]
        line = f'{{"ph":"X","pid":1,"cat":"event","name":"{name}","tid":%d,"ts":%.3f,"dur":0,"args":{{"task":%d}}}}'
        _write(file, line, alone["track"] + 1, alone["at"] / 1e3, alone["task"])
        kind = "steal" if is_steal else "ready"
        phase = '"ph":"f","bp":"e"' if name == "steal" else '"ph":"s"'
        line = f'{{{phase},"pid":1,"cat":"{kind}","name":"{kind}","tid":%d,"ts":%.3f,"id":%d}}'
        _write(file, line, own["track"] + 1, own["at"] / 1e3, own["flow"])


def _write(file: TextIO, line: str, *columns: Any) -> None:
    """A line for each row of the columns; many are formatted in one go, which is several times faster than one by one."""
    count = len(columns[0])
    for start in range(0, count, _ROWS):
        rows = zip(*(column[start : start + _ROWS].tolist() for column in columns), strict=True)
        values: Sequence[Any] = [value for row in rows for value in row]
        file.write((f",\n{line}" * min(_ROWS, count - start)) % tuple(values))
