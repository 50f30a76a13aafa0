"""What a task may ask for: time, deadlines, turns, blocking, its runtime; and what it may not await."""

# ruff: noqa: PT012 - the block that raises is the thing under test
from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stealscope as ss
from stealscope import inside, sync

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


async def _for_ever() -> None:
    await sync.Event().wait()


# ---- time and turns ----


def test_sleep_takes_that_long_and_lets_others_run(one: ss.Runtime) -> None:
    async def main() -> list[str]:
        order: list[str] = []

        async def child(name: str, seconds: float) -> None:
            await inside.sleep(seconds)
            order.append(name)

        start = time.monotonic()
        for handle in [inside.spawn(child, "late", 0.04), inside.spawn(child, "soon", 0.01)]:
            await handle
        assert time.monotonic() - start >= 0.04
        return order

    assert run(one, main) == ["soon", "late"]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "1", None])
def test_durations_are_checked_at_the_call(seconds: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="seconds="):
        inside.sleep(seconds)


def test_yield_now_goes_behind_what_is_ready(one: ss.Runtime) -> None:
    async def main() -> list[int]:
        order: list[int] = []

        async def child(number: int) -> None:
            order.append(number)

        handles = [inside.spawn(child, number) for number in range(3)]
        await inside.yield_now()
        order.append(99)
        for handle in handles:
            await handle
        return order

    order = run(one, main)
    assert order[-1] == 99
    assert sorted(order) == [0, 1, 2, 99]


def test_consume_budget_gives_way_once_in_a_while(one: ss.Runtime) -> None:
    async def main() -> int:
        other = inside.spawn(_note_that_it_ran)
        for turn in range(10_000):
            await inside.consume_budget()
            if other.done():
                return turn
        return -1

    assert 0 < run(one, main) <= 1000


async def _note_that_it_ran() -> None:
    pass


def test_work_keeps_the_worker_busy(one: ss.Runtime) -> None:
    async def main() -> float:
        start = time.monotonic()
        await inside.work(0.01)
        await inside.work(ns=5_000_000)
        return time.monotonic() - start

    assert run(one, main) >= 0.015
    for arguments in ({}, {"seconds": 1.0, "ns": 1}):
        with pytest.raises(TypeError, match="ns="):
            inside.work(**arguments)
    with pytest.raises(TypeError):
        inside.work(ns=0.5)  # type: ignore[arg-type]


# ---- interval ----


def test_an_interval_ticks_at_once_and_then_on_its_grid(one: ss.Runtime) -> None:
    async def main() -> tuple[list[int], float]:
        start, ticks = time.monotonic(), []
        async for tick in inside.interval(0.01):
            ticks.append(tick)
            if tick == 3:
                break
        return ticks, time.monotonic() - start

    ticks, took = run(one, main)
    assert ticks == [0, 1, 2, 3]
    assert took >= 0.03


@pytest.mark.parametrize(
    ("missed", "expected"),
    [("burst", [0, 1, 2, 3]), ("delay", [0, 1, 2, 3])],
)
def test_missed_ticks_are_caught_up_or_delayed(one: ss.Runtime, missed: Any, expected: list[int]) -> None:
    async def main() -> tuple[list[int], float]:
        start, ticks = time.monotonic(), []
        async for tick in inside.interval(0.02, missed):
            ticks.append(tick)
            if tick == 0:
                await inside.work(0.05)
            if tick == 3:
                break
        return ticks, time.monotonic() - start

    ticks, took = run(one, main)
    assert ticks == expected
    # The grid of "burst" ends at 60 ms; that of "delay" begins anew after the late tick.
    assert took >= (0.06 if missed == "burst" else 0.09)


def test_missed_ticks_are_left_out(one: ss.Runtime) -> None:
    async def main() -> list[int]:
        ticks = []
        async for tick in inside.interval(0.02, "skip"):
            ticks.append(tick)
            if tick == 0:
                await inside.work(0.07)  # ticks 1 (late), 2 and 3 (missed)
            if len(ticks) == 3:
                break
        return ticks

    first, late, after = run(one, main)
    assert (first, late) == (0, 1)
    assert after >= 4


def test_an_interval_checks_its_arguments() -> None:
    with pytest.raises(ValueError, match="yield_now"):
        inside.interval(0)
    with pytest.raises(ValueError, match="'burst', 'skip' or 'delay'"):
        inside.interval(1, "later")  # type: ignore[arg-type]


# ---- timeout ----


