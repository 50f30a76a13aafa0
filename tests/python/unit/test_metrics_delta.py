"""The difference of two snapshots: what subtracts, what stays, what is refused; and the derived figures."""

from __future__ import annotations

import copy
import json
from typing import Any

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stealscope.metrics import (
    RUNTIME_COUNTERS,
    RUNTIME_GAUGES,
    WORKER_COUNTERS,
    MetricsSamples,
    derived_figures,
    histogram_quantile,
    metrics_delta,
)

mpl.use("Agg")


def snapshot(elapsed: int = 1000, *, workers: int = 2, scale: int = 1, histogram: list[int] | None = None) -> dict[str, Any]:
    def worker(index: int) -> dict[str, Any]:
        values: dict[str, Any] = {key: scale * (10 * index + i) for i, key in enumerate(WORKER_COUNTERS)}
        values |= {"queue_depth": scale, "thread_id": 77, "mean_poll_time": 3278, "in_poll_since": None, "in_poll_task": None}
        edges = [0, 100, 200, 2**64 - 1]
        values["poll_count_histogram"] = None if histogram is None else {"edges_ns": edges, "counts": list(histogram)}
        return values

    runtime: dict[str, Any] = dict.fromkeys((*RUNTIME_COUNTERS, *RUNTIME_GAUGES), scale * 5)
    return runtime | {
        "elapsed": elapsed,
        "runtime": "r1",
        "features": {"unstable_metrics": True},
        "workers": [worker(i) for i in range(workers)],
    }


def test_counters_subtract_and_gauges_keep_the_later_value() -> None:
    delta = metrics_delta(snapshot(1000, scale=1), snapshot(4000, scale=3))
    assert delta["elapsed"] == 3000
    assert delta["spawned_tasks_count"] == 10
    assert delta["num_alive_tasks"] == 15
    assert delta["workers"][1]["busy_duration_total"] == 20
    assert delta["workers"][1]["queue_depth"] == 3
    assert delta["workers"][0]["thread_id"] == 77


@given(st.integers(1, 5), st.integers(0, 5), st.integers(1, 4))
def test_a_delta_and_its_start_add_up_to_its_end(scale: int, more: int, workers: int) -> None:
    before, after = snapshot(1, workers=workers, scale=scale), snapshot(2, workers=workers, scale=scale + more)
    kept = copy.deepcopy((before, after))
    delta = metrics_delta(before, after)
    for key in RUNTIME_COUNTERS:
        assert before[key] + delta[key] == after[key]
    for old, change, new in zip(before["workers"], delta["workers"], after["workers"], strict=True):
        assert all(old[key] + change[key] == new[key] for key in WORKER_COUNTERS)
    assert (before, after) == kept
    json.dumps(delta, allow_nan=False)


def test_the_mean_poll_time_needs_the_histogram() -> None:
    assert metrics_delta(snapshot(1), snapshot(2))["workers"][0]["mean_poll_time"] is None
    delta = metrics_delta(snapshot(1, histogram=[1, 1, 0]), snapshot(2, histogram=[3, 1, 1]))
    worker = delta["workers"][0]
    assert worker["poll_count_histogram"]["counts"] == [2, 0, 1]
    assert worker["mean_poll_time"] == (50 * 2 + 200) / 3


def test_a_histogram_that_keeps_its_total_gives_the_exact_mean() -> None:
    before, after = snapshot(1, histogram=[1, 1, 0]), snapshot(2, histogram=[3, 1, 1])
    for values, total in ((before, 200), (after, 1100)):
        for worker in values["workers"]:
            worker["poll_count_histogram"]["total_ns"] = total
    assert metrics_delta(before, after)["workers"][0]["mean_poll_time"] == 300


def test_another_runtime_or_the_wrong_order_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="two runtimes, 'r1' and 'r2'"):
        metrics_delta(snapshot(1), snapshot(2) | {"runtime": "r2"})
    with pytest.raises(ValueError, match="pass the earlier snapshot first"):
        metrics_delta(snapshot(2), snapshot(1))
    with pytest.raises(ValueError, match="spawned_tasks_count of the runtime fell from 15 to 5"):
        metrics_delta(snapshot(1, scale=3), snapshot(1, scale=1))
    after = snapshot(2, histogram=[1, 1, 1])
    after["workers"][0]["poll_count_histogram"]["edges_ns"][1] = 101
    with pytest.raises(ValueError, match="other bucket edges"):
        metrics_delta(snapshot(1, histogram=[0, 0, 0]), after)


