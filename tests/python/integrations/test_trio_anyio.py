"""Handles awaited in trio and in anyio, each at the version installed here."""

from __future__ import annotations

import concurrent.futures
import functools
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import stealscope as ss

trio = pytest.importorskip("trio", reason="needs trio: pip install 'stealscope[trio]'")
anyio = pytest.importorskip("anyio", reason="needs anyio: pip install 'stealscope[anyio]'")
pytest.importorskip("trio.testing", reason="it comes with trio")

LIMIT = 20.0  # seconds: only a test that fails waits so long
BACKENDS = ("asyncio", "trio")


@pytest.fixture
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=2) as runtime:
        yield runtime


async def _for_ever() -> None:
    await ss.Event().wait()


# ---- trio ----


def test_a_handle_is_awaited_in_trio(rt: ss.Runtime) -> None:
    async def child(number: int) -> int:
        await ss.sleep(0.001 * (number % 4))
        return number

    async def main() -> list[int]:
        return [await handle for handle in [rt.spawn(child, number) for number in range(50)]]

    assert trio.run(main) == list(range(50))


def test_one_that_has_ended_is_a_checkpoint_all_the_same(rt: ss.Runtime) -> None:
    async def main() -> Any:
        ended = rt.spawn(abs, -7)
        ended.result(LIMIT)
        with trio.testing.assert_checkpoints():
            return await ended

    assert trio.run(main) == 7


def test_errors_come_through_with_their_traceback(rt: ss.Runtime) -> None:
    def fail() -> None:
        raise KeyError("lost")

    async def main() -> None:
        with pytest.raises(KeyError, match="lost") as caught:
            await rt.spawn(fail)
        assert caught.traceback[-1].name == "fail"

    trio.run(main)


def test_a_cancelled_task_raises_as_result_does_in_trio(rt: ss.Runtime) -> None:
    async def main() -> None:
        handle = rt.spawn(_for_ever)
        handle.cancel()
        with pytest.raises(concurrent.futures.CancelledError):
            await handle

    trio.run(main)


def test_a_cancelled_awaiter_may_pass_it_on(rt: ss.Runtime) -> None:
    cleaned = threading.Event()

    async def child() -> None:
        try:
            await _for_ever()
        finally:
            cleaned.set()

    async def main() -> Any:
        handle = rt.spawn(child)
        with trio.move_on_after(0.01):
            try:
                await handle
            except trio.Cancelled:
                handle.cancel()
                raise
        return handle

    handle = trio.run(main)
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    assert cleaned.is_set() or handle.cancelled()


def test_many_ends_while_trio_is_busy_wake_it_once(rt: ss.Runtime) -> None:
    from stealscope import _trio_bridge

    calls: list[int] = []

    async def main() -> list[int]:
        gate, values = ss.Event(), []

        async def child(number: int) -> int:
            await gate.wait()
            return number

        async def wait_for(handle: Any) -> None:
            values.append(await handle)

        handles = [rt.spawn(child, number) for number in range(100)]
        async with trio.open_nursery() as nursery:
            for handle in handles:
                nursery.start_soon(wait_for, handle)
            await trio.testing.wait_all_tasks_blocked()
            letterbox = _trio_bridge._letterboxes[trio.lowlevel.current_trio_token()]
            deliver = letterbox._deliver
            letterbox._deliver = lambda: (calls.append(1), deliver())  # type: ignore[method-assign]
            gate.set()
            for handle in handles:
                handle.result(LIMIT)  # trio is busy meanwhile
        return sorted(values)

    assert trio.run(main) == list(range(100))
    assert 1 <= len(calls) <= 2  # the last end may be known here before its callback has run


def test_trio_that_ends_first_does_no_harm(rt: ss.Runtime) -> None:
    event, handles = ss.Event(), []

    async def child() -> int:
        await event.wait()
        return 1

    async def main() -> None:
        handles.append(rt.spawn(child))
        with trio.move_on_after(0.005):
            await handles[0]

    trio.run(main)
    event.set()
    assert handles[0].result(LIMIT) == 1


# ---- anyio ----


@pytest.mark.parametrize("backend", BACKENDS)
def test_anyio_awaits_a_handle_on_both_backends(rt: ss.Runtime, backend: str) -> None:
    values = []

    async def main() -> None:
        async def wait_for(number: int) -> None:
            values.append(await rt.spawn(abs, -number))

        async with anyio.create_task_group() as group:
            for number in range(50):
                group.start_soon(wait_for, number)

    anyio.run(main, backend=backend)
    assert sorted(values) == list(range(50))


@pytest.mark.parametrize(
    ("run", "move_on_after"),
    [
        pytest.param(trio.run, trio.move_on_after, id="trio"),
        *(
            pytest.param(functools.partial(anyio.run, backend=name), anyio.move_on_after, id=f"anyio on {name}")
            for name in BACKENDS
        ),
    ],
)
def test_a_scope_that_is_cancelled_leaves_the_task_alone(rt: ss.Runtime, run: Any, move_on_after: Any) -> None:
    event = ss.Event()

    async def child() -> str:
        await event.wait()
        return "lives"

    async def main() -> str:
        handle = rt.spawn(child)
        with move_on_after(0.01) as scope:
            await handle
        assert scope.cancelled_caught
        assert not handle.done()
        event.set()
        return await handle  # type: ignore[no-any-return]

    assert run(main) == "lives"


def test_trio_as_a_guest_of_asyncio_is_told_apart(rt: ss.Runtime) -> None:
    """In guest mode both run on one thread: what awaits decides."""
    import asyncio

    async def in_trio() -> int:
        await trio.sleep(0)
        return await rt.spawn(abs, -1)  # type: ignore[no-any-return]

    async def main() -> tuple[int, int]:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        outcomes: list[Any] = []

        def done(outcome: Any) -> None:
            outcomes.append(outcome)
            over.set()

        trio.lowlevel.start_guest_run(in_trio, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=done)
        here = await rt.spawn(abs, -2)
        await over.wait()
        return outcomes[0].unwrap(), here

    assert asyncio.run(main()) == (1, 2)