def test_a_timeout_that_expires_raises_timeout_error(one: ss.Runtime) -> None:
    async def main() -> tuple[bool, int]:
        with pytest.raises(TimeoutError):
            async with inside.timeout(0.01) as limit:
                await _for_ever()
        return limit.expired(), inside.current_task().cancelling()

    assert run(one, main) == (True, 0)


def test_a_timeout_that_does_not_expire_changes_nothing(one: ss.Runtime) -> None:
    async def main() -> bool:
        async with inside.timeout(10) as limit:
            await inside.sleep(0.001)
        await inside.sleep(0.001)
        return limit.expired()

    assert run(one, main) is False


def test_no_limit_until_it_is_rescheduled(one: ss.Runtime) -> None:
    async def main() -> None:
        async with inside.timeout(None) as limit:
            assert limit.when() is None
            await inside.sleep(0.001)
        with pytest.raises(TimeoutError):
            async with inside.timeout(10) as limit:
                when = limit.when()
                assert when is not None
                limit.reschedule(when - 9.99)
                await _for_ever()
        with pytest.raises(RuntimeError, match=r"expired|left"):
            limit.reschedule(None)
        async with inside.timeout(0.01) as limit:
            limit.reschedule(None)
            await inside.sleep(0.03)

    run(one, main)


@pytest.mark.parametrize("inner_first", [True, False])
def test_of_two_nested_timeouts_the_one_that_expires_raises(one: ss.Runtime, inner_first: bool) -> None:
    async def main() -> tuple[bool, bool]:
        outer_limit, inner_limit = (10.0, 0.01) if inner_first else (0.01, 10.0)
        with pytest.raises(TimeoutError):
            async with inside.timeout(outer_limit) as outer:
                if inner_first:
                    with pytest.raises(TimeoutError):
                        async with inside.timeout(inner_limit) as inner:
                            await _for_ever()
                    raise TimeoutError
                async with inside.timeout(inner_limit) as inner:
                    await _for_ever()
        return outer.expired(), inner.expired()

    assert run(one, main) == (not inner_first, inner_first)


def test_both_nested_timeouts_may_expire_at_once(one: ss.Runtime) -> None:
    async def main() -> int:
        with pytest.raises(TimeoutError):
            async with inside.timeout(0.001), inside.timeout(0.001):
                await inside.work(0.02)
                await _for_ever()
        await inside.sleep(0.001)  # no request to cancel is left over
        return inside.current_task().cancelling()

    assert run(one, main) == 0


def test_a_cancellation_from_outside_is_no_timeout(one: ss.Runtime) -> None:
    seen: list[type[BaseException]] = []

    async def main() -> None:
        try:
            async with inside.timeout(10):
                await _for_ever()
        except BaseException as error:
            seen.append(type(error))
            raise

    handle = one.spawn(main)
    time.sleep(0.02)
    handle.cancel()
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    assert seen == [asyncio.CancelledError]


def test_its_own_timeout_error_is_not_hidden_by_an_error_of_the_block(one: ss.Runtime) -> None:
    async def main() -> None:
        async with inside.timeout(0.01):
            try:
                await _for_ever()
            except ss.Cancelled:
                raise KeyError("mine") from None

    with pytest.raises(KeyError):
        run(one, main)


def test_a_timeout_is_entered_once_and_in_a_task(one: ss.Runtime) -> None:
    async def main() -> None:
        limit = inside.timeout(1)
        with pytest.raises(RuntimeError, match="before"):
            limit.reschedule(None)
        async with limit:
            pass
        with pytest.raises(RuntimeError, match="entered before"):
            async with limit:
                pass

    run(one, main)
    with pytest.raises(RuntimeError, match="outside every stealscope runtime"):
        inside.timeout(1)


def test_a_timeout_works_under_block_on(rt: ss.Runtime) -> None:
    async def main() -> str:
        try:
            async with inside.timeout(0.01):
                await _for_ever()
        except TimeoutError:
            return "late"
        return "in time"

    assert rt.block_on(main) == "late"


# ---- cancelling ----


def test_a_request_to_cancel_is_thrown_in_once(one: ss.Runtime) -> None:
    thrown = []
    ready = threading.Event()

    async def main() -> str:
        ready.set()
        try:
            await _for_ever()
        except ss.Cancelled:
            thrown.append(1)
        await inside.sleep(0.001)  # cleanup may await
        return "survived"

    handle = one.spawn(main)
    assert ready.wait(LIMIT)
    time.sleep(0.01)
    assert handle.cancel()
    assert handle.result(LIMIT) == "survived"
    assert not handle.cancelled()
    assert thrown == [1]
    assert not handle.cancel()


