"""Cancelling at the worst moment: what a task waits for comes at the very time at which it is cancelled.

Each case runs a small program on three simulated workers whose steps cost nothing, with the cancel before, at and after the
other event, and each of these under the first hundred schedules that differ from the ordinary one in up to two decisions. It asks
that nothing was lost or taken twice. Invariant: a case counts only if it saw the task end in both ways.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
import stealscope as ss

LIMIT = 20.0  # seconds: only a test that fails waits so long
EVENT_AT, SPAN = 1_000, 2_000  # ns of virtual time

_seen: set[str] = set()
_cancel_after = 0


def holds(main: Callable[[], Any]) -> None:
    """`main` raises in no run, and the cancelled task ended in both ways: cancelled, and as if it had not been."""
    global _cancel_after
    _seen.clear()
    sim = ss.Simulation(workers=3, policy=ss.Policy(lifo_slot=False), costs=ss.Costs.zero())
    for _cancel_after in (0, EVENT_AT, SPAN):
        found = sim.explore(main, max_schedules=100)
        assert found.failure is None, f"cancelled after {_cancel_after} ns: {found}"
    assert _seen == {"cancelled", "not"}


async def _outcome(handle: Any) -> Any:
    """The task's value, or "cancelled"."""
    try:
        value = await handle
    except ss.Cancelled:
        _seen.add("cancelled")
        return "cancelled"
    _seen.add("not")
    return value


async def _ends_at_once(handle: Any, act: Callable[[], object]) -> Any:
    """Once it waits, cancel `handle` on one worker while this one acts and a third is free."""

    begun = ss.Event()

    async def cancel() -> None:
        begun.set()
        await ss.work(ns=_cancel_after)
        handle.cancel()

    await ss.sleep(1e-3)
    canceller = ss.spawn(cancel)
    await begun.wait()  # woken on its worker, which is busy, and so stolen by another
    await ss.work(ns=EVENT_AT)
    act()
    outcome = await _outcome(handle)
    await canceller
    return outcome


@pytest.mark.parametrize("make", [ss.Lock, lambda: ss.Semaphore(1)], ids=["Lock", "Semaphore"])
def test_during_acquire_a_permit_is_neither_lost_nor_doubled(make: Callable[[], Any]) -> None:
    async def main() -> None:
        lock = make()

        async def acquire() -> bool:
            return await lock.acquire()  # type: ignore[no-any-return]

        await lock.acquire()
        waiter, behind = ss.spawn(acquire), ss.spawn(acquire)
        outcome = await _ends_at_once(waiter, lock.release)
        if outcome is True:
            lock.release()
        assert await behind is True  # it was passed on
        assert not lock.try_acquire()
        lock.release()
        assert lock.try_acquire()

    holds(main)


def test_during_async_with_the_lock_is_free_afterwards() -> None:
    async def main() -> None:
        lock = ss.Lock()

        async def user() -> None:
            async with lock:
                await ss.yield_now()

        await lock.acquire()
        first = ss.spawn(user)
        await _ends_at_once(first, lock.release)
        assert not lock.locked()

    holds(main)


def test_during_join_the_joined_task_lives_on() -> None:
    async def main() -> None:
        event = ss.Event()

        async def child() -> str:
            await event.wait()
            return "lives"

        child_handle = ss.spawn(child)

        async def join() -> Any:
            return await child_handle

        assert await _ends_at_once(ss.spawn(join), event.set) in ("lives", "cancelled")
        assert await child_handle == "lives"

    holds(main)


def test_during_event_wait() -> None:
    async def main() -> None:
        event = ss.Event()

        async def wait() -> str:
            await event.wait()
            return "set"

        assert await _ends_at_once(ss.spawn(wait), event.set) in ("set", "cancelled")
        await event.wait()

    holds(main)


def test_a_notification_for_a_cancelled_waiter_goes_to_the_next() -> None:
    async def main() -> None:
        notify = ss.Notify()

        async def wait() -> str:
            await notify.notified()
            return "told"

        first, second = ss.spawn(wait), ss.spawn(wait)
        outcome = await _ends_at_once(first, notify.notify_one)
        if outcome == "told":
            notify.notify_one()
        assert await second == "told"

    holds(main)


def test_during_cleanup_a_second_cancel_is_thrown_once_or_comes_too_late() -> None:
    async def main() -> None:
        steps: list[str] = []
        over = ss.Event()

        async def child() -> None:
            try:
                await ss.Event().wait()
            finally:
                try:
                    await over.wait()
                    steps.append("over")
                except ss.Cancelled:
                    steps.append("again")
                await ss.yield_now()  # at most one of the two waits is thrown into
                steps.append("cleaned")

        handle = ss.spawn(child)
        await ss.sleep(1e-3)
        handle.cancel()
        assert await _ends_at_once(handle, over.set) == "cancelled"
        _seen.add("cancelled" if "again" in steps else "not")
        assert steps in (["again", "cleaned"], ["over", "cleaned"], ["over"])

    holds(main)


