"""The laws of the testing kit: a good report keeps them all, and each one fails on a report that was made wrong on purpose."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import stealscope as ss
from stealscope.program import Cancel, Lock, Recv, Send, Sleep, Spawn, Work, Yield
from stealscope.testing import LAWS, check_invariants

pytestmark = [pytest.mark.needs_metrics, pytest.mark.needs_timeline]

KIND = ss.timeline.KINDS
FREE = ss.Costs.zero()
CROWD = ss.workloads.fork_join(5, 3, 20_000)
YIELDS = ss.workloads.yield_many(6, 3)


def run(workload: ss.Workload = CROWD, workers: int = 3, **options: Any) -> ss.Report:
    return ss.Simulation(workers, seed=3, timeline=True, **options).run(workload)


# ---- what is made wrong ----


def with_figure(name: str, value: Any, worker: int | None = None) -> Callable[[ss.Report], ss.Report]:
    def change(report: ss.Report) -> ss.Report:
        metrics = copy.deepcopy(dict(report.metrics))
        figures = metrics if worker is None else metrics["workers"][worker]
        figures[name] = value(figures[name]) if callable(value) else value
        return replace(report, metrics=metrics)

    return change


def with_events(change: Callable[[Any], Any]) -> Callable[[ss.Report], ss.Report]:
    return lambda report: replace(report, timeline=change(report.timeline.copy()))


def at(events: Any, kind: str, which: int = 0) -> int:
    return int(np.flatnonzero(events["kind"] == KIND[kind])[which])


def without(kind: str, which: int = 0) -> Callable[[ss.Report], ss.Report]:
    return with_events(lambda events: np.delete(events, at(events, kind, which)))


def twice(kind: str, times: int = 2) -> Callable[[ss.Report], ss.Report]:
    return with_events(lambda events: np.insert(events, at(events, kind), [events[at(events, kind)]] * (times - 1)))


def with_field(kind: str, field: str, value: Any, which: int = 0) -> Callable[[ss.Report], ss.Report]:
    def change(events: Any) -> Any:
        event = events[at(events, kind, which)]
        event[field] = value(event) if callable(value) else value
        return events

    return with_events(change)


def polls_exchanged(first: int, second: int) -> Callable[[ss.Report], ss.Report]:
    """The tasks of two polls change places."""

    def change(events: Any) -> Any:
        one, other = at(events, "poll_begin", first), at(events, "poll_begin", second)
        events["task"][[one, other]] = events["task"][[other, one]]
        return events

    return with_events(change)


def earlier_than_its_wake(events: Any) -> Any:
    late = np.flatnonzero((events["kind"] == KIND["poll_begin"]) & (events["task"] == events["task"].max()))[0]
    events["at"][late] = -1
    return events[np.argsort(events["at"], kind="stable")]


def asleep_all_the_time(events: Any) -> Any:
    """Worker 2 lies down before everything else and never gets up."""
    events = events[events["worker"] != 2]
    park = events[at(events, "park")].copy()
    park["at"], park["worker"] = events["at"].min(), 2
    return np.insert(events, 0, park)


def woken_while_they_ran(events: Any) -> Any:
    events["count"][events["kind"] == KIND["wake"]] = 1  # one of them took the LIFO slot
    return events


HISTOGRAM = {"edges_ns": [0, 10, 20], "counts": [1, 10**6]}
LONG = ss.workloads.fork_join(3, 8, 50_000)
WRONG: dict[str, tuple[Callable[[], ss.Report], Callable[[ss.Report], ss.Report]]] = {
    "s1_every_task_ran_once": (run, without("spawn", 5)),
    "s1_the_shared_queue_loses_nothing": (run, with_field("inject_pop", "count", 2)),
    "s2_a_task_is_in_one_queue_at_most": (run, twice("wake", 3)),
    "s3_each_poll_has_its_own_wake": (run, with_events(earlier_than_its_wake)),
    "s9_a_steal_takes_what_the_policy_says": (run, with_field("steal", "count", 129)),
    "s11_no_worker_steals_from_itself": (run, with_field("steal", "other", lambda event: event["worker"])),
    "s12_no_turn_has_more_polls_than_the_slot_allows": (run, with_figure("poll_count", 1, worker=0)),
    "s14_a_worker_polls_one_task_at_a_time": (run, without("poll_end", 3)),
    "s18_no_counter_is_negative": (run, with_figure("park_count", -1, worker=1)),
    "s20_nothing_is_queued_at_the_end": (run, with_figure("queue_depth", 1, worker=2)),
    "a1_spawned_tasks_are_those_on_the_log": (run, with_figure("spawned_tasks_count", lambda n: n + 1)),
    "a2_polls_are_counted": (run, with_figure("task_poll_count", lambda n: n + 1, worker=0)),
    "a4_what_was_queued_was_polled_or_is_queued": (run, without("poll_begin", -1)),
    "a4_each_schedule_is_counted_once": (run, with_figure("local_schedule_count", lambda n: n + 1, worker=0)),
    "a5_each_steal_takes_a_task": (run, with_figure("steal_operations", lambda n: n + 1000, worker=1)),
    "a5_steals_are_counted": (run, with_figure("steal_count", lambda n: n + 1, worker=1)),
    "a6_an_overflow_moves_what_the_policy_says": (
        lambda: run(ss.workloads.spawn_many(400), 2),
        with_field("inject_push", "count", 128, which=1),
    ),
    "a7_histograms_hold_no_more_than_was_polled": (run, with_figure("task_poll_histogram", HISTOGRAM, worker=0)),
    "a8_a_park_for_nothing_is_a_park": (run, with_figure("noop_count", 10**6, worker=0)),
    "a8_parks_and_unparks_alternate": (run, twice("park")),
    "a8_parks_are_counted": (run, with_figure("park_count", lambda n: n + 1, worker=0)),
    "a9_the_times_of_a_worker_add_up": (run, lambda report: replace(report, busy=(0.9, *report.busy[1:]), parked=(0.9,) * 3)),
    "f1_one_worker_without_a_slot_is_first_in_first_out": (
        lambda: run(YIELDS, 1, policy=ss.Policy(lifo_slot=False)),
        polls_exchanged(2, 4),
    ),
    "f4_a_task_woken_while_it_ran_goes_behind_all_queued_ones": (
        lambda: run(YIELDS, 1),
        with_events(woken_while_they_ran),
    ),
    "l3_no_ready_task_waits_while_a_worker_rests": (lambda: run(LONG, 3), with_events(asleep_all_the_time)),
    "p1_no_run_beats_the_lower_bound": (run, lambda report: replace(report, makespan=report.lower_bound - 1)),
    "p1_a_greedy_run_keeps_grahams_bound": (
        lambda: run(policy="central_queue", costs=FREE),
        lambda report: replace(report, makespan=report.work),
    ),
}


@pytest.mark.parametrize("name", list(LAWS))
def test_a_law_holds_for_a_good_report_and_fails_for_one_made_wrong(name: str) -> None:
    good, spoil = WRONG[name]
    report = good()
    assert check_invariants(report, only=[name]) == [name]
    with pytest.raises(ss.InvariantError) as failure:
        check_invariants(spoil(report))
    assert name in failure.value.broken


def test_each_law_has_its_letter_and_a_statement() -> None:
    letters = [law.letter for law in LAWS.values()]
    assert [letter[0] for letter in letters] == sorted((letter[0] for letter in letters), key="SAFLP".index)
    assert all(law.statement.endswith(".") for law in LAWS.values())


def test_without_an_event_log_the_names_show_that_its_laws_were_not_checked() -> None:
    report = run()
    with_log, without_log = check_invariants(report), check_invariants(replace(report, timeline=None))
    assert "s1_every_task_ran_once" in with_log
    assert "a9_the_times_of_a_worker_add_up" in without_log
    assert set(without_log) < set(with_log)
    assert set(check_invariants(replace(report, timeline_dropped=1))) == set(without_log)


def test_one_error_lists_every_broken_law_with_numbers_and_the_replay_line() -> None:
    report = run()
    wrong = with_figure("noop_count", 77_777, worker=0)(with_figure("injection_queue_depth", 3)(report))
    with pytest.raises(ss.InvariantError) as failure:
        check_invariants(wrong)
    assert {"s20_nothing_is_queued_at_the_end", "a8_a_park_for_nothing_is_a_park"} <= set(failure.value.broken)
    text = str(failure.value)
    assert "3 tasks in the shared queue, and none lives" in text
    assert "77777 times for nothing" in text
    assert f"replay: {report.replay_line}" in text
    assert failure.value.report is wrong


def test_a_law_that_does_not_exist_is_an_error_that_lists_all() -> None:
    with pytest.raises(ValueError, match="only='s99'; need one of s1_every_task_ran_once"):
        check_invariants(run(), only=["s99"])


def test_many_breaches_of_one_law_are_counted_and_not_all_shown() -> None:
    none = with_events(lambda events: events[events["kind"] != KIND["spawn"]])(run())
    with pytest.raises(ss.InvariantError, match=r"- and \d+ more"):
        check_invariants(none, only=["s1_every_task_ran_once"])


def test_a_run_that_was_ended_early_keeps_the_laws() -> None:
    sim = ss.Simulation(2, timeline=True, seed=1)
    report = sim.run(CROWD, until=200e-6)
    assert report.metrics["num_alive_tasks"] > 0
    assert "a4_what_was_queued_was_polled_or_is_queued" in check_invariants(report)


def test_locks_channels_sleeps_and_cancelled_tasks_keep_the_laws() -> None:
    root = [Spawn(1), Spawn(2), Sleep(1_000_000), Lock(0, (Work(50),)), Send(0), Recv(0), Spawn(3), Cancel(3)]
    ops = [root, [Lock(0, (Yield(),)), Work(10)], [Lock(0, (Work(1000),)), Yield()], [Sleep(5_000_000)]]
    for seed in range(5):
        check_invariants(ss.Simulation(3, seed=seed, timeline=True).run(ss.workloads.program(ops)))


def test_python_tasks_in_virtual_time_keep_the_laws() -> None:
    async def child(n: int) -> int:
        await ss.work(n * 1e-6)
        await ss.yield_now()
        return n

    async def main() -> int:
        async with ss.TaskGroup() as group:
            handles = [group.spawn(child, n) for n in range(20)]
        return sum([await handle for handle in handles])

    sim = ss.Simulation(3, timeline=True)
    assert sim.block_on(main) == 190
    assert len(check_invariants(sim.report)) > 15


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_on_threads_keeps_the_laws(workers: int) -> None:
    with ss.Runtime(workers=workers, timeline=True, histograms="default") as runtime:
        runtime.handle.metrics(settled=True, timeout=30)
        for workload in (ss.workloads.fib(12), ss.workloads.spawn_many(400), YIELDS):
            names = check_invariants(runtime.run(workload))
            assert {"s1_every_task_ran_once", "s14_a_worker_polls_one_task_at_a_time"} <= set(names)


def test_a_machine_with_faults_makes_no_promise_about_rest() -> None:
    promised = "l3_no_ready_task_waits_while_a_worker_rests"
    assert promised in check_invariants(run(LONG))
    assert promised not in check_invariants(run(LONG, faults=[ss.Stall(0, 0.0, 1e-3)]))
    assert promised not in check_invariants(run(LONG, policy="no_stealing"))
