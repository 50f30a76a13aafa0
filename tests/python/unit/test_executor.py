"""Runtime.executor(): a real Executor whose futures end, wherever they are waited for."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import gc
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import stealscope as ss
from stealscope import inside

LIMIT = 20.0  # seconds: only a test that fails waits so long


@pytest.fixture
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=2) as runtime:
        yield runtime


@pytest.fixture
def one() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=1) as runtime:
        yield runtime


def test_submit_gives_a_real_future(rt: ss.Runtime) -> None:
    with rt.executor() as executor:
        assert isinstance(executor, concurrent.futures.Executor)
        future = executor.submit(int, "11", base=2)
        assert isinstance(future, concurrent.futures.Future)
        assert future.result(LIMIT) == 3
        failed = executor.submit(int, "x")
        assert isinstance(failed.exception(LIMIT), ValueError)
        with pytest.raises(ValueError, match="x"):
            failed.result(LIMIT)
        with pytest.raises(TypeError):
            executor.submit(3)  # type: ignore[arg-type]


def test_map_keeps_the_order(rt: ss.Runtime) -> None:
    with rt.executor() as executor:
        assert list(executor.map(pow, range(20), [2] * 20, timeout=LIMIT)) == [n * n for n in range(20)]


def test_wait_and_as_completed_take_its_futures(rt: ss.Runtime) -> None:
    with rt.executor() as executor:
        futures = [executor.submit(abs, -n) for n in range(10)]
        assert {f.result() for f in concurrent.futures.as_completed(futures, LIMIT)} == set(range(10))


def test_its_shutdown_waits_and_leaves_the_runtime_open(rt: ss.Runtime) -> None:
    executor = rt.executor()
    future = executor.submit(time.sleep, 0.02)
    executor.shutdown()
    assert future.done()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(int)
    assert rt.spawn(int).result(LIMIT) == 0


def test_shutdown_may_cancel_what_has_not_begun(one: ss.Runtime) -> None:
    executor, gate = one.executor(), threading.Event()
    running = executor.submit(gate.wait, LIMIT)
    while not running.running():
        time.sleep(0.001)
    waiting = [executor.submit(int) for _ in range(3)]
    executor.shutdown(wait=False, cancel_futures=True)
    gate.set()
    assert running.result(LIMIT)
    assert all(future.cancelled() for future in waiting)
    executor.shutdown()


def test_a_cancelled_future_is_never_called(one: ss.Runtime) -> None:
    executor, gate, called = one.executor(), threading.Event(), []
    running = executor.submit(gate.wait, LIMIT)
    future = executor.submit(called.append, 1)
    assert future.cancel()
    gate.set()
    running.result(LIMIT)
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(LIMIT)
    executor.shutdown()
    assert called == []


def test_futures_end_when_the_runtime_is_cancelled() -> None:
    runtime, gate = ss.Runtime(workers=1), threading.Event()
    executor = runtime.executor()
    running = executor.submit(gate.wait, LIMIT)
    while not running.running():
        time.sleep(0.001)
    waiting = [executor.submit(int) for _ in range(300)]  # a few may still run: a worker looks up now and then
    runtime.shutdown(wait=False, cancel=True)
    gate.set()
    assert running.result(LIMIT)
    assert not concurrent.futures.wait(waiting, LIMIT).not_done
    assert waiting[-1].cancelled()
    runtime.shutdown(cancel=True)
    with pytest.raises(ss.RuntimeClosed):
        executor.submit(int)
    executor.shutdown()


def test_result_in_a_callable_on_one_worker_does_not_hang(one: ss.Runtime) -> None:
    executor = one.executor()
    assert executor.submit(lambda: executor.submit(lambda: 42).result(LIMIT) + 1).result(LIMIT) == 43


def test_result_in_a_coroutine_names_the_await_form(one: ss.Runtime) -> None:
    executor, gate = one.executor(), threading.Event()

    async def main() -> str:
        future = executor.submit(gate.wait, LIMIT)
        with pytest.raises(RuntimeError, match="await") as caught:
            future.result()
        gate.set()
        with inside.blocking():
            assert future.result(LIMIT)
        return str(caught.value)

    assert "spawn" in one.spawn(main).result(LIMIT)


def test_shutdown_on_its_own_worker_hands_the_core_on(one: ss.Runtime) -> None:
    executor = one.executor()

    def main() -> bool:
        future = executor.submit(int)
        executor.shutdown()
        return future.done()

    assert one.spawn(main).result(LIMIT)


def test_asyncio_takes_it_as_an_executor(rt: ss.Runtime) -> None:
    executor = rt.executor()

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(executor, abs, -n) for n in range(20)))

    assert asyncio.run(main()) == list(range(20))


def test_shutdown_inside_its_own_call_raises_instead_of_waiting_for_itself(one: ss.Runtime) -> None:
    executor = one.executor()
    future = executor.submit(executor.shutdown)
    with pytest.raises(RuntimeError, match="waits for itself"):
        future.result(LIMIT)
    executor.shutdown()


def test_an_exception_comes_with_its_own_traceback_and_without_a_cycle(rt: ss.Runtime) -> None:
    executor = rt.executor()

    class Lost(Exception):
        pass

    def fail() -> None:
        raise Lost

    gc.disable()
    try:
        future = executor.submit(fail)
        with pytest.raises(Lost) as caught:
            future.result(LIMIT)
        assert caught.traceback[-1].name == "fail"
        gone = weakref.ref(future)
        executor.shutdown()
        rt.handle.metrics(settled=True, timeout=LIMIT)
        del future, caught
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, concurrent.futures.CancelledError, StopIteration])
def test_whatever_a_call_raises_goes_to_its_reader(rt: ss.Runtime, error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("from the call")

    future = rt.executor().submit(fail)
    assert isinstance(future.exception(LIMIT), error)
    assert not future.cancelled()
    with pytest.raises(error, match="from the call"):
        future.result(LIMIT)
    assert rt.spawn(int).result(LIMIT) == 0


def test_a_call_runs_in_a_copy_of_the_callers_context(rt: ss.Runtime) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    def read_and_write() -> int:
        seen = variable.get()
        variable.set(3)
        return seen

    variable.set(7)
    assert rt.executor().submit(read_and_write).result(LIMIT) == 7
    assert variable.get() == 7


def test_a_dropped_executor_does_what_it_was_given(one: ss.Runtime) -> None:
    executor, gate = one.executor(), threading.Event()
    futures = [executor.submit(gate.wait, LIMIT), *(executor.submit(abs, -n) for n in range(10))]
    gone = weakref.ref(executor)
    del executor
    assert gone() is not None  # what it was given keeps it
    gate.set()
    assert [future.result(LIMIT) for future in futures] == [True, *range(10)]
    del futures
    one.handle.metrics(settled=True, timeout=LIMIT)
    gc.collect()
    assert gone() is None


def test_map_gives_up_in_time_and_cancels_the_rest(one: ss.Runtime) -> None:
    executor, gate, called = one.executor(), threading.Event(), []
    running = executor.submit(gate.wait, LIMIT)
    values = executor.map(called.append, range(3), timeout=0, chunksize=2)
    with pytest.raises(TimeoutError):
        next(values)
    gate.set()
    assert running.result(LIMIT)
    executor.shutdown()
    assert called == []


def test_cancelling_an_asyncio_future_cancels_a_call_that_has_not_begun(one: ss.Runtime) -> None:
    executor, gate, called = one.executor(), threading.Event(), []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(executor, gate.wait, LIMIT)
        waiting = executor.submit(called.append, 1)
        wrapped = asyncio.wrap_future(waiting)
        wrapped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wrapped
        await asyncio.sleep(0)  # asyncio passes it on in the loop's next round
        gate.set()
        assert waiting.cancelled()
        assert await running

    asyncio.run(main())
    executor.shutdown()
    assert called == []


def test_a_future_cancelled_by_the_runtime_is_cancelled_in_asyncio() -> None:
    runtime, gate = ss.Runtime(workers=1), threading.Event()
    executor = runtime.executor()

    async def main() -> None:
        running = executor.submit(gate.wait, LIMIT)
        while not running.running():
            await asyncio.sleep(0.001)
        waiting = [executor.submit(int) for _ in range(300)]  # a few may still run: a worker looks up now and then
        wrapped = asyncio.wrap_future(waiting[-1])
        runtime.shutdown(wait=False, cancel=True)
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await wrapped

    asyncio.run(main())
    runtime.shutdown(cancel=True)