@pytest.mark.parametrize("wait", ["event", "event within a timeout", "timeout"])
def test_a_cancel_at_the_instant_at_which_the_wait_is_over_is_not_swallowed(wait: str) -> None:
    accepted = []

    async def victim(event: ss.Event) -> None:
        if wait == "event":
            await event.wait()
        else:
            async with ss.timeout(1.0 if wait == "timeout" else 2.0):
                await (_for_ever() if wait == "timeout" else event.wait())
        await ss.sleep(10.0)

    async def main() -> None:
        event = ss.Event()
        task = ss.spawn(victim, event)
        await ss.yield_now()  # so that the victim's timer is the first of the two that are due in one tick
        await ss.sleep(1.0)  # woken second, polled first: from the LIFO slot
        event.set()
        accepted.append(task.cancel())
        with pytest.raises(ss.Cancelled if accepted[-1] else TimeoutError):
            await task

    for workers in (1, 2):
        assert ss.Simulation(workers).explore(main, preemptions=1).failure is None
    assert any(accepted)


def test_uncancel_takes_a_request_back(one: ss.Runtime) -> None:
    async def main() -> list[int]:
        task = inside.current_task()
        task.cancel()
        counts = [task.cancelling(), task.uncancel()]
        await inside.sleep(0.001)
        return counts

    assert run(one, main) == [1, 0]


def test_shutdown_throws_at_every_await() -> None:
    thrown = []
    started = threading.Event()

    async def main() -> None:
        started.set()
        for _ in range(3):
            try:
                await _for_ever()
            except ss.Cancelled:
                thrown.append(1)

    runtime = ss.Runtime(workers=1)
    handle = runtime.spawn(main)
    assert started.wait(LIMIT)
    time.sleep(0.01)
    assert runtime.shutdown(cancel=True, timeout=LIMIT)
    assert handle.done()
    assert thrown == [1, 1, 1]


def test_a_cancelled_error_that_nobody_asked_for_cancels_too(one: ss.Runtime) -> None:
    async def main() -> None:
        raise ss.Cancelled("by hand")

    handle = one.spawn(main)
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    assert handle.cancelled()


# ---- waiting on a worker ----


def test_result_in_a_coroutine_names_await(one: ss.Runtime) -> None:
    async def main() -> None:
        inside.spawn(_for_ever_short).result()

    with pytest.raises(RuntimeError, match="await"):
        run(one, main)


async def _for_ever_short() -> None:
    await inside.sleep(0.05)


def test_result_in_a_callable_on_one_worker_does_not_hang(one: ss.Runtime) -> None:
    def outer() -> int:
        return int(inside.spawn(lambda: 42).result(LIMIT)) + 1

    assert run(one, outer) == 43


def test_callables_of_two_runtimes_that_wait_for_each_other_do_not_hang(one: ss.Runtime) -> None:
    with ss.Runtime(workers=1) as other:

        def middle() -> int:
            return int(one.spawn(lambda: 1).result(LIMIT)) + 1  # its only worker is in the wait below

        def outer() -> int:
            return int(other.spawn(middle).result(LIMIT)) + 1

        assert run(one, outer) == 3


def test_block_in_place_lets_others_run(one: ss.Runtime) -> None:
    async def main() -> int:
        event = threading.Event()
        inside.spawn(event.set)
        assert inside.block_in_place(event.wait, LIMIT)
        await inside.sleep(0.001)
        return inside.block_in_place(lambda a, b: a + b, 1, 2)

    assert run(one, main) == 3


def test_block_in_place_raises_what_the_function_raised(one: ss.Runtime) -> None:
    async def main() -> None:
        inside.block_in_place({}.__getitem__, "absent")

    with pytest.raises(KeyError, match="absent"):
        run(one, main)
    with pytest.raises(TypeError, match="async"):
        inside.block_in_place(_for_ever)
    assert inside.block_in_place(divmod, 7, 2) == (3, 1)  # on a thread without a runtime it just calls


def test_blocking_hands_the_core_on(one: ss.Runtime) -> None:
    async def main() -> list[int]:
        results = []
        for number in range(3):
            with inside.blocking():
                results.append(inside.spawn(lambda n=number: n).result(LIMIT))
            await inside.sleep(0.001)
        return results

    assert run(one, main) == [0, 1, 2]


