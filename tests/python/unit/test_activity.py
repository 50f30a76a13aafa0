"""States, queue depths and latencies from events: from hand-made ones, and against what a run measured of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import stealscope as ss

KIND = ss.timeline.KINDS
NOBODY = ss.timeline.NOBODY
EVENT = np.dtype([("at", "<i8"), ("task", "<u8"), ("worker", "<u4"), ("other", "<u4"), ("count", "<u4"), ("kind", "u1")])
RANDOM = ss.workloads.pattern("random_layered", width=16, steps=8, cost_ns=ss.dist.lognormal(20e-6, cv2=2))


def events(*rows: tuple[int, str, int, int, int, int]) -> Any:
    """Of (at, kind, worker, task, other, count)."""
    return np.array([(at, task, worker, other, count, KIND[kind]) for at, kind, worker, task, other, count in rows], EVENT)


def event(
    at: int, kind: str, worker: int, task: int = 0, other: int = NOBODY, count: int = 0
) -> tuple[int, str, int, int, int, int]:
    return at, kind, worker, task, other, count


def in_words(found: Any) -> list[tuple[int, int, int, str]]:
    return [(worker, begin, end, ss.activity.STATES[state]) for worker, begin, end, state in found.tolist()]


def time_in_states(report: ss.Report) -> Any:
    """ns by state and worker."""
    found = ss.activity.states(report.timeline, report.workers, report.makespan)
    spent = np.zeros((len(ss.activity.STATES), report.workers))
    np.add.at(spent, (found["state"], found["worker"]), found["end"] - found["begin"])
    return spent


def test_a_worker_is_busy_from_poll_to_poll_searches_until_it_finds_and_sleeps_until_it_wakes() -> None:
    log = events(
        event(10, "poll_begin", 0, 1),
        event(20, "poll_end", 0, 1),
        event(22, "poll_begin", 0, 2),
        event(30, "poll_end", 0, 2),
        event(31, "steal_try", 0, other=1),
        event(35, "park", 0),
        event(60, "unpark", 0),
        event(62, "steal_try", 0, other=1),
        event(64, "steal", 0, 3, 1, 2),
        event(65, "poll_begin", 0, 3),
        event(90, "poll_end", 0, 3),
    )
    assert in_words(ss.activity.states(log, 1, 100)) == [
        (0, 0, 30, "busy"),
        (0, 30, 35, "searching"),
        (0, 35, 60, "parked"),
        (0, 60, 64, "searching"),
        (0, 64, 90, "busy"),
        (0, 90, 100, "searching"),
    ]


def test_a_worker_of_which_no_event_tells_has_slept() -> None:
    log = events(event(0, "poll_begin", 1, 1), event(50, "poll_end", 1, 1))
    assert in_words(ss.activity.states(log, 3, 50)) == [(0, 0, 50, "parked"), (1, 0, 50, "busy"), (2, 0, 50, "parked")]


def test_the_wait_for_a_lane_lies_before_its_event() -> None:
    log = events(event(0, "inject_pop", 0, 1, count=1), event(40, "lane_wait", 0, count=30), event(41, "poll_begin", 0, 1))
    assert in_words(ss.activity.states(log, 1, 60)) == [(0, 0, 10, "busy"), (0, 10, 40, "gil_wait"), (0, 40, 60, "busy")]


def test_of_the_time_after_events_were_dropped_nothing_is_said() -> None:
    log = events(event(0, "poll_begin", 0, 1), event(50, "poll_end", 0, 1))
    assert in_words(ss.activity.states(log, 1, 100, is_whole=False)) == [(0, 0, 50, "busy")]


def test_a_window_cuts_states_off() -> None:
    log = events(event(0, "poll_begin", 0, 1), event(50, "poll_end", 0, 1), event(60, "park", 0))
    assert in_words(ss.activity.states(log, 1, 80, begin=40)) == [
        (0, 40, 50, "busy"),
        (0, 50, 60, "searching"),
        (0, 60, 80, "parked"),
    ]


@pytest.mark.needs_timeline
def test_without_costs_the_states_are_exactly_the_shares_of_the_report() -> None:
    report = ss.Simulation(4, seed=3, costs=ss.Costs.zero(), timeline=True).run(RANDOM)
    busy, gil, searching, parked = time_in_states(report) / report.makespan
    assert np.allclose(busy, report.busy)
    assert np.allclose(searching, report.searching)
    assert np.allclose(parked, report.parked)
    assert not gil.any()


@pytest.mark.needs_timeline
def test_with_costs_they_differ_by_looks_at_empty_queues_only() -> None:
    report = ss.Simulation(4, seed=3, timeline=True).run(RANDOM)
    busy, _, searching, parked = time_in_states(report) / report.makespan
    assert np.allclose(busy, report.busy, atol=0.01)
    assert np.allclose(searching, report.searching, atol=0.01)
    assert np.allclose(parked, report.parked, atol=0.01)


@pytest.mark.needs_timeline
@pytest.mark.needs_metrics
def test_of_python_tasks_on_threads_the_wait_for_the_gil_is_what_the_metrics_count() -> None:
    def spin() -> int:
        return sum(range(2_000))

    with ss.Runtime(workers=2, timeline=True) as rt:
        before = rt.handle.metrics(settled=True, timeout=60)
        for handle in [rt.spawn(spin) for _ in range(50)]:
            handle.result()
        delta = ss.metrics_delta(before, rt.handle.metrics(settled=True, timeout=60))
        native = rt.handle.timeline()
        assert native is not None
        log = np.concatenate([native.events(lane) for lane in range(native.lanes)])
    log = log[np.argsort(log["at"], kind="stable")]
    found = ss.activity.states(log, 2, int(log["at"][-1]) + 1, begin=int(log["at"][0]))
    waits = found[found["state"] == ss.activity.STATES.index("gil_wait")]
    assert (waits["end"] - waits["begin"]).sum() == sum(worker["gil_wait_time"] for worker in delta["workers"])


def test_a_task_lies_where_it_was_made_ready_until_it_is_taken_or_polled() -> None:
    log = events(
        event(0, "spawn", NOBODY, 1),
        event(0, "inject_push", NOBODY, 1, count=1),
        event(5, "inject_pop", 0, 1, count=1),
        event(6, "poll_begin", 0, 1),
        event(7, "spawn", 0, 2),
        event(8, "spawn", 0, 3),
        event(9, "steal", 1, 2, 0, 1),
        event(10, "poll_begin", 1, 2),
        event(11, "poll_begin", 0, 3),
    )
    depths, is_exact = ss.activity.queue_depths(log, 2)
    assert is_exact
    assert depths[depths["queue"] == 0][["at", "depth"]].tolist() == [(5, 1), (6, 0), (7, 1), (8, 2), (9, 1), (11, 0)]
    assert depths[depths["queue"] == 1][["at", "depth"]].tolist() == [(9, 1), (10, 0)]
    assert depths[depths["queue"] == 2][["at", "depth"]].tolist() == [(0, 1), (5, 0)]


@pytest.mark.needs_timeline
@pytest.mark.parametrize("placement", ["local", "central", "random"])
def test_depths_over_time_are_the_waits_of_all_tasks(placement: str) -> None:
    sim = ss.Simulation(3, seed=1, costs=ss.Costs.zero(), policy=ss.Policy(placement=placement), timeline=True)
    report = sim.run(RANDOM)
    depths, is_exact = ss.activity.queue_depths(report.timeline, 3)
    assert is_exact is (placement != "random")
    waited = 0
    for queue in range(4):
        own = depths[depths["queue"] == queue]
        waited += int((own["depth"][:-1] * np.diff(own["at"])).sum()) if len(own) else 0
        assert not len(own) or own["depth"][-1] == 0
    found = ss.activity.latencies(report.timeline)
    assert waited == (found["begin"] - found["ready"]).sum() > 0


@pytest.mark.needs_timeline
def test_each_poll_has_the_latency_since_its_own_wake() -> None:
    report = ss.Simulation(2, seed=1, timeline=True).run(ss.workloads.yield_many(5, 7))
    found = ss.activity.latencies(report.timeline)
    assert len(found) == ss.timeline.counts(report.timeline)["poll_begin"]
    assert np.all(found["begin"] >= found["ready"])
    for task in np.unique(found["task"]):
        own = found[found["task"] == task]
        assert np.all(own["begin"][:-1] <= own["ready"][1:])  # never ready again before it is polled


@pytest.mark.parametrize("workers", [1, 3])
def test_no_events_are_no_activity(workers: int) -> None:
    nothing = np.empty(0, EVENT)
    assert set(in_words(ss.activity.states(nothing, workers, 10))) == {(worker, 0, 10, "parked") for worker in range(workers)}
    assert len(ss.activity.latencies(nothing)) == 0
    depths, is_exact = ss.activity.queue_depths(nothing, workers)
    assert len(depths) == 0
    assert is_exact