@pytest.mark.parametrize("bad", [None, 3, {}, {"workers": []}])
def test_what_is_no_snapshot_is_a_type_error(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"handle\.metrics\(\)"):
        metrics_delta(snapshot(), bad)


def test_derived_figures_have_the_meaning_their_names_say() -> None:
    values = snapshot(1000)
    for worker, busy, polls, parks, noops in zip(values["workers"], (500, 250), (30, 10), (6, 6), (1, 1), strict=True):
        worker |= {"busy_duration_total": busy, "poll_count": polls, "task_poll_count": 2 * polls}
        worker |= {"park_count": parks, "noop_count": noops, "steal_operations": 4, "steal_count": 8}
        worker |= {"local_schedule_count": 45, "overflow_count": 1}
    values["remote_schedule_count"] = 10
    figures = derived_figures(values)
    expected = {
        "busy_ratio": 0.75,
        "mean_busy_ratio": 0.375,
        "mean_polls_per_park": 4.0,
        "mean_tasks_per_turn": 2.0,
        "mean_tasks_per_steal": 2.0,
        "steal_success": 0.8,
        "local_schedule_share": 0.9,
        "remote_schedule_share": 0.1,
        "overflow_share": 0.02,
        "total_poll_count": 40,
        "min_poll_count": 10,
        "max_poll_count": 30,
    }
    assert {key: figures[key] for key in expected} == expected


def test_nothing_happened_divides_by_nothing() -> None:
    same = snapshot(1000)
    figures = metrics_delta(same, same)["derived"]
    assert all(value == 0 for key, value in figures.items() if key != "mean_poll_duration")
    assert figures["mean_poll_duration"] is None


def test_a_figure_whose_counters_this_build_lacks_is_none() -> None:
    bare = {"elapsed": 100, "workers": [{"busy_duration_total": 50, "park_count": 3, "park_unpark_count": 6}]}
    figures = derived_figures(bare)
    assert (figures["busy_ratio"], figures["total_park_count"]) == (0.5, 3)
    assert (figures["steal_success"], figures["mean_polls_per_park"], figures["local_schedule_share"]) == (None,) * 3


def test_quantiles_are_bucket_edges() -> None:
    histogram = {"edges_ns": [0, 100, 200, 2**64 - 1], "counts": [5, 4, 1]}
    assert [histogram_quantile(histogram, q) for q in (0.0, 0.5, 0.9, 1.0)] == [100, 100, 200, 200]
    assert histogram_quantile({"edges_ns": [0, 1], "counts": [0]}, 0.5) is None
    with pytest.raises(ValueError, match=r"q=1\.5"):
        histogram_quantile(histogram, 1.5)


def test_samples_give_deltas_frames_and_a_plot() -> None:
    samples = MetricsSamples([snapshot(1 * 10**9), snapshot(2 * 10**9, scale=2), snapshot(3 * 10**9, scale=3)])
    assert len(samples) == 3
    assert [delta["elapsed"] for delta in samples.deltas()] == [10**9, 10**9]
    frame = samples.to_frame()
    assert frame.index.tolist() == [1.0, 2.0, 3.0]
    assert frame["spawned_tasks_count"].tolist() == [5, 10, 15]
    assert frame.attrs["units"]["total_busy_duration_total"] == "ns"
    by_worker = samples.to_frame(by="worker")
    assert len(by_worker) == 6
    assert by_worker.index.names == ["elapsed", "worker"]
    assert len(samples.plot().lines) == 2
    assert len(samples[1:]) == 2
    with pytest.raises(ValueError, match="earlier snapshot first"):
        samples.extend([snapshot(1)])


def test_no_samples_are_an_empty_frame() -> None:
    assert len(MetricsSamples().to_frame()) == 0
    assert MetricsSamples().plot() is not None
