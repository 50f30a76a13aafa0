"""Random programs in virtual time: the scheduler's own code, any schedule, and laws that must hold whatever it is.

Names of laws are those of the documentation's table (S, A, F, L). A failing example prints its program and schedule, and
the same arguments replay it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import event, given, target
from hypothesis import strategies as st
from stealscope import _core

KINDS: dict[str, int] = _core._OP_KINDS
LIFO_CAP = 3


@dataclass(frozen=True)
class Plan:
    """A program: for each task its (instruction, argument) pairs; task 0 is the root."""

    tasks: tuple[tuple[tuple[str, int], ...], ...]

    def rows(self) -> list[int]:
        return [number for task, ops in enumerate(self.tasks) for kind, arg in ops for number in (task, KINDS[kind], arg)]


@dataclass
class _Draft:
    ops: list[list[tuple[str, int]]] = field(default_factory=lambda: [[]])


@st.composite
def plans(draw: st.DrawFn, *, max_tasks: int = 12, kinds: tuple[str, ...] = ("yield", "sleep", "work", "join")) -> Plan:
    """A tree of tasks; each is spawned once by an earlier one, and may be joined by it."""
    count = draw(st.integers(1, max_tasks))
    draft = _Draft([[] for _ in range(count)])
    children: list[list[int]] = [[] for _ in range(count)]
    for task in range(1, count):
        parent = draw(st.integers(0, task - 1))
        draft.ops[parent].append(("spawn", task))
        children[parent].append(task)
    for task in range(count):
        for kind in draw(st.lists(st.sampled_from(kinds), max_size=4)):
            if kind == "join":
                if children[task]:
                    draft.ops[task].append(("join", children[task].pop(0)))
            else:
                draft.ops[task].append((kind, draw(st.integers(1, 3_000_000)) if kind in ("sleep", "work") else 0))
    return Plan(tuple(tuple(ops) for ops in draft.ops))


def run(plan: Plan, *, workers: int, schedule: bytes = b"", seed: int = 0, dump_at: Sequence[int] = ()) -> dict[str, Any]:
    return _core._simulate(len(plan.tasks), plan.rows(), workers, schedule, seed, list(dump_at))


schedules = st.binary(max_size=60)
seeds = st.integers(0, 2**32 - 1)


@given(plan=plans(), workers=st.integers(1, 6), schedule=schedules, seed=seeds)
def test_s1_every_task_runs_to_its_end_exactly_once(plan: Plan, workers: int, schedule: bytes, seed: int) -> None:
    result = run(plan, workers=workers, schedule=schedule, seed=seed)
    assert result["end"] == "finished"
    assert all(task["started"] and task["finished"] and not task["cancelled"] for task in result["tasks"])
    assert result["spawned"] == len(plan.tasks)


@given(plan=plans(), workers=st.integers(1, 6), schedule=schedules, seed=seeds)
def test_s25_the_same_arguments_give_the_same_run(plan: Plan, workers: int, schedule: bytes, seed: int) -> None:
    assert run(plan, workers=workers, schedule=schedule, seed=seed) == run(plan, workers=workers, schedule=schedule, seed=seed)


@given(plan=plans(max_tasks=20), workers=st.integers(1, 6), schedule=schedules, seed=seeds)
def test_a2_polls_of_workers_are_polls_of_tasks(plan: Plan, workers: int, schedule: bytes, seed: int) -> None:
    result = run(plan, workers=workers, schedule=schedule, seed=seed)
    by_worker = sum(worker["task_poll_count"] for worker in result["workers"])
    assert by_worker == sum(task["polls"] for task in result["tasks"]) == len(result["polled"])
    assert Counter(result["polled"]) == Counter({n: task["polls"] for n, task in enumerate(result["tasks"])})
    target(sum(worker["steal_count"] for worker in result["workers"]), label="stolen")


@given(plan=plans(max_tasks=20), workers=st.integers(2, 6), schedule=schedules, seed=seeds)
def test_a5_and_a8_counters_of_a_worker_agree_with_each_other(plan: Plan, workers: int, schedule: bytes, seed: int) -> None:
    result = run(plan, workers=workers, schedule=schedule, seed=seed)
    for worker in result["workers"]:
        assert worker["steal_operations"] <= worker["steal_count"] <= 128 * worker["steal_operations"]
        assert worker["noop_count"] <= worker["park_count"]
        assert worker["poll_count"] <= worker["task_poll_count"] <= (1 + LIFO_CAP) * worker["poll_count"]
    event("stolen" if any(worker["steal_count"] for worker in result["workers"]) else "nothing stolen")


@given(plan=plans(kinds=("yield",)))
def test_s7_a_task_is_polled_once_more_for_each_yield(plan: Plan) -> None:
    result = run(plan, workers=1)
    for task, ops in zip(result["tasks"], plan.tasks, strict=True):
        assert task["polls"] == 1 + sum(kind == "yield" for kind, _ in ops)


@given(children=st.integers(0, 40))
def test_f2_one_worker_runs_what_the_reference_model_predicts(children: int) -> None:
    plan = Plan(((*((("spawn", n) for n in range(1, children + 1))),), *(() for _ in range(children))))
    assert run(plan, workers=1)["polled"] == predicted_order(children)


def predicted_order(children: int) -> list[int]:
    """The root and its empty children on one worker: the slot takes the newest, and what it displaces joins the queue."""
    slot: int | None = None
    queue: deque[int] = deque()
    for child in range(1, children + 1):
        if slot is not None:
            queue.append(slot)
        slot = child
    return [0, *([] if slot is None else [slot]), *queue]


@given(workers=st.integers(1, 4), schedule=schedules, seed=seeds)
def test_two_tasks_that_wait_for_each_other_are_a_deadlock_and_not_a_hang(workers: int, schedule: bytes, seed: int) -> None:
    plan = Plan(((("spawn", 1), ("wait", 0), ("notify", 1)), (("wait", 1), ("notify", 0))))
    assert run(plan, workers=workers, schedule=schedule, seed=seed)["end"] == "deadlock"


# ---- dumps in the middle: what runs afterwards is what would have run without them ----

moments = st.lists(st.integers(0, 60), min_size=1, max_size=5).map(sorted)
FIGURES = ("poll_count", "task_poll_count", "local_schedule_count", "steal_count", "overflow_count", "park_count", "noop_count")


@pytest.mark.needs_dump
@given(plan=plans(), seed=seeds, dump_at=moments)
def test_s24_one_worker_runs_the_same_with_and_without_dumps(plan: Plan, seed: int, dump_at: list[int]) -> None:
    without = run(plan, workers=1, schedule=b"", seed=seed, dump_at=[])
    with_dumps = run(plan, workers=1, schedule=b"", seed=seed, dump_at=dump_at)
    for key in ("end", "polled", "tasks", "spawned", "remote_schedule_count", "budget_forced_yield_count"):
        assert with_dumps[key] == without[key], key
    for before, after in zip(without["workers"], with_dumps["workers"], strict=True):
        assert {key: after[key] for key in FIGURES} == {key: before[key] for key in FIGURES}
    event(f"{len(with_dumps['dumps'])} dumps")


@pytest.mark.needs_dump
@given(plan=plans(max_tasks=20), workers=st.integers(2, 5), schedule=schedules, seed=seeds, dump_at=moments)
def test_s1_every_task_still_runs_to_its_end_exactly_once(
    plan: Plan, workers: int, schedule: bytes, seed: int, dump_at: list[int]
) -> None:
    result = run(plan, workers=workers, schedule=schedule, seed=seed, dump_at=dump_at)
    assert result["end"] == "finished"
    assert all(task["finished"] for task in result["tasks"])


@pytest.mark.needs_dump
@given(plan=plans(max_tasks=20), workers=st.integers(1, 5), schedule=schedules, seed=seeds, dump_at=moments)
def test_s22_a_dump_lists_no_task_twice_and_none_that_is_not_there(
    plan: Plan, workers: int, schedule: bytes, seed: int, dump_at: list[int]
) -> None:
    result = run(plan, workers=workers, schedule=schedule, seed=seed, dump_at=dump_at)
    for _, ids in result["dumps"]:
        assert len(set(ids)) == len(ids)
        assert set(ids) <= set(range(1, len(plan.tasks) + 1))
