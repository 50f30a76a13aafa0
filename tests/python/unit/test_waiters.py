"""Who may wait for one task at a time, in which order they come and go, and what a quick spawn must not lose."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import stealscope as ss

LIMIT = 20.0  # seconds: only a test that fails waits so long


@pytest.fixture
def one() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=1) as runtime:
        yield runtime


async def value_of(handle: ss.JoinHandle) -> Any:
    return await handle


async def when(event: ss.Event) -> str:
    await event.wait()
    return "it happened"


async def turns(count: int) -> None:
    for _ in range(count):
        await ss.yield_now()


@pytest.mark.parametrize("waiters", [1, 2, 5])
def test_everybody_who_awaits_a_task_gets_its_value(one: ss.Runtime, waiters: int) -> None:
    async def main() -> list[Any]:
        event = ss.Event()
        awaited = ss.spawn(when, event)
        waiting = [ss.spawn(value_of, awaited) for _ in range(waiters)]
        await turns(4)
        event.set()
        return [await handle for handle in waiting]

    assert one.spawn(main).result(LIMIT) == ["it happened"] * waiters


@pytest.mark.parametrize("late", ["callback", "coroutine", "thread"])
@pytest.mark.parametrize("first_is_cancelled", [False, True])
def test_the_first_to_await_and_one_who_comes_later_do_not_disturb_each_other(
    one: ss.Runtime, late: str, first_is_cancelled: bool
) -> None:
    told: list[Any] = []

    async def main() -> list[Any]:
        event = ss.Event()
        awaited = ss.spawn(when, event)
        first = ss.spawn(value_of, awaited)
        await turns(4)
        if late == "callback":
            awaited.add_done_callback(lambda ended: told.append(ended.result()))
            second = None
        elif late == "coroutine":
            second = ss.spawn(value_of, awaited)
        else:
            second = ss.current().spawn(awaited.result)
        await turns(4)
        if first_is_cancelled:
            first.cancel()
            with suppress(asyncio.CancelledError):
                await first
        event.set()
        seen = [] if first_is_cancelled else [await first]
        return seen if second is None else [*seen, await second]

    values = one.spawn(main).result(LIMIT)
    assert values + told == ["it happened"] * (1 if first_is_cancelled else 2)


def test_a_task_whose_only_waiter_was_cancelled_can_be_awaited_again(one: ss.Runtime) -> None:
    async def main() -> Any:
        event = ss.Event()
        awaited = ss.spawn(when, event)
        for _ in range(3):
            waiter = ss.spawn(value_of, awaited)
            await turns(4)
            waiter.cancel()
            with suppress(asyncio.CancelledError):
                await waiter
        event.set()
        return await awaited

    assert one.spawn(main).result(LIMIT) == "it happened"


def test_a_waiter_that_ends_first_leaves_nothing_behind(one: ss.Runtime) -> None:
    async def hurried(awaited: ss.JoinHandle) -> None:
        with suppress(TimeoutError):
            async with ss.timeout(0.001):
                await awaited

    async def main() -> Any:
        event = ss.Event()
        awaited = ss.spawn(when, event)
        await ss.spawn(hurried, awaited)
        event.set()
        return await awaited

    assert one.spawn(main).result(LIMIT) == "it happened"


def test_a_quick_spawn_shows_the_signature_and_the_words_of_the_method_it_stands_for() -> None:
    for spawn in (ss.Runtime.spawn, ss.Handle.spawn, ss.spawn):
        assert list(inspect.signature(spawn).parameters)[-4:] == ["target", "args", "name", "context"]
        assert spawn.__name__ == "spawn"
        assert spawn.__doc__


def test_a_subclass_may_have_a_spawn_of_its_own() -> None:
    class Counting(ss.Runtime):
        spawned = 0

        def spawn(self, target: Any, /, *args: Any, **options: Any) -> ss.JoinHandle:
            self.spawned += 1
            return super().spawn(target, *args, **options)

    with Counting(workers=1) as rt:
        assert rt.spawn(abs, -3, name="of three").result(LIMIT) == 3
        assert rt.spawned == 1


def test_a_name_and_a_context_given_to_a_quick_spawn_arrive(one: ss.Runtime) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    context = contextvars.copy_context()
    context.run(variable.set, "set")
    assert one.spawn(variable.get, name="reader", context=context).result(LIMIT) == "set"
    assert one.spawn(variable.get, name=None, context=None).result(LIMIT) == "unset"
    assert one.spawn(variable.get, name="reader").name == "reader"


@pytest.mark.parametrize("wrong", [{"context": {}}, {"nme": "x"}, {"name": 3}])
def test_what_a_spawn_does_not_take_is_refused(one: ss.Runtime, wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, RuntimeError)):
        one.spawn(abs, -1, **wrong)


def test_a_spawn_without_a_target_says_what_is_missing(one: ss.Runtime) -> None:
    with pytest.raises(TypeError, match="target"):
        one.spawn()  # type: ignore[call-arg]


def test_tasks_of_one_line_are_told_apart_from_those_of_the_next(one: ss.Runtime) -> None:
    async def main() -> ss.Dump:
        event = ss.Event()
        handles = [ss.spawn(when, event) for _ in range(3)]
        handles += [ss.spawn(when, event, name="named") for _ in range(2)]
        await turns(4)
        dump = await ss.current().dump_async()
        event.set()
        for handle in handles:
            await handle
        return dump

    tasks = [task for task in one.spawn(main).result(LIMIT) if task.spawned_at.function.startswith(main.__qualname__)]
    assert {task.spawned_at.file for task in tasks} == {__file__}
    first, second = ({task.spawned_at.line for task in tasks if task.name == name} for name in ("", "named"))
    assert len(first) == len(second) == 1
    assert first != second


def test_a_call_that_never_began_is_cancelled_and_told_once() -> None:
    rt = ss.Runtime(workers=1)
    executor = rt.executor()
    began, go_on = threading.Event(), threading.Event()  # not ours, which would hand the worker's core on

    def hold() -> None:
        began.set()
        assert go_on.wait(LIMIT)

    held = executor.submit(hold)
    assert began.wait(LIMIT)
    calls = 10 * ss.Policy().event_interval  # a worker looks that often whether its runtime has been closed
    futures = [executor.submit(int) for _ in range(calls)]
    told: list[Any] = []
    for future in futures:
        future.add_done_callback(told.append)
    rt.shutdown(wait=False, cancel=True)
    go_on.set()
    rt.shutdown(cancel=True)
    assert held.result(LIMIT) is None
    assert all(future.done() for future in futures)
    assert any(future.cancelled() for future in futures)
    assert sorted(map(id, told)) == sorted(map(id, futures))
