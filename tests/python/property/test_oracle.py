"""F2: a model of forty lines predicts the whole poll order of one worker, with and without the LIFO slot."""

from __future__ import annotations

import pytest
import stealscope as ss
from hypothesis import event, given
from hypothesis import strategies as st
from stealscope.testing.oracle import poll_order

Plan = list[list[int | None]]


@st.composite
def plans(draw: st.DrawFn, *, max_tasks: int = 40, max_yields: int = 4) -> Plan:
    """A tree of tasks that spawn and yield, in any order."""
    count = draw(st.integers(1, max_tasks))
    plan: Plan = [[None] * draw(st.integers(0, max_yields)) for _ in range(count)]
    for task in range(1, count):
        parent = plan[draw(st.integers(max(0, task - 10), task - 1))]
        parent.insert(draw(st.integers(0, len(parent))), task)
    return plan


def polled(plan: Plan, policy: ss.Policy, seed: int = 0) -> list[int]:
    """The order in which the simulator polls."""
    order: list[int] = []

    async def run(task: int) -> None:
        order.append(task)
        for step in plan[task]:
            if step is None:
                await ss.yield_now()
                order.append(task)
            else:
                ss.spawn(run, step)

    ss.Simulation(1, policy=policy, seed=seed).block_on(run, 0)
    return order


@given(plan=plans(), seed=st.integers(0, 1000))
def test_f2_one_worker_polls_in_the_order_that_the_model_predicts(plan: Plan, seed: int) -> None:
    predicted = poll_order(plan)
    assert polled(plan, ss.Policy(), seed) == predicted
    event(f"polls: {len(predicted) // 40 * 40}+")


@given(plan=plans())
def test_f2_without_the_lifo_slot_too(plan: Plan) -> None:
    assert polled(plan, ss.Policy(lifo_slot=False)) == poll_order(plan, lifo_slot=False)


@given(plan=plans(), lifo_polls=st.integers(1, 5), upkeep=st.integers(1, 10))
def test_f2_with_other_limits_too(plan: Plan, lifo_polls: int, upkeep: int) -> None:
    policy = ss.Policy(lifo_polls=lifo_polls, event_interval=upkeep)
    assert polled(plan, policy) == poll_order(plan, lifo_polls=lifo_polls, upkeep=upkeep)


@pytest.mark.parametrize("lifo_slot", [True, False])
def test_the_model_can_be_wrong(lifo_slot: bool) -> None:
    """The two orders differ, so a model of the one does not pass for the other."""
    plan: Plan = [[1, 2, 3], [None], [], []]
    assert polled(plan, ss.Policy(lifo_slot=lifo_slot)) != poll_order(plan, lifo_slot=not lifo_slot)


def test_a_program_that_fills_the_queue_is_not_for_the_model() -> None:
    with pytest.raises(ValueError, match="capacity=4"):
        poll_order([[*range(1, 10)], *([[]] * 9)], capacity=4)