def test_blocking_may_be_nested_and_left_by_an_error(one: ss.Runtime) -> None:
    def main() -> str:
        with pytest.raises(KeyError), inside.blocking():
            with inside.blocking():
                assert inside.spawn(int).result(LIMIT) == 0
            raise KeyError
        return "left"

    assert run(one, main) == "left"
    with inside.blocking():
        pass  # outside a task it changes nothing


def test_awaiting_inside_blocking_raises(one: ss.Runtime) -> None:
    async def main() -> str:
        with inside.blocking():
            try:
                await inside.sleep(0)
            except RuntimeError as error:
                message = str(error)
        await inside.sleep(0.001)
        return message

    assert "blocking()" in run(one, main)
    assert one.spawn(int).result(LIMIT) == 0


def test_blocking_that_was_never_left_does_no_harm(one: ss.Runtime) -> None:
    def main() -> None:
        inside.blocking().__enter__()

    run(one, main)
    assert one.spawn(int).result(LIMIT) == 0


def test_without_a_thread_left_blocking_raises() -> None:
    def in_scope() -> None:
        with inside.blocking():
            pass

    def in_function() -> None:
        inside.block_in_place(int)

    def by_waiting() -> None:
        inside.spawn(int).result()

    go = threading.Event()
    with ss.Runtime(workers=1, max_blocking_threads=1) as runtime:
        job = runtime.spawn_blocking(go.wait, LIMIT)  # has the one thread
        for main in (in_scope, in_function, by_waiting):
            with pytest.raises(RuntimeError, match="max_blocking_threads"):
                run(runtime, main)
        assert runtime.spawn(int).result(LIMIT) == 0
        go.set()
        assert job.result(LIMIT)


# ---- where am I ----


def test_current_is_the_runtime_in_all_kinds_of_code(rt: ss.Runtime) -> None:
    async def coroutine() -> bool:
        return inside.current() == rt.handle

    def callable_() -> bool:
        return inside.current() == rt.handle

    assert run(rt, coroutine)
    assert run(rt, callable_)
    assert rt.spawn_blocking(callable_).result(LIMIT)
    assert rt.block_on(coroutine)
    with pytest.raises(RuntimeError, match="Runtime"):
        inside.current()
    with pytest.raises(RuntimeError):
        inside.spawn(int)
    with pytest.raises(RuntimeError):
        inside.current_task()


def test_a_task_knows_itself(rt: ss.Runtime) -> None:
    async def main() -> tuple[int, str]:
        task = inside.current_task()
        await inside.yield_now()
        assert task == inside.current_task()
        return task.id, task.name

    handle = rt.spawn(main, name="me")
    assert handle.result(LIMIT) == (handle.id, "me")


def test_contextvars_come_along(rt: ss.Runtime) -> None:
    variable = contextvars.ContextVar("variable", default=0)

    async def main() -> list[int]:
        seen = [variable.get()]
        variable.set(2)
        child = inside.spawn(variable.get)
        variable.set(3)
        return [*seen, await child, variable.get()]

    variable.set(1)
    assert run(rt, main) == [1, 2, 3]
    assert variable.get() == 1


# ---- what is not ours ----


class _Foreign:
    def __await__(self) -> Iterator[Any]:
        yield self


class _Bare:
    def __await__(self) -> Iterator[None]:
        yield


async def _await(awaitable: Any) -> Any:
    return await awaitable


def test_what_yields_something_foreign_gets_a_type_error_naming_it(one: ss.Runtime) -> None:
    with pytest.raises(TypeError, match="_Foreign"):
        run(one, _await, _Foreign())
    with pytest.raises(TypeError, match="bare None"):
        run(one, _await, _Bare())
    with pytest.raises(TypeError, match="bare None"):
        run(one, _await, asyncio.sleep(0))


@pytest.mark.parametrize(
    ("make", "ours"),
    [
        (lambda: asyncio.sleep(1), "stealscope.sleep"),
        (lambda: asyncio.wait_for(None, 1), "stealscope.timeout"),  # type: ignore[arg-type]
        (lambda: _enter(asyncio.timeout(1)), "stealscope.timeout"),
    ],
)
def test_what_asks_for_a_loop_fails_with_a_note(one: ss.Runtime, make: Any, ours: str) -> None:
    async def main() -> None:
        await make()

    with pytest.raises(RuntimeError, match="no running event loop") as caught:
        run(one, main)
    assert ours in caught.value.__notes__[0]


async def _enter(manager: Any) -> None:
    async with manager:
        pass


def test_other_errors_get_no_note(one: ss.Runtime) -> None:
    async def main() -> None:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else") as caught:
        run(one, main)
    assert not hasattr(caught.value, "__notes__")
