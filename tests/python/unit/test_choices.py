"""What a simulation leaves open: choices, replay, exploration, steps; and what can be done to its workers."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import stealscope as ss

FREE = ss.Costs.zero()
TREE = ss.workloads.fork_join(5, 2, 1_000)


# ---- choices and replay ----


def test_without_choices_the_seed_decides_and_nothing_is_recorded_as_changed() -> None:
    report = ss.Simulation(3, costs=FREE, seed=4).run(TREE)
    assert dict(report.choices) == {}
    assert str(report.choices) == "the seed's choices"


def test_seeds_differ_and_a_changed_choice_changes_the_run() -> None:
    hashes = {ss.Simulation(3, costs=FREE, seed=seed).run(TREE).trace_hash for seed in range(5)}
    assert len(hashes) == 5
    changed = {ss.Simulation(3, costs=FREE, choices={number: 1}).run(TREE).trace_hash for number in range(5)}
    assert len(changed) > 1


def test_bytes_and_a_mapping_that_say_the_same_give_the_same_run() -> None:
    by_bytes = ss.Simulation(3, costs=FREE, choices=bytes([0, 1, 0, 2])).run(TREE)
    by_mapping = ss.Simulation(3, costs=FREE, choices={3: 2, 1: 1, 7: 0}).run(TREE)
    assert by_bytes.trace_hash == by_mapping.trace_hash
    assert by_bytes.choices == by_mapping.choices
    assert by_bytes.replay_line == by_mapping.replay_line


def test_recorded_choices_are_refused_under_other_arguments() -> None:
    choices = ss.Simulation(3, costs=FREE, choices={0: 1}).run(TREE).choices
    assert pickle.loads(pickle.dumps(choices)) == choices
    for other in ({"workers": 2}, {"seed": 1}, {"policy": "go_like"}, {"costs": ss.Costs()}, {"speeds": [1, 1, 2]}):
        with pytest.raises(ss.ReplayMismatch, match="another version or other arguments"):
            ss.Simulation(**({"workers": 3, "costs": FREE} | other | {"choices": choices}))
    ss.Simulation(2, costs=FREE, choices=dict(choices)).run(TREE)  # if one insists


@pytest.mark.parametrize("wrong", [{-1: 1}, {0: -1}, {0: 1 << 40}])
def test_choices_out_of_range_are_refused(wrong: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="choices"):
        ss.Simulation(1, choices=wrong)


@pytest.mark.parametrize("wrong", [{"a": 1}, {0: 1.5}, 3, [1, 2]])
def test_what_is_no_choice_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="choices"):
        ss.Simulation(1, choices=wrong)


# ---- exploration ----


async def _opposite_locks() -> None:
    a, b = ss.Lock(), ss.Lock()

    async def take(first: ss.Lock, second: ss.Lock) -> None:
        async with first:
            await ss.yield_now()
            async with second:
                pass

    async with ss.TaskGroup() as group:
        group.spawn(take, a, b)
        group.spawn(take, b, a)


async def _same_locks() -> None:
    a, b = ss.Lock(), ss.Lock()

    async def take() -> None:
        async with a:
            await ss.yield_now()
            async with b:
                pass

    async with ss.TaskGroup() as group:
        group.spawn(take)
        group.spawn(take)


def test_exploration_finds_a_deadlock_that_replays() -> None:
    found = ss.Simulation(2, costs=FREE).explore(_opposite_locks)
    assert found.failure is not None
    assert isinstance(found.failure.error, ss.DeadlockError)
    assert "replay: ss.Simulation(" in str(found)
    with pytest.raises(ss.DeadlockError):
        ss.Simulation(2, costs=FREE, choices=found.failure.choices).block_on(_opposite_locks)


def test_exploration_of_a_correct_program_is_complete() -> None:
    found = ss.Simulation(2, costs=FREE).explore(_same_locks, preemptions=1)
    assert (found.complete, found.failure) == (True, None)
    assert found.schedules > 1


def test_without_preemptions_one_schedule_is_run() -> None:
    assert ss.Simulation(2, costs=FREE).explore(TREE, preemptions=0).schedules == 1


def test_every_schedule_of_an_exploration_is_another_one() -> None:
    seen: list[dict[int, int]] = []
    found = ss.Simulation(2, costs=FREE).explore(
        ss.workloads.fib(2), lambda report: seen.append(dict(report.choices)), preemptions=2
    )
    assert len(seen) == found.schedules
    assert len({tuple(sorted(choices.items())) for choices in seen}) == len(seen)
    assert {len(choices) for choices in seen} == {0, 1, 2}


def test_an_exploration_that_is_too_large_says_so() -> None:
    found = ss.Simulation(3, costs=FREE).explore(TREE, max_schedules=7)
    assert (found.complete, found.schedules, found.failure) == (False, 7, None)
    assert "stopped" in str(found)


def test_a_check_fails_by_raising_or_by_saying_false() -> None:
    assert isinstance(ss.Simulation(2).explore(TREE, lambda report: False).failure.error, ss.InvariantError)  # type: ignore[union-attr]

    def raises(report: ss.Report) -> None:
        assert report.makespan < 0

    assert isinstance(ss.Simulation(2).explore(TREE, raises).failure.error, AssertionError)  # type: ignore[union-attr]


# ---- steps ----


def test_steps_tell_a_run_one_move_at_a_time() -> None:
    sim = ss.Simulation(2, costs=FREE, seed=1)
    steps = list(sim.steps(TREE))
    assert [step.now for step in steps] == sorted(step.now for step in steps)
    assert {step.action for step in steps} >= {"poll", "work", "rest"}
    assert all(len(step.queues) == 2 for step in steps)
    assert all("\n" not in str(step) for step in steps)
    assert any(step.victim is not None for step in steps)
    assert steps[0].to_dict()["worker"] in (0, 1)
    assert "<table>" in steps[0]._repr_html_()


def test_a_loop_that_is_left_early_leaves_a_simulation_that_can_run_again() -> None:
    sim = ss.Simulation(2)
    for _, _step in zip(range(3), sim.steps(TREE), strict=False):
        pass
    assert sim.run(TREE).result == 32


# ---- until ----


def test_a_run_ends_at_a_time_with_a_report_so_far() -> None:
    workload = ss.workloads.fork_join(4, 2, 1_000_000)
    sim = ss.Simulation(1, costs=FREE)
    report = sim.run(workload, until=0.0055)
    assert (report.result, report.makespan) == (None, 5_500_000)
    assert report.busy == (1.0,)
    assert report.metrics["workers"][0]["task_poll_count"] > 5
    assert sim.run(workload, until=1.0).result == 16
    with pytest.raises(ValueError, match="until=-1"):
        sim.run(workload, until=-1)


# ---- speeds, topology, faults ----


def test_a_worker_of_twice_the_speed_needs_half_the_time() -> None:
    one, two = (ss.Simulation(1, costs=FREE, speeds=[speed]).run(ss.workloads.fork_join(3, 2, 1_000)) for speed in (1, 2))
    assert (one.makespan, two.makespan) == (8_000, 4_000)


def test_a_distant_victim_costs_its_latency() -> None:
    far = np.full((2, 2), 1e-3)
    near, slow = (ss.Simulation(2, costs=FREE, topology=t, seed=3).run(TREE).makespan for t in (None, far))
    assert slow > near


def test_the_nearest_victim_needs_a_topology() -> None:
    nearest = ss.Policy(victims="nearest")
    with pytest.raises(ValueError, match="topology"):
        ss.Simulation(2, policy=nearest)
    assert ss.Simulation(2, policy=nearest, topology=np.zeros((2, 2))).run(TREE).result == 32


def test_a_stalled_worker_and_a_slow_one_make_the_run_longer() -> None:
    work = ss.workloads.fork_join(3, 2, 1_000)
    plain, stalled, slow = (
        ss.Simulation(1, costs=FREE, faults=faults).run(work).makespan
        for faults in ([], [ss.Stall(0, 2e-6, 5e-6)], [ss.Slow(0, 0.0, 1.0, 3.0)])
    )
    assert (plain, stalled, slow) == (8_000, 13_000, 24_000)


def test_a_late_wake_up_delays_what_it_is_for() -> None:
    async def main() -> None:
        await ss.sleep(0.01)

    async def child() -> None:
        await ss.work(1e-6)

    for faults, is_late in (([], False), ([ss.LateWake(0, 0.0, 1.0), ss.LateWake(1, 0.0, 1.0)], True)):
        sim = ss.Simulation(2, costs=FREE, faults=faults)
        sim.spawn(child)
        sim.block_on(main)
        assert (sim.now >= 1.0) is is_late


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"topology": [[0, 0]]}, r"topology has shape \(1, 2\); need \(2, 2\)"),
        ({"topology": [[0, -1], [0, 0]]}, "negative"),
        ({"speeds": [1, 2, 3]}, r"speeds has shape \(3,\); need \(2,\)"),
        ({"speeds": [1, float("nan")]}, "not finite"),
        ({"speeds": [1, 0]}, "0.001 to 1000"),
        ({"faults": [ss.Stall(2, 0, 1)]}, "worker 2"),
    ],
)
def test_what_does_not_fit_the_workers_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ss.Simulation(2, **options)


def test_a_fault_is_checked_when_it_is_made() -> None:
    for make in (
        lambda: ss.Stall(-1, 0, 1),
        lambda: ss.Slow(0, 0, 1, 0),
        lambda: ss.LateWake(0, -1, 1),
        lambda: ss.Slow(0, 0, 1, float("inf")),
    ):
        with pytest.raises(ValueError, match="need"):
            make()
    with pytest.raises(TypeError, match="faults"):
        ss.Simulation(1, faults=["stall"])  # type: ignore[list-item]


# ---- costs ----


def test_a_cost_may_be_a_distribution() -> None:
    spread = ss.Costs(wake_latency=(1e-6, 5e-6, 50e-6))
    first, again, other = (ss.Simulation(4, costs=spread, seed=seed).run(TREE) for seed in (1, 1, 2))
    assert first.makespan == again.makespan != other.makespan
    assert ss.Costs.from_dict(spread.to_dict()) == spread
    with pytest.raises(ValueError, match=r"wake_latency=.*ascending"):
        ss.Costs(wake_latency=(2e-6, 1e-6))


def test_measured_costs_are_plausible_and_make_a_simulation() -> None:
    costs = ss.calibrate(rounds=5)
    assert (costs.name, bool(costs.machine), bool(costs.date)) == ("calibrated", True, True)
    assert all(0 <= getattr(costs, kind) < 1e-3 for kind in costs.kinds() if kind != "wake_latency")
    assert isinstance(costs.wake_latency, tuple)
    assert ss.Simulation(2, costs=costs).run(TREE).result == 32
