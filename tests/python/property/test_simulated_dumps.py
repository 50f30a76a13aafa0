"""Dumps in the middle of random programs in virtual time: what runs afterwards is what would have run without them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from stealscope import _core
from test_simulated_programs import Plan, plans, schedules, seeds

pytestmark = pytest.mark.needs_dump

moments = st.lists(st.integers(0, 60), min_size=1, max_size=5).map(sorted)
FIGURES = ("poll_count", "task_poll_count", "local_schedule_count", "steal_count", "overflow_count", "park_count", "noop_count")


def run(plan: Plan, *, workers: int, schedule: bytes, seed: int, dump_at: list[int]) -> dict[str, Any]:
    return _core._simulate(len(plan.tasks), plan.rows(), workers, schedule, seed, dump_at)


@given(plan=plans(), seed=seeds, dump_at=moments)
def test_s24_one_worker_runs_the_same_with_and_without_dumps(plan: Plan, seed: int, dump_at: list[int]) -> None:
    without = run(plan, workers=1, schedule=b"", seed=seed, dump_at=[])
    with_dumps = run(plan, workers=1, schedule=b"", seed=seed, dump_at=dump_at)
    for key in ("end", "polled", "tasks", "spawned", "remote_schedule_count", "budget_forced_yield_count"):
        assert with_dumps[key] == without[key], key
    for before, after in zip(without["workers"], with_dumps["workers"], strict=True):
        assert {key: after[key] for key in FIGURES} == {key: before[key] for key in FIGURES}
    event(f"{len(with_dumps['dumps'])} dumps")


@given(plan=plans(max_tasks=20), workers=st.integers(2, 5), schedule=schedules, seed=seeds, dump_at=moments)
def test_s1_every_task_still_runs_to_its_end_exactly_once(
    plan: Plan, workers: int, schedule: bytes, seed: int, dump_at: list[int]
) -> None:
    result = run(plan, workers=workers, schedule=schedule, seed=seed, dump_at=dump_at)
    assert result["end"] == "finished"
    assert all(task["finished"] for task in result["tasks"])


@given(plan=plans(max_tasks=20), workers=st.integers(1, 5), schedule=schedules, seed=seeds, dump_at=moments)
def test_s22_a_complete_dump_lists_each_task_once(
    plan: Plan, workers: int, schedule: bytes, seed: int, dump_at: list[int]
) -> None:
    result = run(plan, workers=workers, schedule=schedule, seed=seed, dump_at=dump_at)
    for _, ids in result["dumps"]:
        assert len(set(ids)) == len(ids)
        assert set(ids) <= set(range(1, len(plan.tasks) + 1))
