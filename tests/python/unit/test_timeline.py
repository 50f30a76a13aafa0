"""Timelines: whole, in order, equal to what the metrics count, and NumPy arrays over the memory that the workers write to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import stealscope as ss
from stealscope import _core

needs_timeline = pytest.mark.needs_timeline
KIND = ss.timeline.KINDS
TREE = ss.workloads.fork_join(6, 2, 2_000)


@pytest.fixture
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=2, timeline=True) as runtime:
        yield runtime


def run_on(engine: str, workload: ss.Workload = TREE, timeline: bool | int = True) -> ss.Report:
    if engine == "sim":
        return ss.Simulation(3, seed=5, timeline=timeline).run(workload)
    with ss.Runtime(workers=2, timeline=timeline) as runtime:
        return runtime.run(workload)


def run_and_count(engine: str) -> tuple[ss.Report, dict[str, Any]]:
    """The report, and the metrics of the run, which on threads are awaited for as long as it takes."""
    if engine == "sim":
        report = run_on("sim")
        return report, dict(report.metrics)
    with ss.Runtime(workers=2, timeline=True) as runtime:
        return run_and_settle(runtime, TREE)


def run_and_settle(runtime: ss.Runtime, workload: ss.Workload) -> tuple[ss.Report, dict[str, Any]]:
    before = runtime.handle.metrics(settled=True, timeout=60)
    report = runtime.run(workload)
    return report, ss.metrics_delta(before, runtime.handle.metrics(settled=True, timeout=60))


def total(metrics: dict[str, Any], key: str) -> int:
    return sum(worker[key] for worker in metrics["workers"])


@needs_timeline
@pytest.mark.needs_metrics
@pytest.mark.parametrize("engine", ["threads", "sim"])
def test_its_events_are_as_many_as_the_metrics_count(engine: str) -> None:
    report, metrics = run_and_count(engine)
    counts, steals = ss.timeline.counts(report.timeline), ss.timeline.steals(report.timeline)
    assert report.timeline_dropped == 0
    assert counts["poll_begin"] == total(metrics, "task_poll_count") > 0
    if engine == "sim":  # on threads the report does not wait for ever for the worker that ended the root
        assert counts["poll_end"] == counts["poll_begin"]
    assert counts["steal"] == len(steals) == total(metrics, "steal_operations")
    assert steals["taken"].sum() == total(metrics, "steal_count")
    assert not np.any(steals["thief"] == steals["victim"])
    assert counts["spawn"] == metrics["spawned_tasks_count"]
    assert sum(counts.values()) == len(report.timeline)


@needs_timeline
@pytest.mark.parametrize("engine", ["threads", "sim"])
def test_it_is_in_time_order_for_all_and_for_each_worker(engine: str) -> None:
    events = run_on(engine).timeline
    assert events.dtype.names == ("at", "task", "worker", "other", "count", "kind")
    assert np.all(np.diff(events["at"]) >= 0)
    workers = np.unique(events["worker"])
    assert len(workers) >= 2
    for polls in ss.timeline.intervals(events).values():
        assert np.all(polls["begin"] <= polls["end"])
        assert np.all(polls["end"][:-1] <= polls["begin"][1:])


@needs_timeline
def test_the_polls_of_a_simulated_run_cover_its_work() -> None:
    report = run_on("sim")
    polls = ss.timeline.intervals(report.timeline)
    assert set(polls) <= set(range(3))
    assert sum(int((own["end"] - own["begin"]).sum()) for own in polls.values()) >= report.work
    assert max(own["end"].max() for own in polls.values()) <= report.timeline["at"].max()


@needs_timeline
def test_the_same_simulation_writes_the_same_timeline_and_writing_it_changes_nothing() -> None:
    first, second, off = run_on("sim"), run_on("sim"), run_on("sim", timeline=False)
    assert np.array_equal(first.timeline, second.timeline)
    assert first.trace_hash == off.trace_hash
    assert first.replay_line == off.replay_line


@pytest.mark.parametrize("engine", ["threads", "sim"])
def test_without_it_there_is_none(engine: str) -> None:
    report = run_on(engine, timeline=False)
    assert report.timeline is None
    assert report.timeline_dropped is None
    assert report.to_dict()["timeline"] is None


@needs_timeline
@pytest.mark.parametrize("engine", ["threads", "sim"])
def test_what_finds_no_room_is_counted(engine: str) -> None:
    whole, report = run_on(engine), run_on(engine, timeline=10)
    assert (
        0 < len(report.timeline) <= (120 if engine == "threads" else 30)
    )  # three lanes; on threads an event may take a quarter of a record
    assert report.timeline_dropped > 0
    if engine == "sim":
        assert len(report.timeline) + report.timeline_dropped == len(whole.timeline)
    assert f"{report.timeline_dropped:,} more found no room" in str(report)


@needs_timeline
@pytest.mark.needs_metrics
def test_each_run_of_a_runtime_has_its_own_events_and_the_whole_room(rt: ss.Runtime) -> None:
    for _ in range(5):
        report, metrics = run_and_settle(rt, ss.workloads.fib(17))  # five of them fill more than one timeline
        assert report.timeline_dropped == 0
        begins = ss.timeline.of_kind(report.timeline, "poll_begin")["at"]
        assert len(begins) == total(metrics, "task_poll_count")
        assert begins.max() <= report.makespan


@needs_timeline
def test_a_coroutine_in_virtual_time_is_on_it() -> None:
    async def main() -> None:
        await ss.work(1e-6)
        await ss.sleep(1e-3)

    sim = ss.Simulation(2, timeline=True)
    sim.block_on(main)
    counts = ss.timeline.counts(sim.report.timeline)
    assert counts["spawn"] == 1
    assert counts["timers"] >= 1
    assert sim.report.timeline["at"].max() >= 1_000_000
    assert len(sim.handle.timeline().events(0)) >= len(sim.report.timeline)  # the machine's end is on it too


@needs_timeline
def test_a_dict_of_the_report_counts_its_events_instead_of_listing_them() -> None:
    data = json.loads(json.dumps(run_on("sim").to_dict()))
    assert data["timeline"]["spawn"] > 0
    assert data["timeline_dropped"] == 0


@needs_timeline
def test_a_running_runtimes_timeline_is_seen_without_a_copy(rt: ss.Runtime) -> None:
    timeline = rt.handle.timeline()
    assert timeline is not None
    assert timeline.lanes == 3
    assert timeline.capacity == _core.TIMELINE_CAPACITY
    rt.spawn(sum, [1, 2]).result()
    events = np.concatenate([timeline.events(lane) for lane in range(3)])
    assert len(ss.timeline.of_kind(events, "spawn")) == 1
    with ss.Runtime(workers=1) as silent:
        assert silent.handle.timeline() is None


@needs_timeline
def test_an_array_is_read_only_and_outlives_its_runtime() -> None:
    with ss.Runtime(workers=1) as runtime:
        timeline = _core.timeline_on(runtime._native, 1_000)
        runtime.run(ss.workloads.fib(5))
        timeline = _core.timeline_of(runtime._native) or timeline
        _core.timeline_off(runtime._native)
        assert _core.timeline_of(runtime._native) is None
        events = timeline.events(0)
    del timeline, runtime
    assert len(events) > 0
    assert events["at"].min() > 0
    with pytest.raises(ValueError, match="read-only"):
        events["at"] = 0


@needs_timeline
def test_a_lane_that_is_not_there_is_an_error(rt: ss.Runtime) -> None:
    timeline = rt.handle.timeline()
    assert timeline is not None
    with pytest.raises(IndexError, match=r"lane 3; there are 0\.\.2"):
        timeline.events(3)
    with pytest.raises(ValueError, match="kind='stael'; need one of none, poll_begin"):
        ss.timeline.of_kind(timeline.events(0), "stael")


@needs_timeline
def test_an_array_of_polls_leaves_out_those_whose_end_is_elsewhere() -> None:
    dtype = ss.Simulation(1, timeline=True).handle.timeline().events(0).dtype
    rows = [
        (0, 7, 0, 0, 0, KIND["poll_begin"]),
        (1, 7, 0, 0, 0, KIND["block_begin"]),  # its worker goes on with 8
        (2, 8, 0, 0, 0, KIND["poll_begin"]),
        (3, 9, 1, 0, 0, KIND["poll_begin"]),
        (4, 8, 0, 0, 0, KIND["poll_end"]),
        (5, 7, 0, 0, 0, KIND["poll_end"]),
    ]
    polls = ss.timeline.intervals(np.array(rows, dtype))
    assert polls[0].tolist() == [(2, 4, 8)]
    assert polls[1].tolist() == []


@pytest.mark.parametrize("wrong", [0, -1, 1 << 40, 1.5, "yes", None])
def test_a_wrong_argument_says_what_is_allowed(wrong: Any) -> None:
    for make in (ss.Runtime, ss.Simulation):
        with pytest.raises((TypeError, ValueError), match="timeline="):
            make(1, timeline=wrong)


@pytest.mark.without_timeline
def test_a_build_without_timelines_says_so() -> None:
    for call in (lambda: ss.Runtime(1, timeline=True), lambda: ss.Simulation(1, timeline=True), ss.Simulation(1).handle.timeline):
        with pytest.raises(ss.FeatureNotEnabled, match="TIMELINE=ON"):
            call()
