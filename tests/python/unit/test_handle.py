"""`Handle`: every figure by name, snapshots and their differences, histograms, recording, and the check at rest."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import stealscope as ss
from stealscope import inside, sync

LIMIT = 20.0  # seconds: only a test that fails waits so long

STABLE_WORKER_KEYS = ["busy_duration_total", "queue_depth", "thread_id", "park_count", "park_unpark_count"]
WORKER_KEYS = [
    *STABLE_WORKER_KEYS,
    *("noop_count", "steal_count", "steal_operations", "poll_count", "mean_poll_time", "local_schedule_count"),
    *("overflow_count", "poll_count_histogram", "task_poll_count", "task_poll_histogram", "schedule_latency_histogram"),
    *("in_poll_since", "in_poll_task", "gil_wait_count", "gil_wait_time"),
    *("searching_duration_total", "parked_duration_total"),
]
STABLE_KEYS = ["runtime", "elapsed", "num_workers", "num_alive_tasks", "injection_queue_depth", "features", "workers"]
KEYS = [
    *STABLE_KEYS,
    *("spawned_tasks_count", "num_blocking_threads", "num_idle_blocking_threads", "blocking_queue_depth"),
    *("remote_schedule_count", "budget_forced_yield_count"),
]


@pytest.fixture
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=2) as runtime:
        yield runtime


@pytest.fixture
def one() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=1) as runtime:
        yield runtime


def settled(runtime: ss.Runtime) -> dict[str, Any]:
    return runtime.handle.metrics(settled=True, timeout=LIMIT)


# ---- names ----


@pytest.mark.needs_metrics
def test_every_figure_has_its_name_and_type(rt: ss.Runtime) -> None:
    rt.run(ss.workloads.fib(15))
    handle = rt.handle
    metrics = settled(rt)
    assert sorted(metrics) == sorted(KEYS)
    for worker in range(2):
        figures = handle.worker_metrics(worker)
        assert sorted(figures) == sorted(WORKER_KEYS)
        assert list(figures)[: len(STABLE_WORKER_KEYS)] == STABLE_WORKER_KEYS
        assert figures == metrics["workers"][worker]
        assert handle.worker_local_queue_depth(worker) == figures["queue_depth"] == 0
        assert all(type(figures[key]) is int for key in WORKER_KEYS if figures[key] is not None)
    for name in set(KEYS) - {"runtime", "elapsed", "features", "workers", "remote_schedule_count", "budget_forced_yield_count"}:
        assert getattr(handle, name)() == metrics[name]
        assert type(metrics[name]) is int
    assert handle.scheduler_metrics() == {key: metrics[key] for key in ("remote_schedule_count", "budget_forced_yield_count")}


@pytest.mark.without_metrics
def test_a_build_without_metrics_keeps_the_stable_ones_and_names_the_option(rt: ss.Runtime) -> None:
    rt.run(ss.workloads.fib(15))
    metrics = settled(rt)
    assert sorted(metrics) == sorted(STABLE_KEYS)
    assert sorted(metrics["workers"][0]) == sorted(STABLE_WORKER_KEYS)
    handle = rt.handle
    for call in (
        handle.spawned_tasks_count,
        handle.num_blocking_threads,
        handle.num_idle_blocking_threads,
        handle.blocking_queue_depth,
        handle.scheduler_metrics,
        lambda: handle.worker_local_queue_depth(0),
    ):
        with pytest.raises(ss.FeatureNotEnabled, match="UNSTABLE_METRICS=ON"):
            call()


def test_what_a_build_has_is_told() -> None:
    assert list(ss.features()) == ["unstable_metrics", "taskdump", "timeline"]
    assert all(isinstance(value, bool) for value in ss.features().values())
    ss.features()["taskdump"] = "changed"  # type: ignore[assignment]
    assert ss.features()["taskdump"] is not "changed"  # noqa: F632


def test_every_key_of_the_dicts_is_described(one: ss.Runtime) -> None:
    metrics = one.handle.metrics()
    described = {key for key in ss.METRICS if ss.METRICS[key]["available"]}
    assert set(metrics) - {"features", "workers"} | set(metrics["workers"][0]) == described
    for key, info in ss.METRICS.items():
        assert info["name"] == key
        assert info["kind"] in ("counter", "gauge", "histogram", "label")
        assert info["scope"] in ("worker", "scheduler", "runtime")
        assert info["meaning"]
        assert (info["unit"] == "") == (info["kind"] == "label")
        if info["scope"] == "worker" and info["available"]:
            assert key in metrics["workers"][0]


def test_a_snapshot_can_be_written_as_json_and_changes_nothing(rt: ss.Runtime) -> None:
    with ss.Runtime(workers=1, histograms="default") as other:
        other.run(ss.workloads.fib(10))
        for runtime in (rt, other):
            metrics = runtime.handle.metrics()
            assert json.loads(json.dumps(metrics)) == metrics
            metrics["workers"].clear()
            metrics["features"].clear()
            assert runtime.handle.metrics()["workers"]
            assert runtime.handle.metrics()["features"] == ss.features()
        assert rt.handle.metrics()["runtime"] != other.handle.metrics()["runtime"]


@pytest.mark.parametrize("index", [2, -1, 10**20, -(10**20)])
def test_a_worker_out_of_range_is_an_index_error(rt: ss.Runtime, index: int) -> None:
    for call in (rt.handle.worker_metrics, rt.handle.worker_local_queue_depth):
        with pytest.raises(IndexError, match=rf"worker {index} is out of range; need 0\.\.1"):
            call(index)


@pytest.mark.parametrize("index", [True, 0.0, "0", None])
def test_a_worker_is_an_integer(rt: ss.Runtime, index: Any) -> None:
    for call in (rt.handle.worker_metrics, rt.handle.worker_local_queue_depth):
        with pytest.raises(TypeError, match="need an int"):
            call(index)


def test_handles_of_one_runtime_are_equal(rt: ss.Runtime, one: ss.Runtime) -> None:
    assert rt.handle == rt.spawn(inside.current).result(LIMIT)
    assert len({rt.handle, rt.spawn(inside.current).result(LIMIT), one.handle}) == 2
    assert rt.handle != one.handle
    assert rt.handle != 3


# ---- what the figures say ----


@pytest.mark.needs_metrics
def test_alive_and_queued_tasks_are_counted(one: ss.Runtime) -> None:
    handle = one.handle
    entered, go = threading.Event(), threading.Event()
    busy = one.spawn(lambda: (entered.set(), go.wait(LIMIT)))
    assert entered.wait(LIMIT)
    queued = [one.spawn(int) for _ in range(5)]
    assert handle.num_alive_tasks() == 6
    assert handle.injection_queue_depth() == 5
    assert handle.spawned_tasks_count() == 6
    go.set()
    for task in [busy, *queued]:
        task.result(LIMIT)
    metrics = settled(one)
    assert (metrics["num_alive_tasks"], metrics["injection_queue_depth"], metrics["spawned_tasks_count"]) == (0, 0, 6)
    assert metrics["remote_schedule_count"] == 6


@pytest.mark.needs_metrics
def test_tasks_in_the_local_queue_are_counted(one: ss.Runtime) -> None:
    def spawn_and_look() -> list[int]:
        handle = inside.current()
        for _ in range(5):
            handle.spawn(int)
        return [handle.worker_local_queue_depth(0), handle.worker_metrics(0)["queue_depth"], handle.injection_queue_depth()]

    # One of the five is in the LIFO slot, which is no part of the queue.
    assert one.spawn(spawn_and_look).result(LIMIT) == [4, 4, 0]


@pytest.mark.needs_metrics
def test_blocking_threads_are_counted() -> None:
    go = threading.Event()
    with ss.Runtime(workers=2, max_blocking_threads=3) as rt:
        assert rt.handle.num_blocking_threads() == 0
        began = [threading.Event() for _ in range(3)]
        jobs = [rt.spawn_blocking(lambda event: (event.set(), go.wait(LIMIT)), event) for event in began]
        assert all(event.wait(LIMIT) for event in began)
        jobs.append(rt.spawn_blocking(int))
        assert rt.handle.num_blocking_threads() == 3
        assert rt.handle.blocking_queue_depth() == 1
        assert rt.handle.num_idle_blocking_threads() == 0
        go.set()
        for job in jobs:
            job.result(LIMIT)
        metrics = settled(rt)
        assert metrics["blocking_queue_depth"] == 0
        assert metrics["num_blocking_threads"] == 3
    assert rt.handle.num_blocking_threads() == 0


@pytest.mark.needs_metrics
def test_a_thread_id_is_the_one_python_knows_and_follows_block_in_place(one: ss.Runtime) -> None:
    def ids() -> tuple[int, int]:
        return threading.get_ident(), inside.current().worker_metrics(0)["thread_id"]

    before = one.spawn(ids).result(LIMIT)
    assert before[0] == before[1] == one.handle.worker_metrics(0)["thread_id"]
    release = threading.Event()
    blocked = one.spawn(inside.block_in_place, release.wait, LIMIT)
    after = one.spawn(ids).result(LIMIT)  # on the thread that took the core over
    assert after[0] == after[1] != before[0]
    release.set()
    assert blocked.result(LIMIT)


@pytest.mark.needs_metrics
def test_a_task_in_its_poll_is_visible() -> None:
    entered, go = threading.Event(), threading.Event()
    with ss.Runtime(workers=1, histograms="default") as rt:
        assert rt.handle.worker_metrics(0)["in_poll_task"] is None
        task = rt.spawn(lambda: (entered.set(), go.wait(LIMIT)))
        assert entered.wait(LIMIT)
        metrics = rt.handle.metrics()
        worker = metrics["workers"][0]
        assert worker["in_poll_task"] == task.id
        assert 0 < worker["in_poll_since"] <= rt.handle.metrics()["elapsed"]
        go.set()
        task.result(LIMIT)
        worker = settled(rt)["workers"][0]
        assert (worker["in_poll_task"], worker["in_poll_since"]) == (None, None)


@pytest.mark.needs_metrics
def test_waits_for_the_gil_are_counted_for_python_tasks_only(one: ss.Runtime) -> None:
    before = settled(one)["workers"][0]
    one.run(ss.workloads.fib(18))
    native = settled(one)["workers"][0]
    assert native["gil_wait_count"] == before["gil_wait_count"]
    one.spawn(int).result(LIMIT)
    python = settled(one)["workers"][0]
    assert python["gil_wait_count"] > native["gil_wait_count"]
    assert python["gil_wait_time"] >= native["gil_wait_time"]


# ---- at rest ----


def test_settled_figures_stand_still_and_are_complete(rt: ss.Runtime) -> None:
    for handle in [rt.spawn(int) for _ in range(100)]:
        handle.result(LIMIT)
    first, second = settled(rt), settled(rt)
    assert first | {"elapsed": 0} == second | {"elapsed": 0}
    assert all(worker["park_unpark_count"] % 2 == 1 for worker in first["workers"])
    if ss.features()["unstable_metrics"]:
        assert sum(worker["task_poll_count"] for worker in first["workers"]) == 100


def test_tasks_that_wait_do_not_keep_a_runtime_from_settling(one: ss.Runtime) -> None:
    event = sync.Event()

    async def wait() -> None:
        await event.wait()

    handle = one.spawn(wait)
    assert settled(one)["num_alive_tasks"] == 1
    event.set()
    handle.result(LIMIT)


def test_a_runtime_that_does_not_settle_is_a_timeout_error(one: ss.Runtime) -> None:
    entered, go = threading.Event(), threading.Event()
    busy = one.spawn(lambda: (entered.set(), go.wait(LIMIT)))
    assert entered.wait(LIMIT)
    with pytest.raises(TimeoutError, match=r"did not come to rest within 0.01 s: 1 tasks alive; leave settled out"):
        one.handle.metrics(settled=True, timeout=0.01)
    with pytest.raises(RuntimeError, match=r"self_check\(\) needs a runtime at rest"):
        one.handle.self_check()
    go.set()
    busy.result(LIMIT)
    for timeout in (-1, float("nan")):
        with pytest.raises(ValueError, match="timeout="):
            one.handle.metrics(settled=True, timeout=timeout)


def test_a_runtime_at_rest_passes_its_own_check(rt: ss.Runtime) -> None:
    assert rt.handle.self_check() is None
    rt.run(ss.workloads.skynet(depth=3))
    handles = [rt.spawn(int) for _ in range(300)] + [rt.spawn_blocking(int) for _ in range(5)]
    for handle in handles:
        handle.result(LIMIT)
    settled(rt)
    assert rt.handle.self_check() is None


def test_the_check_names_the_law_that_is_broken(one: ss.Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = settled(one)
    metrics["injection_queue_depth"] = 3
    monkeypatch.setattr(ss.Handle, "_snapshot", lambda self: metrics)
    with pytest.raises(ss.InvariantError, match="S20: a task is queued and every worker rests"):
        one.handle.self_check()


def test_a_closed_runtime_is_settled() -> None:
    rt = ss.Runtime(workers=2)
    rt.spawn(int).result(LIMIT)
    rt.shutdown()
    assert settled(rt)["num_alive_tasks"] == 0
    assert rt.handle.self_check() is None


# ---- differences ----


@pytest.mark.needs_metrics
def test_a_delta_counts_what_happened_between_two_snapshots(rt: ss.Runtime) -> None:
    rt.run(ss.workloads.fib(12))
    before = settled(rt)
    for handle in [rt.spawn(int) for _ in range(50)]:
        handle.result(LIMIT)
    after = settled(rt)
    delta = ss.metrics_delta(before, after)
    assert delta["spawned_tasks_count"] == 50
    assert delta["remote_schedule_count"] == 50
    assert delta["elapsed"] == after["elapsed"] - before["elapsed"]
    assert delta["derived"]["total_task_poll_count"] == 50
    assert delta["derived"]["remote_schedule_share"] == 1.0
    assert 0 <= delta["derived"]["busy_ratio"] <= 2
    assert json.loads(json.dumps(delta)) == delta


def test_a_delta_of_two_runtimes_or_in_the_wrong_order_is_refused(rt: ss.Runtime, one: ss.Runtime) -> None:
    first, second, other = rt.handle.metrics(), rt.handle.metrics(), one.handle.metrics()
    with pytest.raises(ValueError, match="snapshots of two runtimes"):
        ss.metrics_delta(first, other)
    with pytest.raises(ValueError, match="pass the earlier snapshot first"):
        ss.metrics_delta(second, first)


def test_runtimes_that_follow_each_other_do_not_share_a_name() -> None:
    names = []
    for _ in range(20):
        with ss.Runtime(workers=1) as rt:
            names.append(rt.handle.metrics()["runtime"])
        del rt  # its memory may be given to the next
    assert len(set(names)) == 20


# ---- histograms ----


@pytest.mark.needs_metrics
@pytest.mark.parametrize(
    "histograms",
    [
        "default",
        ss.Histograms(poll=ss.Linear(), task_poll=ss.Linear(width=1e-6, buckets=3), latency=ss.Linear(buckets=1)),
        ss.Histograms(poll=ss.H2(precision=0), task_poll=ss.H2(low=1e-6, high=1e-3), latency=ss.H2(precision=5)),
    ],
    ids=["default", "linear", "h2"],
)
def test_histograms_count_every_poll_once(histograms: Any) -> None:
    with ss.Runtime(workers=2, histograms=histograms) as rt:
        rt.run(ss.workloads.fib(14))
        rt.run(ss.workloads.ping_pong(50))
        for handle in [rt.spawn(int) for _ in range(20)]:
            handle.result(LIMIT)
        for worker in settled(rt)["workers"]:
            for key, count in (
                ("poll_count_histogram", "poll_count"),
                ("task_poll_histogram", "task_poll_count"),
                ("schedule_latency_histogram", "task_poll_count"),
            ):
                edges, counts = worker[key]["edges_ns"], worker[key]["counts"]
                assert sum(counts) == worker[count], key
                assert len(edges) == len(counts) + 1
                assert edges == sorted(set(edges))
                assert (edges[0], edges[-1]) == (0, 2**64 - 1)


@pytest.mark.needs_metrics
def test_default_buckets_are_those_that_tokio_has(one: ss.Runtime) -> None:
    with ss.Runtime(workers=1, histograms=ss.Histograms(poll=ss.Linear(), task_poll=ss.H2())) as rt:
        worker = rt.handle.worker_metrics(0)
    assert worker["poll_count_histogram"]["edges_ns"] == [*range(0, 1_000_000, 100_000), 2**64 - 1]
    assert len(worker["task_poll_histogram"]["counts"]) == 119
    assert worker["schedule_latency_histogram"] is None
    assert one.handle.worker_metrics(0)["poll_count_histogram"] is None


@pytest.mark.needs_metrics
def test_a_long_poll_falls_into_a_late_bucket() -> None:
    with ss.Runtime(workers=1, histograms=ss.Histograms(task_poll=ss.Linear(width=1e-3, buckets=5))) as rt:

        async def busy() -> None:
            await inside.work(ns=4_500_000)

        rt.spawn(busy).result(LIMIT)
        counts = settled(rt)["workers"][0]["task_poll_histogram"]["counts"]
    assert counts[4] >= 1
    assert sum(counts) == 1


@pytest.mark.needs_metrics
def test_a_delta_subtracts_histograms_and_gives_the_mean_poll_time() -> None:
    with ss.Runtime(workers=1, histograms="default") as rt:
        rt.run(ss.workloads.fib(10))
        before = settled(rt)
        for handle in [rt.spawn(int) for _ in range(7)]:
            handle.result(LIMIT)
        worker = ss.metrics_delta(before, settled(rt))["workers"][0]
    assert sum(worker["task_poll_histogram"]["counts"]) == 7
    assert worker["mean_poll_time"] > 0


# ---- recording ----


def test_a_recording_has_a_sample_at_its_start_and_at_its_end(rt: ss.Runtime) -> None:
    with rt.handle.record(every=3600.0) as samples:
        assert len(samples) == 0
        rt.run(ss.workloads.fib(12))
        settled(rt)
    assert len(samples) == 2
    assert sorted(samples[0]) == sorted(rt.handle.metrics())
    assert sorted(samples[0]["workers"][0]) == sorted(rt.handle.worker_metrics(0))
    assert json.loads(json.dumps(list(samples))) == list(samples)
    (delta,) = samples.deltas()
    assert delta["elapsed"] > 0
    if ss.features()["unstable_metrics"]:
        assert delta["spawned_tasks_count"] > 100
    ss.metrics_delta(samples[-1], rt.handle.metrics())  # of one kind with metrics()


def test_a_recording_goes_on_while_the_gil_is_held(one: ss.Runtime) -> None:
    import ctypes
    import time

    hold = ctypes.PyDLL(None).usleep  # called without letting the GIL go
    with one.handle.record(every=0.001) as samples:
        start = time.monotonic()
        while len(samples) == 0 and time.monotonic() - start < 0.2:
            hold(20_000)
    assert len(samples) >= 20


def test_a_recording_survives_an_error_and_the_end_of_the_runtime() -> None:
    rt = ss.Runtime(workers=1)
    with pytest.raises(ZeroDivisionError), rt.handle.record(every=0.01) as samples:  # noqa: PT012
        rt.shutdown()
        1 / 0
    assert len(samples) >= 2


@pytest.mark.parametrize("every", [0, -1, float("nan"), 1e-12])
def test_a_recording_needs_a_positive_interval(one: ss.Runtime, every: float) -> None:
    with pytest.raises(ValueError, match="every="), one.handle.record(every=every):
        pass


def test_intervals_are_deltas_without_end(one: ss.Runtime) -> None:
    intervals = one.handle.intervals(every=0.001)
    one.spawn(int).result(LIMIT)
    settled(one)
    first, second = next(intervals), next(intervals)
    assert first["elapsed"] > 0
    assert "derived" in first
    if ss.features()["unstable_metrics"]:
        assert (first["spawned_tasks_count"], second["spawned_tasks_count"]) == (1, 0)
    with pytest.raises(ValueError, match="every="):
        one.handle.intervals(every=-1)
