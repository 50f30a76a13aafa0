"""Event, Notify, Semaphore, Lock, Barrier, channel and oneshot: order, cancellation, closing, threads that block."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import stealscope as ss
from stealscope import channels, sync
from stealscope.inside import block_in_place, blocking, current_task, sleep, spawn, yield_now

LIMIT = 20.0  # seconds: only a test that fails waits so long


@pytest.fixture
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=2) as runtime:
        yield runtime


@pytest.fixture
def one() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=1) as runtime:
        yield runtime


def run(runtime: ss.Runtime, main: Any, *args: Any) -> Any:
    return runtime.spawn(main, *args).result(LIMIT)


# ---- Event ----


def test_an_event_lets_through_who_waits_and_who_will(one: ss.Runtime) -> None:
    async def main() -> list[bool]:
        event = sync.Event()
        waiters = [spawn(_wait, event) for _ in range(3)]
        await yield_now()
        event.set()
        for waiter in waiters:
            await waiter
        await event.wait()
        event.clear()
        return [event.is_set()]

    assert run(one, main) == [False]


async def _wait(event: sync.Event) -> None:
    await event.wait()


def test_an_event_is_set_from_a_thread_and_waited_for_on_one(rt: ss.Runtime) -> None:
    event, back = sync.Event(), sync.Event()

    async def main() -> None:
        await event.wait()
        back.set()

    handle = rt.spawn(main)
    event.set()
    back.wait_blocking(LIMIT)
    handle.result(LIMIT)


def test_wait_blocking_ends_in_time() -> None:
    event = sync.Event()
    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        event.wait_blocking(0.01)
    with pytest.raises(ValueError, match="-1"):
        event.wait_blocking(-1)
    event.set()
    event.wait_blocking(0)


def test_wait_blocking_lets_the_gil_go() -> None:
    event = sync.Event()
    threading.Timer(0.02, event.set).start()
    event.wait_blocking(LIMIT)


@pytest.mark.parametrize("where", ["spawn", "block_on"])
def test_blocking_in_a_coroutine_names_the_await_form(rt: ss.Runtime, where: str) -> None:
    tx, rx = channels.channel(1)
    _, once = channels.oneshot()

    async def main() -> list[str]:
        messages = []
        for call in (sync.Event().wait_blocking, rx.recv_blocking, once.recv_blocking, lambda: tx.send_blocking(1)):
            with pytest.raises(RuntimeError, match="await") as caught:
                call()
            messages.append(str(caught.value))
        return messages

    messages = rt.block_on(main) if where == "block_on" else run(rt, main)
    for message, form in zip(messages, ("event.wait()", "rx.recv()", "await rx", "tx.send("), strict=True):
        assert form in message


def test_blocking_is_allowed_in_a_region_and_in_block_in_place(one: ss.Runtime) -> None:
    async def main() -> tuple[int, int]:
        tx, rx = channels.channel(1)
        child = spawn(_send_two, tx)
        with blocking():
            first = rx.recv_blocking(LIMIT)
        second = block_in_place(rx.recv_blocking, LIMIT)
        await child
        return first, second

    assert run(one, main) == (1, 2)


async def _send_two(tx: channels.Sender[int]) -> None:
    await tx.send(1)
    await tx.send(2)


def test_a_callable_that_blocks_hands_its_worker_on(one: ss.Runtime) -> None:
    event = sync.Event()
    waits = one.spawn(event.wait_blocking, LIMIT)
    one.spawn(event.set).result(LIMIT)
    waits.result(LIMIT)


# ---- Notify ----


def test_one_notification_is_kept_and_no_more(one: ss.Runtime) -> None:
    async def main() -> bool:
        notify = sync.Notify()
        notify.notify_one()
        notify.notify_one()
        await notify.notified()
        late = spawn(_notified, notify)
        await yield_now()
        waits = not late.done()
        notify.notify_all()
        await late
        return waits

    assert run(one, main)


async def _notified(notify: sync.Notify) -> None:
    await notify.notified()


def test_notify_all_reaches_a_wait_that_was_made_before(one: ss.Runtime) -> None:
    async def main() -> None:
        notify = sync.Notify()
        made = notify.notified()
        notify.notify_all()
        await made

    run(one, main)


# ---- Semaphore and Lock ----


def test_waiters_go_on_in_the_order_in_which_they_came(one: ss.Runtime) -> None:
    async def main() -> list[int]:
        lock, order = sync.Lock(), []

        async def child(number: int) -> None:
            async with lock:
                order.append(number)
                await yield_now()

        assert await lock.acquire() is True
        children = []
        for number in range(5):
            children.append(spawn(child, number))
            await sleep(0.001)
        lock.release()
        for waiter in children:
            await waiter
        return order

    assert run(one, main) == [0, 1, 2, 3, 4]


def test_nobody_takes_a_permit_past_those_who_wait(one: ss.Runtime) -> None:
    async def main() -> bool:
        semaphore = sync.Semaphore(1)
        await semaphore.acquire()
        waiter = spawn(_hold, semaphore)
        await sleep(0.001)
        semaphore.release()  # granted to the waiter, which has not run
        taken = semaphore.try_acquire()
        await waiter
        return taken

    assert run(one, main) is False


async def _hold(semaphore: sync.Semaphore | sync.Lock) -> None:
    async with semaphore:
        pass


def test_a_cancelled_waiter_takes_nothing(one: ss.Runtime) -> None:
    async def main() -> tuple[bool, int]:
        semaphore = sync.Semaphore(1)
        await semaphore.acquire()
        first, second = spawn(_hold, semaphore), spawn(_hold, semaphore)
        await sleep(0.001)
        semaphore.release()  # granted to the first, which is cancelled before it has looked
        first.cancel()
        await second
        return first.cancelled(), semaphore.available

    assert run(one, main) == (True, 1)


def test_a_semaphore_bounds_how_many_are_inside(rt: ss.Runtime) -> None:
    semaphore = sync.Semaphore(3)
    inside, most = 0, 0

    async def child() -> None:
        nonlocal inside, most
        async with semaphore:
            inside += 1
            most = max(most, inside)
            await yield_now()
            inside -= 1

    for handle in [rt.spawn(child) for _ in range(50)]:
        handle.result(LIMIT)
    assert most <= 3
    assert semaphore.available == 3


def test_async_with_releases_on_an_error(one: ss.Runtime) -> None:
    lock = sync.Lock()

    async def main() -> None:
        async with lock:
            raise KeyError("inside")

    with pytest.raises(KeyError):
        run(one, main)
    assert not lock.locked()


def test_a_lock_that_nobody_holds_is_not_released() -> None:
    with pytest.raises(RuntimeError, match="acquire it first"):
        sync.Lock().release()


@pytest.mark.parametrize("value", [-1, 1.5, True, "1"])
def test_a_semaphore_refuses_what_is_no_count(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="value="):
        sync.Semaphore(value)


# ---- Barrier ----


def test_a_barrier_lets_a_round_through_together(rt: ss.Runtime) -> None:
    barrier = sync.Barrier(3)

    async def child() -> list[int]:
        return [await barrier.wait(), await barrier.wait()]

    places = [handle.result(LIMIT) for handle in [rt.spawn(child) for _ in range(3)]]
    for turn in zip(*places, strict=True):
        assert sorted(turn) == [0, 1, 2]
    assert barrier.n_waiting == 0


def test_a_cancelled_waiter_has_not_arrived(one: ss.Runtime) -> None:
    async def main() -> int:
        barrier = sync.Barrier(2)
        gone = spawn(_arrive, barrier)
        await sleep(0.001)
        gone.cancel()
        with pytest.raises(ss.Cancelled):
            await gone
        return barrier.n_waiting

    assert run(one, main) == 0
    with pytest.raises(ValueError, match="parties=0"):
        sync.Barrier(0)


async def _arrive(barrier: sync.Barrier) -> None:
    await barrier.wait()


# ---- channel ----


def test_values_come_out_in_the_order_they_went_in(rt: ss.Runtime) -> None:
    tx, rx = channels.channel(4)

    async def produce() -> None:
        for number in range(100):
            await tx.send(number)
        tx.close()

    async def consume() -> list[int]:
        return [number async for number in rx]

    consumer = rt.spawn(consume)
    rt.spawn(produce)
    assert consumer.result(LIMIT) == list(range(100))


def test_each_value_goes_to_one_of_many_receivers(rt: ss.Runtime) -> None:
    tx, rx = channels.channel(8)

    async def consume() -> list[int]:
        return [number async for number in rx]

    async def produce(start: int) -> None:
        for number in range(start, start + 50):
            await tx.send(number)

    consumers = [rt.spawn(consume) for _ in range(3)]
    for producer in [rt.spawn(produce, 50 * i) for i in range(4)]:
        producer.result(LIMIT)
    tx.close()
    assert sorted(number for handle in consumers for number in handle.result(LIMIT)) == list(range(200))


def test_none_is_a_value(one: ss.Runtime) -> None:
    tx, rx = channels.channel(2)
    assert tx.try_send(None)
    assert rx.try_recv(default="nothing") is None
    assert rx.try_recv(default="nothing") == "nothing"


def test_a_full_channel_takes_no_more_at_once() -> None:
    tx, rx = channels.channel(1)
    assert tx.try_send("a")
    assert not tx.try_send("b")
    assert len(tx) == len(rx) == 1
    assert tx.capacity == 1
    assert bool(tx)
    with pytest.raises(TimeoutError):
        tx.send_blocking("c", timeout=0.005)
    assert rx.recv_blocking() == "a"
    with pytest.raises(TimeoutError):
        rx.recv_blocking(timeout=0.005)


def test_after_close_and_drain_receiving_raises(one: ss.Runtime) -> None:
    async def main() -> list[Any]:
        tx, rx = channels.channel(3)
        await tx.send(1)
        tx.close()
        with pytest.raises(ss.ChannelClosed):
            await tx.send(2)
        with pytest.raises(ss.ChannelClosed):
            tx.try_send(2)
        got = [await rx.recv()]
        with pytest.raises(ss.ChannelClosed):
            await rx.recv()
        with pytest.raises(EOFError):
            rx.try_recv()
        return [*got, [x async for x in rx], rx.is_closed()]

    assert run(one, main) == [1, [], True]


def test_closing_wakes_those_who_wait(one: ss.Runtime) -> None:
    async def main() -> None:
        _tx, rx = channels.channel(1)
        receiver = spawn(_recv, rx)
        await sleep(0.001)
        rx.close()
        with pytest.raises(ss.ChannelClosed):
            await receiver

    run(one, main)


async def _recv(rx: channels.Receiver[Any]) -> Any:
    return await rx.recv()


def test_dropping_the_senders_closes(one: ss.Runtime) -> None:
    async def main() -> None:
        tx, rx = channels.channel(1)
        receiver = spawn(_recv, rx)
        await sleep(0.001)
        del tx
        with pytest.raises(ss.ChannelClosed):
            await receiver

    run(one, main)


def test_a_cancelled_receiver_has_received_nothing(one: ss.Runtime) -> None:
    async def main() -> Any:
        tx, rx = channels.channel(1)
        receiver = spawn(_recv, rx)
        await sleep(0.001)
        await tx.send("kept")  # meant for the receiver, which has not looked
        receiver.cancel()
        with pytest.raises(ss.Cancelled):
            await receiver
        return rx.try_recv()

    assert run(one, main) == "kept"


def test_a_cancelled_sender_has_sent_nothing(one: ss.Runtime) -> None:
    async def main() -> list[Any]:
        tx, rx = channels.channel(1)
        await tx.send(1)
        sender = spawn(_send_two, tx)
        await sleep(0.001)
        sender.cancel()
        with pytest.raises(ss.Cancelled):
            await sender
        tx.close()
        return [x async for x in rx]

    assert run(one, main) == [1]


class _Thing:
    pass


def test_values_are_released(rt: ss.Runtime) -> None:
    tx, rx = channels.channel(4)
    thing = _Thing()
    gone = weakref.ref(thing)
    tx.try_send(thing)
    del thing
    assert gone() is not None
    del rx
    gc.collect()
    assert gone() is None


def test_a_channel_with_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity=0"):
        channels.channel(0)


# ---- oneshot ----


def test_a_oneshot_carries_one_value(rt: ss.Runtime) -> None:
    tx, rx = channels.oneshot()

    async def main() -> Any:
        return await rx

    handle = rt.spawn(main)
    tx.send((1, 2))
    assert handle.result(LIMIT) == (1, 2)
    with pytest.raises(RuntimeError, match="already"):
        tx.send(3)


def test_a_oneshot_whose_sender_goes_raises(one: ss.Runtime) -> None:
    tx, rx = channels.oneshot()
    assert rx.try_recv() is None
    with pytest.raises(TimeoutError):
        rx.recv_blocking(timeout=0.005)
    del tx
    with pytest.raises(ss.ChannelClosed):
        rx.recv_blocking()


def test_sending_to_nobody_raises() -> None:
    tx, rx = channels.oneshot()
    del rx
    assert tx.is_closed()
    with pytest.raises(ss.ChannelClosed, match="receiver is gone"):
        tx.send(1)


# ---- all of them ----


def test_a_primitive_belongs_to_the_first_runtime_that_waits(one: ss.Runtime) -> None:
    semaphore = sync.Semaphore(5)
    run(one, _hold, semaphore)
    with ss.Runtime(workers=1) as other, pytest.raises(RuntimeError, match="another runtime"):
        run(other, _hold, semaphore)
    assert semaphore.available == 4 or semaphore.available == 5


def test_an_await_outside_a_task_says_so() -> None:
    with pytest.raises(RuntimeError, match="outside a stealscope task"):
        _wait(sync.Event()).send(None)


def test_an_awaitable_is_awaited_once(one: ss.Runtime) -> None:
    async def main() -> None:
        event = sync.Event()
        wait = event.wait()
        other = spawn(_await, wait)
        await sleep(0.001)
        with pytest.raises(RuntimeError, match="being awaited already"):
            await wait
        event.set()
        await other
        with pytest.raises(RuntimeError, match="awaited before"):
            await wait

    run(one, main)


async def _await(awaitable: Any) -> Any:
    return await awaitable


def test_they_work_under_block_on(rt: ss.Runtime) -> None:
    async def main() -> list[int]:
        tx, rx = channels.channel(1)
        child = spawn(_send_two, tx)
        got = [await rx.recv(), await rx.recv()]
        await child
        assert current_task().id > 0
        return got

    assert rt.block_on(main) == [1, 2]


def test_they_say_what_they_are() -> None:
    tx, rx = channels.channel(2)
    once = channels.oneshot()
    for thing in (sync.Event(), sync.Notify(), sync.Semaphore(2), sync.Lock(), sync.Barrier(2), tx, rx, *once):
        assert repr(thing).startswith("<stealscope.")
