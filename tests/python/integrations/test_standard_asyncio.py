"""Do our primitives pass asyncio's own tests of the same primitives?

The test classes come from the `test` package of the Python that runs this. Their bodies run unchanged, in virtual time and in
the order in which asyncio would run them (one worker, no LIFO slot); the name ``asyncio`` in them means `_Asyncio` below,
which has our lock for its lock, our task for its task, and nothing of asyncio's own but the exception. Invariant: what is
not named in `DOES_NOT_APPLY` runs and passes. `docs/executor.md` has the same table.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import unittest
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextvars import Context
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import stealscope as ss


def _driven(what: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    """asyncio's `acquire` and `wait` are coroutines; ours are other awaitables, which `spawn` does not take."""
    if inspect.iscoroutine(what):
        return what

    async def drive() -> Any:
        return await what

    return drive()


class _Task:
    """A handle with the names of an asyncio task."""

    def __init__(self, what: Awaitable[Any], name: str | None = None, context: Context | None = None) -> None:
        self._handle = ss.spawn(_driven(what), name=name, context=context)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._handle.__await__()

    def result(self) -> Any:
        return self._read(self._handle.result)

    def exception(self) -> Any:
        return self._read(self._handle.exception)

    def _read(self, read: Callable[[], Any]) -> Any:
        if not self.done():
            raise asyncio.InvalidStateError
        try:
            return read()
        except ss.CancelledError as cancelled:
            raise asyncio.CancelledError from cancelled

    def done(self) -> bool:
        return self._handle.done()

    def cancel(self) -> bool:
        return self._handle.cancel()

    def cancelled(self) -> bool:
        return self._handle.cancelled()

    def get_name(self) -> str:
        return self._handle.name


class _Future:
    """What `loop.create_future` gives, made of an event."""

    def __init__(self) -> None:
        self._event, self._value = ss.Event(), None

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from self._event.wait().__await__()
        return self._value

    def done(self) -> bool:
        return self._event.is_set()

    def set_result(self, value: Any) -> None:
        self._value = value
        self._event.set()


class _Loop:
    """What the tests ask a running loop for."""

    time = staticmethod(lambda: ss.timeout(0).when())
    create_task = _Task
    create_future = _Future

    def call_soon(self, fn: Callable[..., Any], *args: Any) -> None:
        ss.spawn(fn, *args)

    def call_later(self, delay: float, fn: Callable[..., Any], *args: Any) -> _Task:
        async def later() -> None:
            await ss.sleep(delay)
            fn(*args)

        return _Task(later())


class _TaskGroup:
    """`ss.TaskGroup` with the name that asyncio has for `spawn`."""

    def __init__(self) -> None:
        self._group = ss.TaskGroup()

    async def __aenter__(self) -> _TaskGroup:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._group.__aexit__(*error)

    def create_task(self, coroutine: Any, *, name: str | None = None, context: Context | None = None) -> _Task:
        task = _Task.__new__(_Task)
        task._handle = self._group.spawn(_driven(coroutine), name=name, context=context)
        return task


class _Lock(ss.Lock):
    """With a name of asyncio's own that its tests look at."""

    _waiters = property(lambda self: range(self._native.waiting()))


class _Semaphore(ss.Semaphore):
    """With names of asyncio's own that its tests look at."""

    _waiters = property(lambda self: range(self._native.waiting()))
    _value = property(lambda self: self.available)


_Lock.__name__, _Semaphore.__name__ = "Lock", "Semaphore"  # for messages of the interpreter


class _Asyncio:
    """The names that the tests use, and whose they are here."""

    CancelledError = asyncio.CancelledError
    TimeoutError = TimeoutError
    Lock, Event, Semaphore, Barrier = _Lock, ss.Event, _Semaphore, ss.Barrier
    TaskGroup = _TaskGroup
    timeout = staticmethod(ss.timeout)
    timeout_at = staticmethod(ss.inside.Timeout)
    create_task = staticmethod(_Task)
    current_task = staticmethod(ss.current_task)
    get_running_loop = staticmethod(_Loop)

    @staticmethod
    async def sleep(delay: float) -> None:
        await (ss.sleep(delay) if delay > 0 else ss.yield_now())

    @staticmethod
    async def gather(*tasks: Any, return_exceptions: bool = False) -> list[Any]:
        results: list[Any] = []
        for task in [task if isinstance(task, _Task) else _Task(task) for task in tasks]:
            try:
                results.append(await task)
            except BaseException as error:
                if not return_exceptions:
                    raise
                results.append(error)
        return results

    @staticmethod
    async def wait_for(what: Any, timeout: float) -> Any:
        async with ss.timeout(timeout):
            return await what


