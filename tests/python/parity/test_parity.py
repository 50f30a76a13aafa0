"""Counts and orders that users of Tokio 1.48 know: one worker, defaults, the same program, the same numbers.

Invariant: every figure here is exact. The runtime is at rest before and after, so all counters are published; one worker
makes the schedule the only one there is. The rules are those of Tokio's `multi_thread` scheduler.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import stealscope as ss
from stealscope import inside, sync

LIMIT = 20.0  # seconds: only a test that fails waits so long

pytestmark = pytest.mark.needs_metrics


@pytest.fixture
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=1) as runtime:
        runtime.handle.metrics(settled=True, timeout=LIMIT)
        yield runtime


def counts(rt: ss.Runtime, program: Callable[[], object]) -> dict[str, int]:
    """What the counters of the worker and of the scheduler rose by while a program ran."""
    before = rt.handle.metrics(settled=True, timeout=LIMIT)
    program()
    after = rt.handle.metrics(settled=True, timeout=LIMIT)
    assert after["num_alive_tasks"] == before["num_alive_tasks"]
    delta = ss.metrics_delta(before, after)
    (worker,) = delta["workers"]
    return {key: value for key, value in (delta | worker).items() if isinstance(value, int)}


def ran(rt: ss.Runtime, target: Any, *args: Any) -> dict[str, int]:
    return counts(rt, lambda: rt.spawn(target, *args).result(LIMIT))


def some(got: dict[str, int], expected: dict[str, int]) -> dict[str, int]:
    return {key: got[key] for key in expected}


# ---- the three examples ----


def test_a_root_that_spawns_ten_empty_tasks(rt: ss.Runtime) -> None:
    async def root() -> None:
        for _ in range(10):
            inside.spawn(int)

    expected = {
        "remote_schedule_count": 1,
        "local_schedule_count": 10,
        "spawned_tasks_count": 11,
        "task_poll_count": 11,
        "poll_count": 10,  # the last spawned runs from the LIFO slot, in the root's turn
    }
    assert some(ran(rt, root), expected) == expected


@pytest.mark.parametrize("yields", [0, 1, 3, 100])
def test_a_task_that_yields(rt: ss.Runtime, yields: int) -> None:
    async def root() -> None:
        for _ in range(yields):
            await inside.yield_now()

    expected = {"task_poll_count": yields + 1, "local_schedule_count": yields, "remote_schedule_count": 1}
    assert some(ran(rt, root), expected) == expected


@pytest.mark.parametrize(
    ("units", "polls", "forced"), [(0, 1, 0), (127, 1, 0), (128, 1, 1), (129, 2, 1), (256, 2, 2), (257, 3, 2)]
)
def test_a_turn_has_a_budget_of_128(rt: ss.Runtime, units: int, polls: int, forced: int) -> None:
    async def root() -> None:
        for _ in range(units):
            await inside.consume_budget()

    expected = {"task_poll_count": polls, "poll_count": polls, "budget_forced_yield_count": forced}
    assert some(ran(rt, root), expected) == expected


# ---- queues ----


@pytest.mark.parametrize(("spawns", "overflows"), [(257, 0), (258, 1), (386, 1), (387, 2)])
def test_a_full_local_queue_gives_half_of_it_away(rt: ss.Runtime, spawns: int, overflows: int) -> None:
    seen: list[int] = []

    async def root() -> None:
        for _ in range(spawns):
            inside.spawn(int)
        seen.append(inside.current().injection_queue_depth())

    expected = {
        "overflow_count": overflows,
        "local_schedule_count": spawns,
        "remote_schedule_count": 1,  # a batch of 129 does not count
        "task_poll_count": spawns + 1,
    }
    assert some(ran(rt, root), expected) == expected
    assert seen == [129 * overflows]


@pytest.mark.parametrize("length", [1, 4, 5, 8, 9, 100])
def test_a_chain_through_the_lifo_slot_has_four_polls_a_turn(rt: ss.Runtime, length: int) -> None:
    end = sync.Event()

    async def link(left: int) -> None:
        if left == 1:
            end.set()
        else:
            inside.spawn(link, left - 1)

    def program() -> None:
        rt.spawn(link, length)
        end.wait_blocking(LIMIT)

    expected = {"task_poll_count": length, "poll_count": -(-length // 4), "local_schedule_count": length - 1}
    assert some(counts(rt, program), expected) == expected


def test_the_last_spawned_runs_first_and_the_others_in_their_order(rt: ss.Runtime) -> None:
    order: list[int] = []

    async def root() -> None:
        for i in range(10):
            inside.spawn(order.append, i)

    ran(rt, root)
    assert order == [9, *range(9)]


def test_spawns_from_outside_run_in_their_order(rt: ss.Runtime) -> None:
    order: list[int] = []
    entered, go = threading.Event(), threading.Event()

    def program() -> None:
        rt.spawn(lambda: (entered.set(), go.wait(LIMIT)))
        assert entered.wait(LIMIT)
        handles = [rt.spawn(order.append, i) for i in range(40)]
        assert rt.handle.injection_queue_depth() == 40
        go.set()
        for handle in handles:
            handle.result(LIMIT)

    expected = {"remote_schedule_count": 41, "local_schedule_count": 0, "poll_count": 41, "overflow_count": 0}
    assert some(counts(rt, program), expected) == expected
    assert order == list(range(40))


@pytest.mark.parametrize("tasks", [2, 3, 10])
def test_tasks_that_yield_are_woken_last_first_so_the_first_takes_the_lifo_slot(rt: ss.Runtime, tasks: int) -> None:
    first: list[int] = []
    second: list[int] = []

    async def child(i: int) -> None:
        first.append(i)
        await inside.yield_now()
        second.append(i)

    async def root() -> None:
        for i in range(tasks):
            inside.spawn(child, i)

    ran(rt, root)
    assert first == [tasks - 1, *range(tasks - 1)]
    assert second == [first[0], *reversed(first[1:])]


def test_a_task_that_yields_waits_for_upkeep_or_an_empty_queue() -> None:
    positions = []
    for _ in range(3):
        order: list[int] = []

        async def child(i: int, order: list[int] = order) -> None:
            order.append(i)
            if i == 0:
                await inside.yield_now()
                order.append(-1)

        async def root(child: Callable[[int], Awaitable[None]] = child) -> None:
            for i in range(200):
                inside.spawn(child, i)

        with ss.Runtime(workers=1) as rt:
            rt.handle.metrics(settled=True, timeout=LIMIT)
            rt.spawn(root).result(LIMIT)
            rt.handle.metrics(settled=True, timeout=LIMIT)
        assert len(order) == 201
        positions.append(order.index(-1))
    assert len(set(positions)) == 1  # a schedule, not an accident
    assert 2 < positions[0] <= 61  # each 61 turns


def test_a_task_that_another_wakes_goes_before_what_is_queued(rt: ss.Runtime) -> None:
    order: list[str] = []
    notify = sync.Notify()

    async def woken() -> None:
        told = notify.notified()
        order.append("first")
        await told
        order.append("second")

    async def root() -> None:
        handle = inside.spawn(woken)
        await inside.yield_now()
        for i in range(3):
            inside.spawn(order.append, str(i))
        notify.notify_one()  # woken by another: it takes the LIFO slot, before all that is queued
        await handle

    ran(rt, root)
    assert order == ["first", "second", "0", "1", "2"]


# ---- wakes ----


@pytest.mark.parametrize("waiters", [1, 2, 50])
def test_a_wake_from_a_task_is_a_local_schedule_and_one_from_outside_a_remote_one(rt: ss.Runtime, waiters: int) -> None:
    async def wait(event: sync.Event) -> None:
        await event.wait()

    inner, outer = sync.Event(), sync.Event()
    handles = [rt.spawn(wait, inner) for _ in range(waiters)]
    rt.handle.metrics(settled=True, timeout=LIMIT)

    def wake_inside() -> None:
        rt.spawn(inner.set).result(LIMIT)

    got = counts_of_ending(rt, wake_inside, handles)
    assert (got["local_schedule_count"], got["remote_schedule_count"]) == (waiters, 1)
    handles = [rt.spawn(wait, outer) for _ in range(waiters)]
    rt.handle.metrics(settled=True, timeout=LIMIT)
    got = counts_of_ending(rt, outer.set, handles)
    assert (got["local_schedule_count"], got["remote_schedule_count"]) == (0, waiters)
    assert got["task_poll_count"] == waiters


def counts_of_ending(rt: ss.Runtime, program: Callable[[], object], handles: list[Any]) -> dict[str, int]:
    before = rt.handle.metrics(settled=True, timeout=LIMIT)
    program()
    for handle in handles:
        handle.result(LIMIT)
    delta = ss.metrics_delta(before, rt.handle.metrics(settled=True, timeout=LIMIT))
    return {key: value for key, value in (delta | delta["workers"][0]).items() if isinstance(value, int)}


def test_many_wakes_of_a_queued_task_are_one_poll(rt: ss.Runtime) -> None:
    event = sync.Event()

    async def wait() -> None:
        await event.wait()
        await inside.yield_now()

    def wake_often() -> None:
        for _ in range(5):
            event.set()
            event.clear()

    handle = rt.spawn(wait)
    got = counts_of_ending(rt, lambda: rt.spawn(wake_often).result(LIMIT), [handle])
    assert got["task_poll_count"] == 3  # the waker, the woken, and its second half
    assert got["local_schedule_count"] == 2


# ---- parks ----


@pytest.mark.parametrize("workers", [1, 3])
def test_a_fresh_worker_has_parked_once_for_nothing(workers: int) -> None:
    with ss.Runtime(workers=workers) as rt:
        for worker in rt.handle.metrics(settled=True, timeout=LIMIT)["workers"]:
            expected = {"park_count": 1, "park_unpark_count": 1, "noop_count": 1, "poll_count": 0, "mean_poll_time": 3278}
            assert some(worker, expected) == expected


@pytest.mark.parametrize("tasks", [1, 2, 7])
def test_each_task_from_outside_wakes_a_resting_worker_once(rt: ss.Runtime, tasks: int) -> None:
    def program() -> None:
        for _ in range(tasks):
            rt.spawn(int).result(LIMIT)
            rt.handle.metrics(settled=True, timeout=LIMIT)

    expected = {"park_count": tasks, "park_unpark_count": 2 * tasks, "noop_count": 0, "poll_count": tasks}
    assert some(counts(rt, program), expected) == expected


# ---- what is a task and what is not ----


def test_block_on_is_no_task_and_spawns_from_outside(rt: ss.Runtime) -> None:
    async def main() -> None:
        for handle in [inside.spawn(int) for _ in range(5)]:
            await handle
        await inside.yield_now()

    expected = {"spawned_tasks_count": 5, "remote_schedule_count": 5, "local_schedule_count": 0, "task_poll_count": 5}
    assert some(counts(rt, lambda: rt.block_on(main)), expected) == expected


def test_a_blocking_job_is_no_task(rt: ss.Runtime) -> None:
    expected = {"spawned_tasks_count": 0, "remote_schedule_count": 0, "poll_count": 0, "park_count": 0}
    assert some(counts(rt, lambda: rt.spawn_blocking(int).result(LIMIT)), expected) == expected
    assert rt.handle.num_blocking_threads() == 1


def test_a_task_cancelled_before_its_first_poll_is_spawned_and_takes_a_turn(rt: ss.Runtime) -> None:
    entered, go = threading.Event(), threading.Event()

    def program() -> None:
        busy = rt.spawn(lambda: (entered.set(), go.wait(LIMIT)))
        assert entered.wait(LIMIT)
        handle = rt.spawn(int)
        handle.cancel()
        go.set()
        busy.result(LIMIT)
        with pytest.raises(ss.CancelledError):
            handle.result(LIMIT)

    expected = {"spawned_tasks_count": 2, "poll_count": 2}
    assert some(counts(rt, program), expected) == expected


# ---- native workloads: the same rules without Python in the loop ----


@pytest.mark.parametrize(("tasks", "yields"), [(1, 5), (40, 5), (100, 3)])
def test_a_yield_more_of_each_task_is_a_turn_more_of_each(rt: ss.Runtime, tasks: int, yields: int) -> None:
    few = counts(rt, lambda: rt.run(ss.workloads.yield_many(tasks, yields)))
    more = counts(rt, lambda: rt.run(ss.workloads.yield_many(tasks, yields + 1)))
    # Polls of the root, which awaits its children, come from the LIFO slot and so take no turn of their own.
    assert few["poll_count"] == tasks * (yields + 1)
    assert more["poll_count"] == tasks * (yields + 2)
    assert more["spawned_tasks_count"] == few["spawned_tasks_count"]


def test_a_native_chain_has_four_polls_a_turn_too(rt: ss.Runtime) -> None:
    short = counts(rt, lambda: rt.run(ss.workloads.chained_spawn(100)))
    long = counts(rt, lambda: rt.run(ss.workloads.chained_spawn(500)))
    assert long["task_poll_count"] - short["task_poll_count"] == 400
    assert long["poll_count"] - short["poll_count"] == 100


def test_native_overflow_follows_the_same_rule(rt: ss.Runtime) -> None:
    got = [counts(rt, lambda n=n: rt.run(ss.workloads.spawn_many(n)))["overflow_count"] for n in (200, 320, 1000)]
    assert got[0] == 0
    assert got[1] == 1
    assert got[2] == 1 + (1000 - 258) // 129
