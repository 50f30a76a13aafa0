"""The report of a run: derived figures, text, HTML, dict and frame."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stealscope import workloads
from stealscope.program import Cancel, Spawn
from stealscope.report import Report


def report(**changes: Any) -> Report:
    worker = {"busy_duration_total": 500, "task_poll_count": 1234, "steal_count": 3, "park_count": 2}
    metrics = {"elapsed": 1000, "workers": [worker, dict(worker, busy_duration_total=250)], "runtime": "r"}
    fields: dict[str, Any] = {"engine": "threads", "policy": "tokio", "workers": 2, "seed": None, "result": 8}
    return Report.from_run(workloads.fork_join(3, 2, 100), makespan=1000, metrics=metrics, **(fields | changes))


def test_the_derived_figures_follow_from_work_span_and_makespan() -> None:
    r = report()
    assert (r.work, r.span, r.lower_bound, r.ratio, r.speedup, r.efficiency) == (800, 100, 400, 2.5, 0.8, 0.4)
    assert r.busy == (0.5, 0.25)


def test_the_lower_bound_rounds_work_up_and_never_is_below_the_span() -> None:
    assert report(workers=3).lower_bound == 267
    assert report(workers=100).lower_bound == 100


def test_what_a_workload_does_not_declare_is_none() -> None:
    r = Report.from_run(
        workloads.program([[Spawn(1), Cancel(1)], []]),
        makespan=10,
        metrics={"elapsed": 0, "workers": []},
        engine="threads",
        policy="tokio",
        workers=1,
        seed=1,
        result=5,
    )
    assert (r.work, r.span, r.lower_bound, r.ratio, r.speedup, r.efficiency, r.busy) == (None,) * 7
    assert "lower bound" not in str(r)


def test_a_report_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        report().makespan = 3  # type: ignore[misc]


def test_the_dict_is_json_and_holds_everything() -> None:
    data = json.loads(json.dumps(report(sojourns=np.array([1, 2]), choices=b"\x01").to_dict()))
    assert data["sojourns"] == [1, 2]
    assert data["choices"] == "01"
    assert data["lower_bound"] == 400
    assert data["exclusive"] is True
    assert data["metrics"]["workers"][0]["steal_count"] == 3


def test_the_text_names_what_a_person_looks_for() -> None:
    text = str(report(exclusive=False))
    for part in ("fork_join(depth=3", "1 us", "2.5 times", "40% of 2", "1,234", "50%", "other tasks ran meanwhile"):
        assert part in text
    assert repr(report()).startswith("<Report fork_join(depth=3")


def test_html_escapes_what_users_name(tmp_path: Path) -> None:
    r = report(workload="<script>alert(1)</script>", policy="a & b")
    assert "<script>" not in r._repr_html_()
    assert "a &amp; b" in r._repr_html_()
    r.to_html(tmp_path / "r.html")
    assert "<script>" not in (tmp_path / "r.html").read_text()


def test_the_frame_has_a_row_a_worker() -> None:
    frame = report().to_frame()
    assert frame.index.name == "worker"
    assert frame["busy"].tolist() == [0.5, 0.25]
    assert frame["task_poll_count"].tolist() == [1234, 1234]
    assert frame.attrs["makespan"] == 1000
    assert frame.attrs["units"]["makespan"] == "ns"