_REASONS: dict[str, list[str]] = {
    "needs a barrier's reset, abort, broken or `async with`; ours waits, and no more": [
        "BarrierTests.test_abort_barrier",
        "BarrierTests.test_abort_barrier_when_exception",
        "BarrierTests.test_abort_barrier_when_exception_then_resetting",
        "BarrierTests.test_abort_barrier_when_tasks_half_draining_half_blocking",
        "BarrierTests.test_context_manager",
        "BarrierTests.test_draining_state",
        "BarrierTests.test_filling_one_task",
        "BarrierTests.test_filling_one_task_twice",
        "BarrierTests.test_filling_task_by_task",
        "BarrierTests.test_filling_tasks_cancel_one",
        "BarrierTests.test_filling_tasks_check_return_value",
        "BarrierTests.test_filling_tasks_wait_twice",
        "BarrierTests.test_reset_barrier",
        "BarrierTests.test_reset_barrier_when_tasks_half_draining",
        "BarrierTests.test_reset_barrier_when_tasks_half_draining_half_blocking",
        "BarrierTests.test_reset_barrier_while_tasks_draining",
        "BarrierTests.test_reset_barrier_while_tasks_waiting",
        "BarrierTests.test_reset_barrier_while_tasks_waiting_and_waiting_again",
    ],
    "asserts a repr word for word": [
        "BarrierTests.test_barrier",
        "BarrierTests.test_repr",
        "EventTests.test_repr",
        "LockTests.test_repr",
        "SemaphoreTests.test_repr",
        "TimeoutTests.test_repr_active",
        "TimeoutTests.test_repr_disabled",
        "TimeoutTests.test_repr_expired",
        "TimeoutTests.test_repr_finished",
    ],
    "looks into the queue of waiters": [
        "EventTests.test_clear_with_waiters",
        "EventTests.test_wait_cancel",
    ],
    "asks for True from `await event.wait()`; ours gives None": [
        "EventTests.test_wait",
        "EventTests.test_wait_on_set",
    ],
    "looks into the queue of waiters; the claim is tested by test_during_acquire_a_permit_is_neither_lost_nor_doubled": [
        "LockTests.test_cancel_race",
    ],
    "takes Condition and BoundedSemaphore along, which are not here": [
        "LockTests.test_lock_by_with_statement",
        "LockTests.test_lock_doesnt_accept_loop_parameter",
    ],
    "asks for the order in which tasks run; here a release gives its permit at once, and who finds another free one takes it": [
        "SemaphoreTests.test_acquire_fifo_order_2",
    ],
    "counts permits that are given and not yet picked up as free; here a release gives its permit at once": [
        "SemaphoreTests.test_acquire_fifo_order_4",
    ],
    "is about BoundedSemaphore, which is not here": [
        "SemaphoreTests.test_release_not_acquired",
    ],
    "drives a coroutine by asyncio's loop itself": [
        "TestTaskGroup.test_coro_closed_when_tg_closed",
        "TestTaskGroup.test_taskgroup_without_parent_task",
        "TimeoutTests.test_timeout_without_task",
    ],
    "asks a task from outside for cancelling(); here current_task() has it": [
        "TestTaskGroup.test_error_and_cancel",
    ],
    "cancels an awaiter and expects the awaited task to be cancelled; here it lives on": [
        "TestTaskGroup.test_taskgroup_16",
    ],
    "looks into the group": [
        "TestTaskGroup.test_taskgroup_23",
    ],
    "asserts the words of an error; ours name what to do": [
        "TestTaskGroup.test_taskgroup_already_entered",
        "TestTaskGroup.test_taskgroup_double_enter",
        "TestTaskGroup.test_taskgroup_finished",
        "TestTaskGroup.test_taskgroup_not_entered",
        "TimeoutTests.test_timeout_already_entered",
        "TimeoutTests.test_timeout_double_enter",
        "TimeoutTests.test_timeout_expired",
        "TimeoutTests.test_timeout_expiring",
        "TimeoutTests.test_timeout_finished",
        "TimeoutTests.test_timeout_not_entered",
    ],
    "awaits a coroutine that the group refused; ours has closed it": [
        "TestTaskGroup.test_taskgroup_no_create_task_after_failure",
    ],
    "asks for timeout(-11); a negative time is a ValueError here": [
        "TimeoutTests.test_timeout_in_the_past_sleep_zero",
    ],
}
DOES_NOT_APPLY = {test: why for why, tests in _REASONS.items() for test in tests}
"""The tests of Python 3.11 to 3.13 that ask for something else than what we promise."""

_CLASSES = {
    "test_locks": ("LockTests", "EventTests", "SemaphoreTests", "BarrierTests"),
    "test_timeouts": ("TimeoutTests",),
    "test_taskgroups": ("TestTaskGroup",),
}


def _cases() -> Iterator[Any]:
    for module_name, classes in _CLASSES.items():
        try:
            module = importlib.import_module(f"test.test_asyncio.{module_name}")
        except ModuleNotFoundError:
            continue
        for class_name in classes:
            found = getattr(module, class_name, None)
            for name in unittest.defaultTestLoader.getTestCaseNames(found) if found else ():
                if (key := f"{class_name}.{name}") not in DOES_NOT_APPLY:
                    yield pytest.param(module, found, name, id=key)


_MISSING = pytest.param(
    None,
    None,
    "",
    id="missing",
    marks=pytest.mark.skip(
        reason="this Python came without the test package (Debian: libpython3-testsuite; python.org and pyenv have it)"
    ),
)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the table of what does not apply was made with Python 3.11 to 3.13")
@pytest.mark.parametrize(("module", "case", "name"), list(_cases()) or [_MISSING])
def test_of_asyncio(module: Any, case: type[Any], name: str) -> None:
    one = case(name)
    body = getattr(one, name)
    sim = ss.Simulation(workers=1, policy=ss.Policy(lifo_slot=False), costs=ss.Costs.zero())

    async def main() -> None:
        if hasattr(one, "asyncSetUp"):
            await one.asyncSetUp()
        await body()

    with mock.patch.object(module, "asyncio", _Asyncio), mock.patch.object(module, "taskgroups", _Asyncio, create=True):
        if inspect.iscoroutinefunction(body):
            sim.block_on(main)
        else:
            body()


def test_the_table_in_the_docs_names_each_test_that_does_not_apply() -> None:
    table = (Path(__file__).parents[3] / "docs" / "executor.md").read_text()
    assert [test for test, why in DOES_NOT_APPLY.items() if f"| `{test}` | {why} |" not in table] == []
