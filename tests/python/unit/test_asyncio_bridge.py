"""Handles awaited in asyncio, and asyncio awaited in a task."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import stealscope as ss
from stealscope import inside, sync
from stealscope._asyncio_bridge import from_asyncio

LIMIT = 20.0  # seconds: only a test that fails waits so long


@pytest.fixture
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=2) as runtime:
        yield runtime


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def run(runtime: ss.Runtime, main: Any, *args: Any) -> Any:
    return runtime.spawn(main, *args).result(LIMIT)


async def _for_ever() -> None:
    await sync.Event().wait()


# ---- handles in asyncio ----


def test_a_handle_is_awaited_in_asyncio(rt: ss.Runtime) -> None:
    async def child(number: int) -> int:
        await inside.sleep(0.001 * (number % 4))
        return number

    async def main() -> list[int]:
        return [await handle for handle in [rt.spawn(child, number) for number in range(50)]]

    assert asyncio.run(main()) == list(range(50))


def test_many_handles_at_once_and_one_that_has_ended(rt: ss.Runtime) -> None:
    async def main() -> list[Any]:
        ended = rt.spawn(abs, -7)
        ended.result(LIMIT)

        async def one(handle: Any) -> Any:
            return await handle

        return await asyncio.gather(one(ended), one(ended), *(one(rt.spawn(abs, -n)) for n in range(200)))

    assert asyncio.run(main()) == [7, 7, *range(200)]


def test_errors_and_cancellation_come_through(rt: ss.Runtime) -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await rt.spawn(divmod, 1, 0)
        handle = rt.spawn(_for_ever)
        handle.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handle

    asyncio.run(main())


def test_cancelling_the_awaiter_does_not_cancel_the_task(rt: ss.Runtime) -> None:
    event = sync.Event()

    async def child() -> str:
        await event.wait()
        return "lives"

    async def main() -> str:
        handle = rt.spawn(child)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await handle
        assert not handle.done()
        event.set()
        return await handle  # type: ignore[no-any-return]

    assert asyncio.run(main()) == "lives"


def test_the_loop_goes_on_meanwhile(rt: ss.Runtime) -> None:
    event = sync.Event()

    async def child() -> None:
        await event.wait()

    async def main() -> None:
        asyncio.get_running_loop().call_later(0.005, event.set)
        await rt.spawn(child)

    asyncio.run(main())


def test_a_loop_that_closes_first_does_no_harm(rt: ss.Runtime) -> None:
    event = sync.Event()

    async def child() -> int:
        await event.wait()
        return 1

    handles: list[Any] = []

    async def main() -> None:
        handles.append(rt.spawn(child))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await handles[0]

    asyncio.run(main())
    event.set()
    assert handles[0].result(LIMIT) == 1


def test_many_ends_while_the_loop_is_busy_wake_it_once(rt: ss.Runtime) -> None:
    async def main() -> tuple[list[int], int]:
        loop = asyncio.get_running_loop()
        calls = 0

        def count(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            return call_soon(*args, **options)

        call_soon, loop.call_soon_threadsafe = loop.call_soon_threadsafe, count  # type: ignore[method-assign]
        gate = sync.Event()

        async def child(number: int) -> int:
            await gate.wait()
            return number

        handles = [rt.spawn(child, number) for number in range(100)]
        waiters = [asyncio.ensure_future(handle) for handle in handles]
        await asyncio.sleep(0)  # now all of them wait
        gate.set()
        for handle in handles:
            handle.result(LIMIT)  # the loop is busy meanwhile
        return await asyncio.gather(*waiters), calls

    values, calls = asyncio.run(main())
    assert values == list(range(100))
    assert calls <= 2  # the last end may be known here before its callback has run


def test_an_exception_has_its_traceback_and_its_cause(rt: ss.Runtime) -> None:
    def fail() -> None:
        raise KeyError("lost")

    async def main() -> None:
        with pytest.raises(KeyError, match="lost") as caught:
            await rt.spawn(fail)
        assert caught.traceback[-1].name == "fail"
        with pytest.raises(RuntimeError, match="StopIteration") as carried:
            await rt.spawn(next, iter(()))
        assert isinstance(carried.value.__cause__, StopIteration)

    asyncio.run(main())


def test_a_dropped_loop_is_let_go(rt: ss.Runtime) -> None:
    loop = asyncio.new_event_loop()

    async def main() -> int:
        return await rt.spawn(abs, -1)  # type: ignore[no-any-return]

    assert loop.run_until_complete(main()) == 1
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None


def test_without_a_loop_it_says_what_to_do(rt: ss.Runtime) -> None:
    async def main() -> None:
        await rt.spawn(int)

    with pytest.raises(RuntimeError, match="result"):
        main().send(None)


# ---- asyncio in a task ----


def test_an_awaitable_runs_on_the_loop(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    async def there(value: int) -> tuple[int, bool]:
        await asyncio.sleep(0.001)
        return value, asyncio.get_running_loop() is loop

    async def main() -> list[Any]:
        return [await from_asyncio(there(number), loop) for number in range(5)]

    assert run(rt, main) == [(number, True) for number in range(5)]
    assert rt.block_on(main) == [(number, True) for number in range(5)]


def test_errors_come_back(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    async def there() -> None:
        await asyncio.sleep(0)
        raise KeyError("there")

    async def main() -> None:
        await from_asyncio(there(), loop)

    with pytest.raises(KeyError, match="there"):
        run(rt, main)


def test_cancelling_the_task_cancels_there_and_waits_for_its_cleanup(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    started, cleaned = threading.Event(), []

    async def there() -> None:
        started.set()
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(0.005)
            cleaned.append(1)

    async def main() -> None:
        await from_asyncio(there(), loop)

    handle = rt.spawn(main)
    assert started.wait(LIMIT)
    handle.cancel()
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    assert cleaned == [1]


def test_a_timeout_crosses_too(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    async def main() -> str:
        try:
            async with inside.timeout(0.01):
                await from_asyncio(asyncio.sleep(1000), loop)
        except TimeoutError:
            return "late"
        return "in time"

    assert run(rt, main) == "late"


def test_cancelled_there_is_cancelled_here(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    async def there() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1000)

    async def main() -> str:
        try:
            await from_asyncio(there(), loop)
        except ss.Cancelled:
            return "cancelled"
        return "not"

    assert run(rt, main) == "cancelled"


def test_what_runs_there_may_refuse_to_be_cancelled(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    started = threading.Event()

    async def there() -> str:
        started.set()
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            return "stays"
        return "slept"

    handle = rt.spawn(from_asyncio, there(), loop)
    assert started.wait(LIMIT)
    handle.cancel()
    assert handle.result(LIMIT) == "stays"


def test_an_error_of_the_cleanup_there_is_raised_here(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    started = threading.Event()

    async def there() -> None:
        started.set()
        try:
            await asyncio.sleep(1000)
        finally:
            raise LookupError("cleanup")

    handle = rt.spawn(from_asyncio, there(), loop)
    assert started.wait(LIMIT)
    handle.cancel()
    with pytest.raises(LookupError, match="cleanup"):
        handle.result(LIMIT)


def test_a_second_cancellation_stops_waiting(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    started, cleaning, done = threading.Event(), threading.Event(), threading.Event()

    async def there() -> None:
        started.set()
        try:
            await asyncio.sleep(1000)
        finally:
            cleaning.set()
            while not done.is_set():
                await asyncio.sleep(0.001)

    handle = rt.spawn(from_asyncio, there(), loop)
    assert started.wait(LIMIT)
    handle.cancel()
    assert cleaning.wait(LIMIT)
    handle.cancel()
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    done.set()


def test_a_cancelling_shutdown_does_not_wait_for_a_loop(loop: asyncio.AbstractEventLoop) -> None:
    started, done = threading.Event(), threading.Event()

    async def there() -> None:
        started.set()
        try:
            await asyncio.sleep(1000)
        finally:
            while not done.is_set():
                await asyncio.sleep(0.001)

    runtime = ss.Runtime(workers=1)
    handle = runtime.spawn(from_asyncio, there(), loop)
    assert started.wait(LIMIT)
    assert runtime.shutdown(cancel=True, timeout=LIMIT)
    assert handle.cancelled()
    done.set()


def test_a_loop_that_was_closed_meanwhile_does_not_hold_a_cancelled_task(rt: ss.Runtime) -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    pending = asyncio.Future(loop=loop)  # type: ignore[var-annotated]
    handle = rt.spawn(from_asyncio, pending, loop)
    while not pending._callbacks:  # type: ignore[attr-defined]
        inside._core.spin_ns(1000)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    handle.cancel()
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)


def test_contextvars_go_over_with_it(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def there() -> str:
        seen = variable.get()
        variable.set("there")
        return seen

    async def main() -> tuple[str, str]:
        variable.set("here")
        return await from_asyncio(there(), loop), variable.get()

    assert run(rt, main) == ("here", "here")


def test_an_exception_from_there_has_its_traceback(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    async def fail() -> None:
        raise KeyError("there")

    async def main() -> str:
        with pytest.raises(KeyError) as caught:
            await from_asyncio(fail(), loop)
        return caught.traceback[-1].name

    assert run(rt, main) == "fail"


def test_it_refuses_what_it_cannot_run(rt: ss.Runtime, loop: asyncio.AbstractEventLoop) -> None:
    idle = asyncio.new_event_loop()

    async def main() -> None:
        with pytest.raises(TypeError, match="await"):
            await from_asyncio(3, loop)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="loop="):
            await from_asyncio(asyncio.sleep(0), None)  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="not running"):
            await from_asyncio(asyncio.sleep(0), idle)

    run(rt, main)
    idle.close()


def test_the_loop_of_the_same_thread_is_refused(rt: ss.Runtime) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def inner() -> None:
            await from_asyncio(asyncio.sleep(0), loop)

        with pytest.raises(RuntimeError, match="this very thread"):
            rt.block_on(inner)

    asyncio.run(main())
