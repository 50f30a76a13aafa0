"""What each call that waits does in each kind of code: it returns at once, waits, or raises; it never hangs.

Invariant of the table: one runtime of one worker, so that whoever waits wrongly stops the rest, and the test with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stealscope as ss

LIMIT = 20.0  # seconds: only a test that fails waits so long

Call = Callable[[ss.Runtime, Any, Any], object]


async def _nothing() -> None:
    await ss.yield_now()


HANDLES: dict[str, Call] = {
    "result": lambda rt, handle, future: handle.result(LIMIT),
    "exception": lambda rt, handle, future: handle.exception(LIMIT),
    "future.result": lambda rt, handle, future: future.result(LIMIT),
    "future.exception": lambda rt, handle, future: future.exception(LIMIT),
}
RUNTIME: dict[str, Call] = {
    "block_on": lambda rt, handle, future: rt.block_on(_nothing),
    "run": lambda rt, handle, future: rt.run(ss.workloads.fib(5)),
}
DUMP: dict[str, Call] = {"dump": lambda rt, handle, future: rt.handle.dump(timeout=LIMIT)}
SHUTDOWN: dict[str, Call] = {"shutdown": lambda rt, handle, future: rt.shutdown()}


@pytest.fixture
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=1) as runtime:
        yield runtime


def _inside(rt: ss.Runtime, kind: str, act: Callable[[], object]) -> object:
    """`act()` in a task of that kind."""
    if kind == "callable":
        return rt.spawn(act).result(LIMIT)
    if kind == "blocking job":
        return rt.spawn_blocking(act).result(LIMIT)

    async def coroutine() -> object:
        if kind == "block_in_place":
            return ss.block_in_place(act)
        if kind == "blocking()":
            with ss.blocking():
                return act()
        return act()

    return rt.spawn(coroutine).result(LIMIT)


def _calls(*tables: dict[str, Call]) -> Any:
    return pytest.mark.parametrize("call", [pytest.param(call, id=name) for table in tables for name, call in table.items()])


@_calls(HANDLES)
@pytest.mark.parametrize("kind", ["coroutine", "callable", "block_in_place", "blocking()", "blocking job"])
def test_what_has_ended_is_given_at_once_everywhere(rt: ss.Runtime, kind: str, call: Call) -> None:
    handle, future = rt.spawn(int), rt.executor().submit(int)
    handle.result(LIMIT)
    future.result(LIMIT)
    assert _inside(rt, kind, lambda: call(rt, handle, future)) in (0, None)


@_calls(HANDLES)
@pytest.mark.parametrize("kind", ["callable", "block_in_place", "blocking()", "blocking job"])
def test_waiting_for_a_task_lets_it_run(rt: ss.Runtime, kind: str, call: Call) -> None:
    executor = rt.executor()
    assert _inside(rt, kind, lambda: call(rt, rt.spawn(int), executor.submit(int))) in (0, None)


@_calls(HANDLES, RUNTIME, SHUTDOWN)
def test_in_a_coroutine_waiting_raises(rt: ss.Runtime, call: Call) -> None:
    executor, gate = rt.executor(), threading.Event()

    def act() -> str:
        handle, future = rt.spawn(gate.wait, LIMIT), executor.submit(gate.wait, LIMIT)
        with pytest.raises(RuntimeError) as caught:
            call(rt, handle, future)
        gate.set()
        return str(caught.value)

    assert _inside(rt, "coroutine", act)


@_calls(HANDLES)
def test_the_error_in_a_coroutine_names_what_to_await(rt: ss.Runtime, call: Call) -> None:
    executor, gate = rt.executor(), threading.Event()

    def act() -> None:
        handle, future = rt.spawn(gate.wait, LIMIT), executor.submit(gate.wait, LIMIT)
        try:
            with pytest.raises(RuntimeError, match="await"):
                call(rt, handle, future)
        finally:
            gate.set()

    _inside(rt, "coroutine", act)


@pytest.mark.parametrize("call", [RUNTIME["block_on"], SHUTDOWN["shutdown"]], ids=["block_on", "shutdown"])
def test_in_a_callable_what_waits_for_no_handle_raises(rt: ss.Runtime, call: Call) -> None:
    def act() -> None:
        with pytest.raises(RuntimeError):
            call(rt, None, None)

    _inside(rt, "callable", act)


def test_run_in_a_callable_waits_as_on_the_handle_that_it_is(rt: ss.Runtime) -> None:
    assert _inside(rt, "callable", lambda: rt.run(ss.workloads.fib(5)).result) == 5


def test_run_that_is_refused_has_started_nothing(rt: ss.Runtime) -> None:
    async def main() -> int:
        before = rt.handle.spawned_tasks_count()
        with pytest.raises(RuntimeError, match="await"):
            rt.run(ss.workloads.fib(5))
        return rt.handle.spawned_tasks_count() - before

    assert rt.spawn(main).result(LIMIT) == 0


@pytest.mark.needs_dump
@pytest.mark.parametrize("kind", ["coroutine", "callable"])
def test_a_dump_on_a_worker_raises(rt: ss.Runtime, kind: str) -> None:
    def act() -> None:
        with pytest.raises(RuntimeError):
            rt.handle.dump()

    _inside(rt, kind, act)


@_calls(RUNTIME)
@pytest.mark.parametrize("kind", ["block_in_place", "blocking()", "blocking job"])
def test_where_the_core_is_handed_on_they_wait(rt: ss.Runtime, kind: str, call: Call) -> None:
    _inside(rt, kind, lambda: call(rt, None, None))


@pytest.mark.needs_dump
@pytest.mark.parametrize("kind", ["block_in_place", "blocking()", "blocking job"])
def test_a_dump_waits_where_the_core_is_handed_on(rt: ss.Runtime, kind: str) -> None:
    assert _inside(rt, kind, lambda: rt.handle.dump(timeout=LIMIT)) is not None


@pytest.mark.parametrize("kind", ["coroutine", "callable", "block_in_place", "blocking()", "blocking job"])
def test_shutdown_inside_never_waits_for_itself(rt: ss.Runtime, kind: str) -> None:
    def act() -> None:
        with pytest.raises(RuntimeError, match="itself"):
            rt.shutdown()

    _inside(rt, kind, act)


@pytest.mark.parametrize("call", [HANDLES["result"], HANDLES["exception"]], ids=["result", "exception"])
@pytest.mark.parametrize("kind", ["coroutine", "callable"])
def test_in_a_simulation_waiting_raises_and_says_to_await(kind: str, call: Call) -> None:
    sim = ss.Simulation(workers=1)
    messages = []

    def wait() -> None:
        handle = ss.spawn(int)
        with pytest.raises(RuntimeError, match="await") as caught:
            call(None, handle, None)  # type: ignore[arg-type]
        messages.append(str(caught.value))

    async def main() -> None:
        if kind == "coroutine":
            wait()
        else:
            await ss.spawn(wait)

    sim.block_on(main)
    assert messages


def test_with_no_thread_left_a_wait_raises_instead_of_hanging() -> None:
    gate = threading.Event()
    with ss.Runtime(workers=1, max_blocking_threads=1) as rt:
        held = rt.spawn_blocking(gate.wait, LIMIT)
        executor = rt.executor()

        def act() -> list[str]:
            handle, future, messages = rt.spawn(int), executor.submit(int), []
            for call in HANDLES.values():
                with pytest.raises(RuntimeError) as caught:
                    call(rt, handle, future)
                messages.append(str(caught.value))
            return messages

        try:
            assert len(rt.spawn(act).result(LIMIT)) == len(HANDLES)
        finally:
            gate.set()
        assert held.result(LIMIT)


def test_a_blocking_job_that_runs_is_not_interrupted(rt: ss.Runtime) -> None:
    started, gate = threading.Event(), threading.Event()

    def job() -> str:
        started.set()
        gate.wait(LIMIT)
        return "done"

    handle = rt.spawn_blocking(job)
    assert started.wait(LIMIT)
    handle.cancel()
    gate.set()
    assert handle.result(LIMIT) == "done"
    assert not handle.cancelled()


@pytest.mark.parametrize("kind", ["callable", "coroutine", "blocking"])
def test_a_traceback_ends_where_the_task_failed(rt: ss.Runtime, kind: str) -> None:
    def fail() -> None:
        raise LookupError("lost")

    async def fail_later() -> None:
        await ss.yield_now()
        fail()

    def spawn() -> Any:
        return {"callable": lambda: rt.spawn(fail), "coroutine": lambda: rt.spawn(fail_later)}.get(
            kind, lambda: rt.spawn_blocking(fail)
        )()

    with pytest.raises(LookupError) as caught:
        spawn().result(LIMIT)
    assert caught.traceback[-1].name == "fail"

    async def main() -> str:
        with pytest.raises(LookupError) as inner:
            await spawn()
        return inner.traceback[-1].name

    assert rt.spawn(main).result(LIMIT) == "fail"
    error = spawn().exception(LIMIT)
    assert isinstance(error, LookupError)
    assert error.__traceback__ is not None
