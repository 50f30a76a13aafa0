"""Runtime.executor(): a real Executor whose futures end, wherever they are waited for."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
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