def test_a_value_that_is_being_received_is_received_or_stays() -> None:
    async def main() -> None:
        tx, rx = ss.channel(1)

        async def receive() -> Any:
            return await rx.recv()

        outcome = await _ends_at_once(ss.spawn(receive), lambda: tx.try_send("value"))
        if outcome == "cancelled":
            outcome = await rx.recv()
        assert outcome == "value"
        assert len(rx) == 0

    holds(main)


def test_a_value_that_is_being_sent_is_sent_once_or_not_at_all() -> None:
    async def main() -> None:
        tx, rx = ss.channel(1)
        await tx.send("first")
        received = []

        async def send() -> str:
            await tx.send("second")
            return "sent"

        outcome = await _ends_at_once(ss.spawn(send), lambda: received.append(rx.try_recv()))
        if outcome == "sent":
            received.append(await rx.recv())
        await tx.send("last")
        tx.close()
        received += [value async for value in rx]
        assert received == (["first", "second", "last"] if outcome == "sent" else ["first", "last"])

    holds(main)


def test_a_oneshot_value_is_received_or_stays() -> None:
    async def main() -> None:
        tx, rx = ss.oneshot()

        async def receive() -> Any:
            return await rx

        outcome = await _ends_at_once(ss.spawn(receive), lambda: tx.send("value"))
        if outcome == "cancelled":
            outcome = await rx
        assert outcome == "value"

    holds(main)


def test_a_cancelled_waiter_at_a_barrier_has_arrived_or_left() -> None:
    async def main() -> None:
        barrier = ss.Barrier(2)

        async def arrive() -> int:
            return await barrier.wait()

        first, second = ss.spawn(arrive), []
        outcome = await _ends_at_once(first, lambda: second.append(ss.spawn(arrive)))
        if outcome == "cancelled":
            while not second[0].done() and barrier.n_waiting == 0:
                await ss.yield_now()
            if not second[0].done():  # else the round was complete before the cancel
                assert barrier.n_waiting == 1
                assert await barrier.wait() == 1
        assert await second[0] in (0, 1)
        assert barrier.n_waiting == 0

    holds(main)


def test_of_an_expiry_and_a_cancel_at_once_one_is_seen_and_none_is_left() -> None:
    def expire(limit: Any) -> None:
        with contextlib.suppress(RuntimeError):  # it has been left
            limit.reschedule(0)

    async def main() -> None:
        limits: list[Any] = []

        async def child() -> str:
            try:
                async with ss.timeout(None) as limit:
                    limits.append(limit)
                    await ss.Event().wait()
            except TimeoutError:
                assert ss.current_task().cancelling() == 0
                await ss.yield_now()  # a cancel that came after is thrown here
                return "late"
            return "never"

        outcome = await _ends_at_once(ss.spawn(child), lambda: expire(limits[0]))
        assert outcome in ("late", "cancelled")

    holds(main)


def test_a_timeout_that_expires_as_its_block_ends_leaves_nothing_behind() -> None:
    outcomes = set()
    for length in (0, EVENT_AT, SPAN):

        async def main(length: int = length) -> None:
            async def child() -> str:
                outcome = "in time"
                try:
                    async with ss.timeout(EVENT_AT / 1e9):
                        await ss.sleep(length / 1e9)
                except TimeoutError:
                    outcome = "late"
                assert ss.current_task().cancelling() == 0
                await ss.sleep(1e-6)  # a request left behind would be thrown here
                return outcome

            outcomes.add(await ss.spawn(child))

        found = ss.Simulation(workers=2, costs=ss.Costs.zero()).explore(main)
        assert found.failure is None, str(found)
    assert outcomes == {"in time", "late"}


def test_a_group_cancelled_as_its_last_child_ends_is_left_by_all() -> None:
    async def main() -> None:
        begun: list[int] = []
        ended: list[int] = []
        gate = ss.Event()

        async def child(number: int) -> None:
            begun.append(number)
            try:
                await gate.wait()
            finally:
                try:
                    await ss.yield_now()
                finally:
                    ended.append(number)

        async def parent() -> None:
            try:
                async with ss.TaskGroup() as group:
                    for number in range(2):
                        group.spawn(child, number)
            finally:
                assert sorted(ended) == sorted(begun) == [0, 1]

        await _ends_at_once(ss.spawn(parent), gate.set)

    holds(main)


@pytest.mark.parametrize(
    "wait",
    [
        lambda: ss.Event().wait(),
        lambda: ss.Notify().notified(),
        lambda: ss.Semaphore(0).acquire(),
        lambda: ss.Barrier(2).wait(),
        lambda: ss.sleep(1000),
    ],
    ids=["Event", "Notify", "Semaphore", "Barrier", "sleep"],
)
def test_a_cancelling_shutdown_ends_what_waits_and_its_cleanup(wait: Callable[[], Any]) -> None:
    waits, thrown = threading.Event(), []

    async def child() -> None:
        try:
            waits.set()
            await wait()
        finally:
            for _ in range(3):  # cleanup that will not give up is thrown at each time
                try:
                    await wait()
                except ss.Cancelled:
                    thrown.append(1)

    runtime = ss.Runtime(workers=2)
    handle = runtime.spawn(child)
    assert waits.wait(LIMIT)
    assert runtime.shutdown(cancel=True, timeout=LIMIT)
    assert handle.done()
    assert thrown == [1, 1, 1]
