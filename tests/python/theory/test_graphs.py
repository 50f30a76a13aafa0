"""Task graphs whose makespans are known: bounds of greedy and of work-stealing schedules, Graham's anomalies, plain answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import stealscope as ss
from hypothesis import given
from hypothesis import strategies as st

GREEDY = ss.Policy.presets()["central_queue"]
UNIT = 1_000  # ns


def makespan(workload: ss.Workload, workers: int, policy: Any = GREEDY, seed: int = 0) -> int:
    return ss.Simulation(workers, policy=policy, seed=seed, costs=ss.Costs.zero()).run(workload).makespan


def graph(costs: list[int], edges: list[tuple[int, int]]) -> ss.Workload:
    """A graph in the order of its numbers; costs in units."""
    indices: list[int] = []
    indptr = [0]
    for task in range(len(costs)):
        indices += [after for before, after in edges if before == task]
        indptr.append(len(indices))
    return ss.workloads.dag(np.array(indptr), np.array(indices, dtype=np.int64), np.array(costs) * UNIT)


# Graham, "Bounds on multiprocessing timing anomalies" (1969): nine tasks in the order of a list.
GRAHAM = [3, 2, 2, 2, 4, 4, 4, 4, 9]
GRAHAM_EDGES = [(0, 8), (3, 4), (3, 5), (3, 6), (3, 7)]


@pytest.mark.parametrize(
    ("workers", "shorter", "expected"), [(3, 0, 12), (4, 0, 15), (3, 1, 13)], ids=["as it is", "one worker more", "shorter tasks"]
)
def test_grahams_anomalies(workers: int, shorter: int, expected: int) -> None:
    """More workers, or less work, can take longer: no monotonicity is promised by a greedy schedule.

    The list's order decides between tasks that become ready at one instant; here the seed does, so the worst of some is taken.
    """
    workload = graph([cost - shorter for cost in GRAHAM], GRAHAM_EDGES)
    assert max(makespan(workload, workers, seed=seed) for seed in range(16)) == expected * UNIT


@pytest.mark.parametrize("workers", [1, 3, 64])
def test_a_chain_takes_its_length(workers: int) -> None:
    assert makespan(graph([1] * 50, [(i, i + 1) for i in range(49)]), workers) == 50 * UNIT


@pytest.mark.parametrize("workers", [1, 3, 7, 64])
def test_independent_tasks_take_their_share_rounded_up(workers: int) -> None:
    assert makespan(graph([1] * 100, []), workers) == -(-100 // workers) * UNIT


@pytest.mark.parametrize("height", [3, 6])
def test_a_binary_tree_has_its_work_and_span(height: int) -> None:
    tree = ss.workloads.fork_join(height, 2, UNIT)
    nodes = 2**height
    report = ss.Simulation(1, costs=ss.Costs.zero()).run(tree)
    assert report.work == report.makespan == tree.work
    assert report.result == nodes
    assert makespan(tree, 4 * nodes) == tree.span


@st.composite
def graphs(draw: st.DrawFn) -> ss.Workload:
    size = draw(st.integers(1, 40))
    costs = draw(st.lists(st.integers(1, 20), min_size=size, max_size=size))
    edges = []
    for after in range(1, size):
        for before in draw(st.sets(st.integers(0, after - 1), max_size=3)):
            edges.append((before, after))
    return graph(costs, edges)


@given(graphs(), st.integers(1, 12), st.integers(0, 1000))
def test_a_greedy_schedule_keeps_its_bounds(workload: ss.Workload, workers: int, seed: int) -> None:
    """P1: max(T1/P, Tinf) <= T_P <= (T1 - Tinf)/P + Tinf (Graham 1969, Brent 1974)."""
    work, span = workload.work, workload.span
    assert work is not None
    assert span is not None
    taken = makespan(workload, workers, seed=seed)
    assert max(-(-work // workers), span) <= taken <= (work - span) / workers + span


@given(graphs(), st.integers(0, 1000), st.sampled_from(sorted(ss.Policy.presets())))
def test_on_one_worker_every_policy_takes_the_whole_work(workload: ss.Workload, seed: int, policy: str) -> None:
    assert makespan(workload, 1, policy, seed) == workload.work  # P7, with costs of zero


@given(graphs(), st.integers(2, 12), st.integers(0, 1000))
def test_stealing_without_costs_is_greedy_too(workload: ss.Workload, workers: int, seed: int) -> None:
    """With a slot that nobody can steal from a task may wait behind another one (law L3), so here it is off."""
    policy = ss.Policy(lifo_slot=False, max_searching=1.0, notify="per-task")
    work, span = workload.work, workload.span
    assert work is not None
    assert span is not None
    assert makespan(workload, workers, policy, seed) <= (work - span) / workers + span


def test_steals_stay_within_a_multiple_of_workers_times_span() -> None:
    """P3: work-first, LIFO, steal the oldest (Blumofe and Leiserson 1999): successful steals are O(P Tinf) in expectation."""
    depth, workers = 12, 16
    tree = ss.workloads.fork_join(depth, 2, UNIT)
    steals = []
    for seed in range(10):
        report = ss.Simulation(workers, policy="cilk_like", seed=seed, costs=ss.Costs.zero()).run(tree)
        assert report.result == 2**depth
        steals.append(sum(worker["steal_count"] for worker in report.metrics["workers"]))
    assert 0 < np.mean(steals) <= 4 * workers * (depth + 1)
