"""TaskGroup: as asyncio's, on threads that run at the same time."""

# ruff: noqa: PT012 - the block that raises is the thing under test
from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stealscope as ss
from stealscope import inside, sync
from stealscope.task_group import TaskGroup

LIMIT = 20.0  # seconds: only a test that fails waits so long


@pytest.fixture(params=[1, 3])
def rt(request: pytest.FixtureRequest) -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=request.param) as runtime:
        yield runtime


def run(runtime: ss.Runtime, main: Any, *args: Any) -> Any:
    return runtime.spawn(main, *args).result(LIMIT)


async def _for_ever() -> None:
    await sync.Event().wait()


async def _fail(error: BaseException, after: float = 0.0) -> None:
    await inside.sleep(after)
    raise error


def test_all_children_have_ended_when_the_block_is_left(rt: ss.Runtime) -> None:
    async def child(number: int) -> int:
        await inside.sleep(0.001 * (number % 3))
        return number

    async def main() -> list[int]:
        async with TaskGroup() as group:
            handles = [group.spawn(child, number) for number in range(20)]
            handles.append(group.spawn(len, "callables too"))
        assert all(handle.done() for handle in handles)
        return [handle.result() for handle in handles]

    assert run(rt, main) == [*range(20), 13]


def test_a_failing_child_cancels_its_siblings_and_the_block(rt: ss.Runtime) -> None:
    cleaned = []

    async def sibling() -> None:
        try:
            await _for_ever()
        finally:
            await inside.sleep(0.001)  # awaited before the group raises
            cleaned.append(1)

    async def main() -> int:
        with pytest.raises(ExceptionGroup) as caught:
            async with TaskGroup() as group:
                group.spawn(sibling)
                group.spawn(_fail, KeyError("child"), 0.01)
                await _for_ever()
        assert [type(error) for error in caught.value.exceptions] == [KeyError]
        await inside.sleep(0.001)  # no request to cancel is left over
        return inside.current_task().cancelling()

    assert run(rt, main) == 0
    assert cleaned == [1]


def test_an_error_of_the_block_is_in_the_group_and_cancels(rt: ss.Runtime) -> None:
    async def main() -> list[type[BaseException]]:
        with pytest.raises(ExceptionGroup) as caught:
            async with TaskGroup() as group:
                handle = group.spawn(_for_ever)
                raise ValueError("block")
        assert handle.cancelled()
        return [type(error) for error in caught.value.exceptions]

    assert run(rt, main) == [ValueError]


def test_all_failures_are_collected(rt: ss.Runtime) -> None:
    async def stubborn() -> None:
        try:
            await _for_ever()
        except ss.Cancelled:
            raise OSError("in cleanup") from None

    async def main() -> set[type[BaseException]]:
        with pytest.raises(ExceptionGroup) as caught:
            async with TaskGroup() as group:
                group.spawn(stubborn)
                await inside.sleep(0.005)
                group.spawn(_fail, KeyError("child"))
        return {type(error) for error in caught.value.exceptions}

    assert run(rt, main) == {KeyError, OSError}


def test_a_child_that_was_cancelled_is_no_failure(rt: ss.Runtime) -> None:
    async def main() -> str:
        async with TaskGroup() as group:
            handle = group.spawn(_for_ever)
            await inside.sleep(0.001)
            handle.cancel()
        return "left"

    assert run(rt, main) == "left"


@pytest.mark.parametrize("in_block", [True, False])
def test_an_outer_cancel_wins(rt: ss.Runtime, in_block: bool) -> None:
    seen: list[Any] = []

    async def main() -> None:
        async with TaskGroup() as group:
            seen.append(group.spawn(_for_ever))
            if in_block:
                await _for_ever()

    handle = rt.spawn(main)
    time.sleep(0.02)
    handle.cancel()
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    assert seen[0].cancelled()


def test_an_outer_cancel_beside_a_failure_is_not_lost(rt: ss.Runtime) -> None:
    async def main() -> str:
        task = inside.current_task()
        with pytest.raises(ExceptionGroup):
            async with TaskGroup() as group:
                group.spawn(_fail, KeyError("child"), 0.005)
                try:
                    await _for_ever()
                finally:
                    task.cancel()
        try:
            await inside.sleep(LIMIT)
        except ss.Cancelled:
            return "cancelled at the next await"
        return "lost"

    assert run(rt, main) == "cancelled at the next await"


