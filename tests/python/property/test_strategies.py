"""What the testing kit draws: every value runs, keeps all laws under any policy and schedule, and shrinks to the ordinary one."""

from __future__ import annotations

from typing import Any

import pytest
import stealscope as ss
from hypothesis import event, find, given, settings
from hypothesis import strategies as st
from stealscope.testing import check_invariants, dags, faults, policies, programs, schedules, topologies, workloads

pytestmark = [pytest.mark.needs_metrics, pytest.mark.needs_timeline]

LIMIT = 500_000  # steps: only a run that does not end takes so many


def simulate(workload: ss.Workload, workers: int, **options: Any) -> ss.Report:
    return ss.Simulation(workers, timeline=True, **options).run(workload, max_steps=LIMIT)


@given(workload=workloads(max_tasks=60), policy=policies(), workers=st.integers(1, 6), schedule=schedules())
def test_every_workload_keeps_the_laws_under_every_policy_and_schedule(
    workload: ss.Workload, policy: ss.Policy, workers: int, schedule: Any
) -> None:
    report = simulate(workload, workers, policy=policy, choices=schedule)
    if workload.expected is not None:
        assert report.result == workload.expected
    names = check_invariants(report)
    event("promises work" if "l3_no_ready_task_waits_while_a_worker_rests" in names else "makes no promise")


@given(data=st.data(), program=programs(), workers=st.integers(1, 4), zero=st.booleans())
def test_programs_keep_the_laws_on_a_machine_with_faults(
    data: st.DataObject, program: ss.Workload, workers: int, zero: bool
) -> None:
    wrong = data.draw(faults(workers))
    distances = data.draw(topologies(workers))
    costs = ss.Costs.zero() if zero else ss.Costs()
    check_invariants(simulate(program, workers, faults=wrong, topology=distances, costs=costs))


@given(graph=dags(), workers=st.integers(1, 6))
def test_graphs_in_one_queue_keep_grahams_bound(graph: ss.Workload, workers: int) -> None:
    names = check_invariants(simulate(graph, workers, policy="central_queue", costs=ss.Costs.zero()))
    assert "p1_a_greedy_run_keeps_grahams_bound" in names


def sweep(thief: int, attempt: int, lengths: tuple[int, ...], choose: Any) -> int | None:
    return (thief + 1 + attempt) % len(lengths) if attempt < len(lengths) - 1 else None


@given(policy=policies(sweep))
def test_a_policy_of_the_users_own_is_in_every_policy_drawn(policy: ss.Policy) -> None:
    assert policy.victims is sweep


@given(policy=policies(ss.Policy(steal="one", lifo_slot=False)))
def test_what_the_users_policy_says_is_kept(policy: ss.Policy) -> None:
    assert (policy.steal, policy.lifo_slot) == ("one", False)


@pytest.mark.parametrize(
    ("strategy", "smallest"),
    [
        (schedules(), b""),
        (policies(), ss.Policy()),
        (faults(3), []),
        (topologies(3), None),
        (programs(), ss.workloads.program([[]])),
    ],
    ids=["schedules", "policies", "faults", "topologies", "programs"],
)
def test_it_shrinks_to_the_smallest_and_most_ordinary_one(strategy: st.SearchStrategy[Any], smallest: Any) -> None:
    assert find(strategy, lambda value: True, settings=settings(database=None)) == smallest


def test_a_schedule_shrinks_to_the_one_deviation_that_matters() -> None:
    def differs(schedule: Any) -> bool:
        return bool(ss.Simulation(3, choices=schedule, costs=ss.Costs.zero()).run(ss.workloads.fib(6)).choices)

    found = find(schedules(), differs, settings=settings(database=None))
    assert found == b"\x01" or (isinstance(found, dict) and len(found) == 1)
