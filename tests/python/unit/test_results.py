"""Results: frame, files, plots, sensitivity, verification."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stealscope as ss
from stealscope import _cells
from stealscope.results import Results

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed; the extra stealscope[plot] brings it")
pyplot.switch_backend("Agg")

pytestmark = pytest.mark.filterwarnings("ignore:the same in every replication", "ignore:only . replications")

TREE = ss.workloads.fork_join(4, 2, 2000)


def run(**changes: Any) -> Results:
    arguments: dict[str, Any] = {
        "workloads": {"tree": TREE},
        "policies": ["tokio", "no_stealing"],
        "workers": [1, 4],
        "seeds": range(3),
    }
    with ThreadPoolExecutor(1) as here:
        return ss.experiment(**(arguments | {"executor": here, "progress": False} | changes))


@pytest.fixture(scope="module")
def results() -> Results:
    return run()


@pytest.fixture
def axes() -> Iterator[Any]:
    figure, ax = pyplot.subplots()
    yield ax
    pyplot.close(figure)


def made(**changes: Any) -> Results:
    """Results without an engine: makespan 100 / workers + replication, validated up to 4 workers."""
    rows = [
        {
            "workload": "w",
            "policy": policy,
            "workers": workers,
            "costs": "default",
            "replication": replication,
            "makespan": factor * 1000 // workers + replication,
            "ratio": 1.0 + replication / 10,
            "busy": None,
            "validated": workers <= 4,
            "oversubscribed": False,
            "error": None,
        }
        | changes
        for policy, factor in (("a", 1), ("b", 2))
        for workers in (2, 4, 16)
        for replication in range(4)
    ]
    return Results(rows, {})


# ---- frame ----


def test_the_frame_is_tidy_and_has_units(results: Results) -> None:
    frame = results.to_frame()
    assert len(frame) == 12
    assert frame.attrs["units"]["makespan"] == "ns"
    assert frame.attrs["units"]["steal_count"] == ss.METRICS["steal_count"]["unit"]
    assert frame.groupby(["policy", "workers"]).makespan.mean().shape == (4,)
    assert frame.makespan.dtype == np.int64


def test_whole_numbers_stay_whole_beside_failed_runs() -> None:
    rows = [dict(row) for row in made()]
    rows[0] |= {"makespan": None, "error": "boom"}
    rows[1]["makespan"] = 2**62 + 1
    frame = Results(rows, {}).to_frame()
    assert frame.makespan.isna().sum() == 1
    assert frame.makespan[1] == 2**62 + 1


def test_results_are_a_sequence_of_rows_that_say_which_failed(results: Results) -> None:
    assert (len(results), len(results[2:5]), results.failed) == (12, 3, ())
    assert repr(results) == "<Results of 12 runs>"
    assert "no_stealing" in str(results)


def test_compare_takes_the_runs_in_pairs(results: Results) -> None:
    comparison = results.compare("no_stealing")
    four = next(row for row in comparison.rows if row["workers"] == 4)
    assert four["policy"] == "tokio"
    assert four["estimate"] < 1
    assert results.compare("tokio", metric="makespan", estimand="difference").unit == "ns"


# ---- files ----


def test_what_was_saved_is_loaded_exactly(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "new" / "folder")
    loaded = Results.load(tmp_path / "new" / "folder")
    assert list(loaded) == list(results)
    assert loaded.manifest == json.loads(json.dumps(results.manifest))
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {"manifest.json", "runs.parquet"}


def test_failed_runs_survive_a_save(tmp_path: Path) -> None:
    rows = [dict(row) for row in made()]
    rows[3] |= {"makespan": None, "ratio": None, "error": "RuntimeError: boom"}
    Results(rows, {}).save(tmp_path)
    assert list(Results.load(tmp_path)) == rows


def test_loading_what_is_no_results_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"manifest\.json"):
        Results.load(tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(ValueError, match="is not of format 1"):
        Results.load(tmp_path)


def test_a_missing_library_names_the_extra(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for module, extra, call in (
        ("pyarrow", "frame", lambda: results.save(tmp_path)),
        ("pandas", "frame", results.to_frame),
        ("scipy.special", "stats", lambda: results.compare("tokio")),
        ("matplotlib.pyplot", "plot", results.plot),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            with pytest.raises(ss.MissingExtra, match=rf"stealscope\[{extra}\]"):
                call()


# ---- plot ----


def test_a_plot_has_a_line_a_policy_and_is_dashed_beyond_what_was_validated(axes: Any) -> None:
    made().plot("workers", "makespan", ax=axes)
    segments = [
        (line.get_linestyle(), tuple(line.get_xdata()))
        for line in axes.lines
        if len(line.get_xdata()) == 2 and line.get_linestyle() in ("-", "--")
    ]
    drawn = [(style, xs) for style, xs in segments if xs in ((2, 4), (4, 16))]
    assert drawn == [("-", (2, 4)), ("--", (4, 16))] * 2
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert axes.get_ylabel() == "makespan (ns)"


def test_a_plots_bars_are_the_t_intervals(axes: Any) -> None:
    from scipy import stats

    made().plot("workers", "makespan", level=0.9, ax=axes)
    (segment,) = axes.containers[0][2]
    low, high = stats.ttest_1samp(np.arange(4) + 500.0, 0).confidence_interval(0.9)
    assert sorted(segment.get_segments()[0][:, 1]) == pytest.approx([low, high])


def test_failed_runs_are_named_on_the_plot(axes: Any) -> None:
    rows = [dict(row) for row in made()]
    rows[0] |= {"makespan": None, "error": "boom"}
    Results(rows, {}).plot("workers", "makespan", ax=axes)
    assert "1 failed runs left out" in axes.get_title()


@pytest.mark.parametrize("x", ["policy", "workload", "costs"])
def test_names_can_be_an_axis_too(x: str, axes: Any) -> None:
    made().plot(x, "makespan", ax=axes)
    assert axes.get_xlabel() == x
    assert [label.get_text() for label in axes.get_xticklabels()] == {"policy": ["a", "b"]}.get(x, [made()[0][x]])


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [("seed", "ratio", "x='seed'; need one of 'workers'"), ("workers", "busy", "y='busy' was not measured.*makespan")],
)
def test_an_axis_that_does_not_exist_is_refused(x: str, y: str, message: str, axes: Any) -> None:
    with pytest.raises(ValueError, match=message):
        made().plot(x, y, ax=axes)


# ---- running again ----


def test_verify_runs_some_cells_again_and_names_them(results: Results) -> None:
    assert len(results.verify(sample=3)) == 3
    assert len(set(results.verify(sample=100))) == 12


def test_verify_tells_a_run_that_gives_something_else(results: Results) -> None:
    rows = [dict(row) for row in results]
    rows[0]["trace_hash"] = "0"
    with pytest.raises(ss.InvariantError, match=r"workload 'tree', policy 'tokio', 1 workers, .*: trace_hash was '0' and is now"):
        Results(rows, results.manifest, results._grid).verify(sample=12)


def test_loaded_results_say_how_they_can_be_verified(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path)
    for call in (Results.load(tmp_path).verify, Results.load(tmp_path).sensitivity):
        with pytest.raises(RuntimeError, match="resume=folder"):
            call()
    assert run(resume=tmp_path).verify(sample=1)


def test_runs_on_threads_cannot_be_verified() -> None:
    measured = run(engine="threads", executor=None, policies="tokio", workers=1, seeds=[0])
    with pytest.raises(ValueError, match="only simulations repeat"):
        measured.verify()


# ---- sensitivity ----


def test_an_ordering_that_no_cost_can_reverse_survives() -> None:
    found = run(seeds=range(10), workers=[4]).sensitivity(progress=False)
    assert {(row["better"], row["worse"]) for row in found.rows} == {("tokio", "no_stealing")}
    assert found.survives
    assert {row["factor"] for row in found.rows} == {0.5, 2.0}
    assert len({row["cost"] for row in found.rows}) * 2 == len(found.rows)


def test_an_ordering_that_a_cost_decides_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    results = run(seeds=range(10), workers=[4])
    changed = "steal_hit"
    real = _cells._simulated

    def flipped(cell: Any, workload: Any) -> Any:
        other = {"tokio": "no_stealing", "no_stealing": "tokio"}[cell.policy_name]
        swap = cell.costs_name == f"default: {changed} x 2"
        return real(cell if not swap else replace_policy(cell, other), workload)

    monkeypatch.setattr(_cells, "_simulated", flipped)
    with ThreadPoolExecutor(1) as here:
        found = results.sensitivity(executor=here, progress=False)
    assert not found.survives
    assert [(row["cost"], row["factor"]) for row in found.rows if row["verdict"] == "reversed"] == [(changed, 2.0)]
    assert f"{changed} x 2 (reversed)" in str(found)
    assert found.to_frame().shape == (len(found.rows), 12)
    assert json.loads(json.dumps(found.to_dict()))["survives"] is False


def replace_policy(cell: Any, name: str) -> Any:
    import dataclasses

    return dataclasses.replace(cell, policy=ss.Policy.presets()[name])


def test_sensitivity_needs_two_policies() -> None:
    with pytest.raises(ValueError, match="an ordering needs two policies"):
        run(policies="tokio").sensitivity()


def test_a_mean_without_runs_is_missing() -> None:
    rows = [dict(row) | {"makespan": None, "ratio": None, "error": "x"} for row in made()]
    assert "-" in str(Results(rows, {}))
    assert not any(math.isnan(row["workers"]) for row in rows)