def test_an_outer_cancel_beside_a_failure_in_a_nested_group_loses_neither(rt: ss.Runtime) -> None:
    started, after = threading.Event(), []

    async def child() -> None:
        try:
            started.set()
            await sync.Event().wait()
        finally:
            raise LookupError("cleanup")

    async def main() -> None:
        try:
            async with TaskGroup() as outer:
                outer.spawn(_for_ever)
                async with TaskGroup() as inner:
                    inner.spawn(child)
        except ExceptionGroup as group:
            after.append(group)
            await sync.Event().wait()  # the wish to end is thrown here

    handle = rt.spawn(main)
    assert started.wait(LIMIT)
    handle.cancel()
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    (group,) = after
    assert group.subgroup(LookupError) is not None


def test_a_timeout_around_a_group_is_a_timeout(rt: ss.Runtime) -> None:
    async def main() -> bool:
        with pytest.raises(TimeoutError):
            async with inside.timeout(0.01), TaskGroup() as group:
                handle = group.spawn(_for_ever)
        return handle.cancelled()

    assert run(rt, main)


def test_groups_may_be_nested(rt: ss.Runtime) -> None:
    async def main() -> str:
        with pytest.raises(ExceptionGroup) as caught:
            async with TaskGroup() as outer:
                outer.spawn(_for_ever)
                async with TaskGroup() as inner:
                    inner.spawn(_fail, KeyError("inner"))
        inner_group = caught.value.exceptions[0]
        assert isinstance(inner_group, ExceptionGroup)
        return type(inner_group.exceptions[0]).__name__

    assert run(rt, main) == "KeyError"


def test_a_child_may_spawn_into_the_group(rt: ss.Runtime) -> None:
    async def main() -> int:
        done = []

        async def child(group: TaskGroup, depth: int) -> None:
            done.append(depth)
            if depth:
                group.spawn(child, group, depth - 1)
                group.spawn(child, group, depth - 1)

        async with TaskGroup() as group:
            group.spawn(child, group, 4)
        return len(done)

    assert run(rt, main) == 31


def test_it_says_when_it_takes_no_tasks(rt: ss.Runtime) -> None:
    async def main() -> None:
        group = TaskGroup()
        with pytest.raises(RuntimeError, match="async with"):
            group.spawn(_for_ever())
        async with group:
            pass
        with pytest.raises(RuntimeError, match="over"):
            group.spawn(_for_ever())
        with pytest.raises(RuntimeError, match="entered before"):
            async with group:
                pass

    run(rt, main)
    with pytest.raises(RuntimeError, match="no stealscope task"):
        TaskGroup().__aenter__().send(None)


def test_what_ends_the_process_is_raised_itself(rt: ss.Runtime) -> None:
    async def main() -> str:
        try:
            async with TaskGroup() as group:
                group.spawn(_fail, SystemExit(3))
        except SystemExit as error:
            return f"exit {error.code}"
        return "nothing"

    assert run(rt, main) == "exit 3"


def test_it_works_under_block_on(rt: ss.Runtime) -> None:
    async def main() -> int:
        async with TaskGroup() as group:
            handles = [group.spawn(lambda n=number: n * n) for number in range(10)]
        return sum(handle.result() for handle in handles)

    assert rt.block_on(main) == 285


def test_many_failures_at_once_lose_nothing() -> None:
    async def main() -> int:
        try:
            async with TaskGroup() as group:
                for _ in range(50):
                    group.spawn(_fail, KeyError("child"))
        except ExceptionGroup as errors:
            return len(errors.exceptions)
        return 0

    with ss.Runtime(workers=4) as runtime:
        for _ in range(20):
            assert 1 <= run(runtime, main) <= 50
    assert runtime.handle.num_alive_tasks() == 0


def test_a_group_whose_children_wait_for_ever_is_ended_by_a_cancelling_shutdown() -> None:
    ended: list[str] = []

    async def waits(name: str) -> None:
        try:
            await ss.Event().wait()
        finally:
            ended.append(name)

    async def main(started: ss.Event) -> None:
        try:
            async with ss.TaskGroup() as group:
                group.spawn(waits, "a")
                group.spawn(waits, "b")
                await ss.yield_now()
                started.set()
        finally:
            ended.append("group")

    started = ss.Event()
    runtime = ss.Runtime(workers=2)
    runtime.spawn(main, started)
    started.wait_blocking(20.0)
    assert runtime.shutdown(cancel=True, timeout=20.0)
    assert sorted(ended) == ["a", "b", "group"]
