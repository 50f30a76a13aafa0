"""What can be spawned, what comes back, how it is cancelled, and what becomes of a failure that nobody reads."""

from __future__ import annotations

import contextvars
import functools
import gc
import inspect
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
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


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What goes to `sys.unraisablehook`."""
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: seen.append((args.exc_value, args.object)))
    return seen


async def twice(x: int) -> int:
    await inside.yield_now()
    return 2 * x


async def for_ever(event: sync.Event | None = None) -> None:
    await (event or sync.Event()).wait()


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Box:
    def __init__(self, value: int) -> None:
        self.value = value

    def plus(self, x: int) -> int:
        return self.value + x

    async def times(self, x: int) -> int:
        return await twice(0) + self.value * x

    def __call__(self, x: int) -> int:
        return self.value - x


class AsyncBox:
    async def __call__(self, x: int) -> int:
        return await twice(x)


# ---- targets ----


@pytest.mark.parametrize(
    ("target", "args", "expected"),
    [
        (sum, ([1, 2, 3],), 6),
        (lambda *xs: xs, (), ()),
        (functools.partial(int, base=2), ("101",), 5),
        (Box(3).plus, (4,), 7),
        (Box(3), (4,), -1),
        (Box, (4,), Box),
        (twice, (5,), 10),
        (functools.partial(twice, x=6), (), 12),
        (Box(3).times, (4,), 12),
        (AsyncBox(), (7,), 14),
    ],
    ids=str,
)
def test_what_can_be_called_or_awaited_can_be_spawned(one: ss.Runtime, target: Any, args: Any, expected: Any) -> None:
    got = one.spawn(target, *args).result(LIMIT)
    assert isinstance(got, Box) if expected is Box else got == expected


def test_a_coroutine_object_is_driven(one: ss.Runtime) -> None:
    assert one.spawn(twice(4)).result(LIMIT) == 8


def test_a_coroutine_object_takes_no_arguments(one: ss.Runtime) -> None:
    coroutine = twice(4)
    with pytest.raises(TypeError, match="takes no arguments, but 1 were given; pass the async function itself"):
        one.spawn(coroutine, 5)
    assert one.spawn(coroutine).result(LIMIT) == 8  # refused, not used up


def test_a_coroutine_object_is_spawned_once(one: ss.Runtime) -> None:
    coroutine = twice(4)
    handle = one.spawn(coroutine)
    with pytest.raises(RuntimeError, match=r"already (spawned|started).*call the async function again"):
        one.spawn(coroutine)
    assert handle.result(LIMIT) == 8
    with pytest.raises(RuntimeError, match="already started"):
        one.spawn(coroutine)


def test_a_coroutine_object_that_waits_to_begin_is_not_spawned_again(one: ss.Runtime) -> None:
    entered, go = threading.Event(), threading.Event()
    one.spawn(lambda: (entered.set(), go.wait(LIMIT)))
    assert entered.wait(LIMIT)  # the only worker is busy: nothing begins
    coroutine = twice(4)
    handle = one.spawn(coroutine)
    with pytest.raises(RuntimeError, match="already spawned"):
        one.spawn(coroutine)
    go.set()
    assert handle.result(LIMIT) == 8


def test_a_coroutine_object_that_was_started_is_refused(one: ss.Runtime) -> None:
    async def main() -> str:
        class Once:
            def __await__(self) -> Iterator[None]:
                yield

        async def waits() -> None:
            await Once()

        started = waits()
        started.send(None)
        try:
            inside.spawn(started)
        except RuntimeError as error:
            return str(error)
        finally:
            started.close()
        return "accepted"

    assert "already started" in one.spawn(main).result(LIMIT)


@pytest.mark.parametrize("target", [3, None, "sum", [twice], object()])
def test_what_cannot_be_called_is_refused_by_name(one: ss.Runtime, target: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot spawn .*need a callable, an async function, a coroutine object or a Workload"):
        one.spawn(target)


def test_a_callable_that_returns_a_coroutine_is_told_what_to_pass(one: ss.Runtime) -> None:
    with pytest.raises(TypeError, match="pass the async function itself"):
        one.spawn(lambda: twice(1)).result(LIMIT)


def test_a_callable_that_returns_an_awaitable_is_told_what_to_pass(one: ss.Runtime) -> None:
    class Later:
        def __await__(self) -> Iterator[None]:
            return iter(())

    with pytest.raises(TypeError, match="pass the async function itself"):
        one.spawn(Later).result(LIMIT)


def test_a_workload_takes_no_arguments(one: ss.Runtime) -> None:
    with pytest.raises(TypeError, match="a Workload takes no arguments, but 1 were given"):
        one.spawn(ss.workloads.fib(5), 6)
    assert one.spawn(ss.workloads.fib(10)).result(LIMIT).result == 55


def test_run_takes_what_spawn_takes_and_reports_on_it(one: ss.Runtime) -> None:
    async def double(value: int) -> int:
        await ss.yield_now()
        return 2 * value

    for target, args in ((double, (3,)), (double(3), ()), (sum, ([2, 4],))):
        report = one.run(target, *args, timeout=LIMIT)
        assert (report.result, report.engine, report.work, report.span) == (6, "threads", None, None)
        assert report.makespan > 0
    assert "sum" in repr(report)
    with pytest.raises(TypeError, match="3"):
        one.run(3)


@pytest.mark.parametrize("target", [3, twice])
def test_a_blocking_job_is_a_plain_function(one: ss.Runtime, target: Any) -> None:
    with pytest.raises(TypeError, match="spawn_blocking"):
        one.spawn_blocking(target)
    assert one.spawn_blocking(sum, [1, 2]).result(LIMIT) == 3


def test_spawn_on_begins_on_that_worker() -> None:
    with ss.Runtime(workers=3) as rt:
        rt.handle.metrics(settled=True, timeout=LIMIT)  # every worker has its thread
        threads = [rt.handle.worker_metrics(i)["thread_id"] for i in range(3)]
        for index in range(3):
            assert rt.spawn_on(index, threading.get_ident).result(LIMIT) in threads
            assert rt.spawn_on(index, twice, index).result(LIMIT) == 2 * index


def test_spawn_on_takes_a_workload(rt: ss.Runtime) -> None:
    assert rt.spawn_on(1, ss.workloads.fib(10)).result(LIMIT).result == 55


@pytest.mark.parametrize("index", [2, -1, 10**20])
def test_spawn_on_a_worker_that_is_not_there_is_an_index_error(rt: ss.Runtime, index: int) -> None:
    with pytest.raises(IndexError, match=rf"worker {index} is out of range; need 0\.\.1"):
        rt.spawn_on(index, int)


@pytest.mark.parametrize("index", [True, 0.0, "0", None])
def test_spawn_on_needs_an_integer(rt: ss.Runtime, index: Any) -> None:
    with pytest.raises(TypeError, match="need an int"):
        rt.spawn_on(index, int)


def test_a_task_has_a_number_and_a_name(rt: ss.Runtime) -> None:
    handles = [rt.spawn(int, name="first"), rt.spawn(twice, 1), rt.spawn_blocking(int, name="job")]
    assert [handle.name for handle in handles] == ["first", "", "job"]
    assert len({handle.id for handle in handles}) == 3
    assert f"{handles[0].id} 'first'" in repr(handles[0])


def test_a_task_runs_in_a_copy_of_the_callers_context(rt: ss.Runtime) -> None:
    var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="none")
    var.set("caller")

    def change() -> str:
        old = var.get()
        var.set("task")
        return old

    async def change_later() -> str:
        await inside.yield_now()
        return change()

    assert rt.spawn(change).result(LIMIT) == "caller"
    assert rt.spawn(change_later).result(LIMIT) == "caller"
    assert rt.spawn_blocking(change).result(LIMIT) == "caller"
    assert rt.block_on(change_later) == "caller"
    assert var.get() == "caller"
    given = contextvars.Context()
    assert rt.spawn(change, context=given).result(LIMIT) == "none"
    assert given[var] == "task"
    for start in (rt.spawn, rt.spawn_blocking, functools.partial(rt.spawn_on, 0), rt.handle.spawn):
        with pytest.raises(TypeError, match=r"context=\{\}; need a contextvars.Context"):
            start(change, context={})  # type: ignore[arg-type]


# ---- results ----


def fail(message: str) -> None:
    raise LookupError(message)


async def fail_later(message: str) -> None:
    await inside.yield_now()
    fail(message)


@pytest.mark.parametrize("start", ["spawn", "spawn_async", "spawn_blocking"])
def test_an_exception_comes_with_its_own_traceback(rt: ss.Runtime, start: str) -> None:
    handle = {
        "spawn": lambda: rt.spawn(fail, "why"),
        "spawn_async": lambda: rt.spawn(fail_later, "why"),
        "spawn_blocking": lambda: rt.spawn_blocking(fail, "why"),
    }[start]()
    for _ in range(2):
        with pytest.raises(LookupError, match="why") as caught:
            handle.result(LIMIT)
        assert "fail" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert handle.exception(LIMIT) is caught.value
    assert handle.done()
    assert not handle.cancelled()


def test_exception_of_a_task_that_did_well_is_none(one: ss.Runtime) -> None:
    handle = one.spawn(sum, [1])
    assert handle.exception(LIMIT) is None
    assert handle.result(0) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_exceptions_that_end_programs_go_to_the_waiter(one: ss.Runtime, error: type[BaseException]) -> None:
    def end() -> None:
        raise error("now")

    async def end_later() -> None:
        await inside.yield_now()
        end()

    for target in (end, end_later):
        with pytest.raises(error, match="now"):
            one.spawn(target).result(LIMIT)
    assert one.spawn(int).result(LIMIT) == 0


def test_a_result_that_is_late_is_a_timeout_error_and_the_task_goes_on(one: ss.Runtime) -> None:
    event = sync.Event()
    handle = one.spawn(for_ever, event)
    for call in (handle.result, handle.exception):
        with pytest.raises(TimeoutError, match=f"task {handle.id} has not ended in time"):
            call(timeout=0.01)
        with pytest.raises(TimeoutError):
            call(timeout=0)
    assert not handle.done()
    event.set()
    assert handle.result(LIMIT) is None


@pytest.mark.parametrize("timeout", [-1, float("nan"), -0.001])
def test_a_bad_timeout_is_refused(one: ss.Runtime, timeout: float) -> None:
    handle = one.spawn(int)
    for call in (handle.result, handle.exception):
        with pytest.raises(ValueError, match=r"timeout=.*need"):
            call(timeout=timeout)
    with pytest.raises(TypeError):
        handle.result(timeout="1")  # type: ignore[arg-type]


def test_a_handle_is_awaited_in_a_task(one: ss.Runtime) -> None:
    async def main() -> list[Any]:
        handle = inside.spawn(twice, 3)
        values = [await handle, await handle]
        try:
            await inside.spawn(fail, "inner")
        except LookupError as error:
            values.append(str(error))
        return values

    assert one.spawn(main).result(LIMIT) == [6, 6, "inner"]


def test_values_of_ended_tasks_are_let_go(one: ss.Runtime) -> None:
    import weakref

    boxes = [Box(i) for i in range(50)]
    gone = [weakref.ref(box) for box in boxes]
    handles = [one.spawn(lambda box: box, boxes.pop()) for _ in range(25)]
    handles += [one.spawn(box.times, 1) for box in boxes]
    for handle in handles:
        handle.result(LIMIT)
    boxes.clear()
    del handle, handles
    one.spawn(int).result(LIMIT)
    gc.collect()
    wait_until(lambda: all(ref() is None for ref in gone))


# ---- done callbacks ----


@pytest.mark.parametrize("target", [int, fail_later, for_ever])
def test_a_callback_is_called_once_at_the_end_however_it_comes(one: ss.Runtime, target: Any) -> None:
    calls: list[Any] = []
    called = threading.Event()
    go = threading.Event()
    one.spawn(go.wait, LIMIT)
    handle = one.spawn(target, *(["x"] if target is fail_later else []))
    handle.add_done_callback(lambda h: (calls.append(h), called.set()))
    assert calls == []
    go.set()
    if target is for_ever:
        handle.cancel()
    assert called.wait(LIMIT)
    wait_until(handle.done)
    assert calls == [handle]
    handle.add_done_callback(calls.append)  # after the end: at once, here
    assert calls == [handle, handle]
    if target is fail_later:
        assert isinstance(handle.exception(), LookupError)


def test_callbacks_are_called_in_their_order_and_one_that_raises_stops_none(one: ss.Runtime, unraisable: list[Any]) -> None:
    order: list[str] = []
    go = threading.Event()
    handle = one.spawn(go.wait, LIMIT)

    def bad(_: Any) -> None:
        order.append("bad")
        raise ValueError("from a callback")

    last = threading.Event()
    handle.add_done_callback(lambda _: order.append("first"))
    handle.add_done_callback(bad)
    handle.add_done_callback(lambda _: (order.append("last"), last.set()))
    go.set()
    assert last.wait(LIMIT)
    handle.add_done_callback(bad)
    assert order == ["first", "bad", "last", "bad"]
    assert [str(error) for error, _ in unraisable] == ["from a callback"] * 2
    assert one.spawn(int).result(LIMIT) == 0


def test_a_callback_that_cannot_be_called_is_refused_at_the_call(one: ss.Runtime, unraisable: list[Any]) -> None:
    handle = one.spawn(int)
    handle.result(LIMIT)
    with pytest.raises(TypeError, match="callable"):
        handle.add_done_callback(None)  # type: ignore[arg-type]
    assert unraisable == []


# ---- cancelling ----


@pytest.mark.parametrize("target", [lambda ran: ran.append(1), None])
def test_a_task_cancelled_before_it_starts_never_runs(one: ss.Runtime, target: Any) -> None:
    ran: list[int] = []

    async def note(ran: list[int]) -> None:
        ran.append(1)

    entered, go = threading.Event(), threading.Event()
    one.spawn(lambda: (entered.set(), go.wait(LIMIT)))
    assert entered.wait(LIMIT)
    handles = [one.spawn(target or note, ran), one.spawn(note(ran))]
    assert [handle.cancel() for handle in handles] == [True, True]
    go.set()
    for handle in handles:
        with pytest.raises(ss.CancelledError):
            handle.result(LIMIT)
        with pytest.raises(ss.CancelledError):
            handle.exception(LIMIT)
        assert handle.cancelled()
        assert handle.done()
        assert "cancelled" in repr(handle)
    assert ran == []


def test_a_blocking_job_cancelled_before_it_starts_never_runs() -> None:
    ran: list[int] = []
    entered, go = threading.Event(), threading.Event()
    with ss.Runtime(workers=1, max_blocking_threads=1) as rt:
        rt.spawn_blocking(lambda: (entered.set(), go.wait(LIMIT)))
        assert entered.wait(LIMIT)
        job = rt.spawn_blocking(ran.append, 1)
        assert job.cancel()
        go.set()
        with pytest.raises(ss.CancelledError):
            job.result(LIMIT)
        assert job.cancelled()
    assert ran == []


def test_a_coroutine_is_cancelled_where_it_waits_and_may_clean_up(one: ss.Runtime) -> None:
    steps: list[str] = []

    async def careful() -> None:
        try:
            await for_ever()
        except ss.Cancelled:
            steps.append("thrown")
            await inside.sleep(0.001)
            steps.append("cleaned")
            raise

    handle = one.spawn(careful)
    one.spawn(int).result(LIMIT)
    assert handle.cancel()
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    assert steps == ["thrown", "cleaned"]
    assert handle.cancelled()


def test_a_coroutine_that_catches_it_and_returns_was_not_cancelled(one: ss.Runtime) -> None:
    waits = threading.Event()

    async def stubborn() -> str:
        waits.set()
        with suppress(ss.Cancelled):
            await for_ever()
        return "still here"

    handle = one.spawn(stubborn)
    assert waits.wait(LIMIT)
    handle.cancel()
    assert handle.result(LIMIT) == "still here"
    assert not handle.cancelled()


def test_an_ended_task_cannot_be_cancelled(one: ss.Runtime) -> None:
    for handle in (one.spawn(int), one.spawn(twice, 1), one.spawn_blocking(int), one.spawn(ss.workloads.fib(5))):
        handle.result(LIMIT)
        assert handle.cancel() is False
        assert not handle.cancelled()


def test_a_callable_that_runs_is_not_interrupted(one: ss.Runtime) -> None:
    entered, go = threading.Event(), threading.Event()

    def work() -> str:
        entered.set()
        go.wait(LIMIT)
        return "done"

    for start in (one.spawn, one.spawn_blocking):
        entered.clear()
        go.clear()
        handle = start(work)
        assert entered.wait(LIMIT)
        assert handle.cancel()
        go.set()
        assert handle.result(LIMIT) == "done"
        assert not handle.cancelled()


def test_awaiting_a_cancelled_task_raises_cancelled_and_does_not_cancel_the_awaiter(one: ss.Runtime) -> None:
    async def main() -> str:
        handle = inside.spawn(for_ever)
        await inside.yield_now()
        handle.cancel()
        try:
            await handle
        except ss.Cancelled:
            return f"raised, {inside.current_task().cancelling()} requests"
        return "nothing raised"

    assert one.spawn(main).result(LIMIT) == "raised, 0 requests"


def test_cancelling_the_awaiter_leaves_the_awaited_alone(one: ss.Runtime) -> None:
    event = sync.Event()
    waits = threading.Event()
    inner = one.spawn(for_ever, event)

    async def outer() -> None:
        waits.set()
        await inner

    handle = one.spawn(outer)
    assert waits.wait(LIMIT)
    handle.cancel()
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    assert not inner.done()
    event.set()
    inner.result(LIMIT)


def test_a_cancelled_workload_stops(rt: ss.Runtime) -> None:
    handle = rt.spawn(ss.workloads.fork_join(12, 2, 20_000_000))
    handle.cancel()
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    rt.handle.metrics(settled=True, timeout=LIMIT)
    assert rt.handle.num_alive_tasks() == 0


def test_a_run_that_times_out_is_cancelled(rt: ss.Runtime) -> None:
    with pytest.raises(TimeoutError, match=r"had not ended after 0.01 s; it was cancelled"):
        rt.run(ss.workloads.fork_join(12, 2, 20_000_000), timeout=0.01)
    rt.handle.metrics(settled=True, timeout=LIMIT)
    assert rt.handle.num_alive_tasks() == 0


# ---- failures that nobody reads ----


def test_an_unread_failure_is_reported_once(one: ss.Runtime, unraisable: list[Any]) -> None:
    one.spawn(fail, "lost", name="loser")
    wait_until(lambda: unraisable)
    one.spawn(int).result(LIMIT)
    ((error, about),) = unraisable
    assert (type(error), str(error)) == (LookupError, "'lost'") or str(error) == "lost"
    assert "loser" in str(about)


def test_a_failure_is_reported_when_its_handle_is_dropped_and_not_if_it_was_read(one: ss.Runtime, unraisable: list[Any]) -> None:
    kept, read, asked = one.spawn(fail, "kept"), one.spawn(fail_later, "read"), one.spawn(fail, "asked")
    with pytest.raises(LookupError):
        read.result(LIMIT)
    assert asked.exception(LIMIT) is not None
    wait_until(kept.done)
    del read, asked
    gc.collect()
    one.spawn(int).result(LIMIT)
    assert unraisable == []
    del kept
    gc.collect()
    wait_until(lambda: unraisable)
    assert [str(error) for error, _ in unraisable] == ["kept"]


def test_a_cancelled_task_is_no_failure(one: ss.Runtime, unraisable: list[Any]) -> None:
    one.spawn(for_ever).cancel()
    one.handle.metrics(settled=True, timeout=LIMIT)
    gc.collect()
    assert unraisable == []


def test_a_callable_gets_the_failures_that_nobody_reads() -> None:
    got: list[tuple[Any, BaseException]] = []
    with ss.Runtime(workers=1, unhandled_exception=lambda task, error: got.append((task, error))) as rt:
        rt.spawn(fail, "lost", name="loser")
        wait_until(lambda: got)
    ((task, error),) = got
    assert "loser" in str(task)
    assert isinstance(error, LookupError)


def test_shutdown_on_failure_cancels_all_and_raises_it_at_the_end_of_with() -> None:
    with pytest.raises(LookupError, match="fatal"), ss.Runtime(workers=2, unhandled_exception="shutdown") as rt:  # noqa: PT012
        others = [rt.spawn(for_ever) for _ in range(5)]
        rt.spawn(fail, "fatal")
        for other in others:
            with pytest.raises(ss.CancelledError):
                other.result(LIMIT)
    with pytest.raises(ss.RuntimeClosed):
        rt.spawn(int)


@pytest.mark.skipif(
    not hasattr(inspect, "markcoroutinefunction"), reason="this Python has no inspect.markcoroutinefunction(); 3.12 brought it"
)
def test_a_function_that_is_marked_as_async_is_one() -> None:
    async def five() -> int:
        return 5

    def factory() -> Any:
        return five()

    def plain() -> int:
        return 6

    inspect.markcoroutinefunction(factory)
    plain.note = "not a mark"  # type: ignore[attr-defined]
    with ss.Runtime(workers=1) as rt:
        assert rt.spawn(factory).result(LIMIT) == 5
        assert rt.spawn(plain).result(LIMIT) == 6
