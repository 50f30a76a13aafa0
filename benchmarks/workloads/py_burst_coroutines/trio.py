"""What does a coroutine cost as a task of a trio nursery? A task has no result: it leaves it in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


async def increment(value: int, results: list[int]) -> None:
    await trio.lowlevel.checkpoint()
    results.append(value + 1)


async def burst(coroutines: int) -> int:
    results: list[int] = []
    async with trio.open_nursery() as nursery:
        for value in range(coroutines):
            nursery.start_soon(increment, value, results)
    return sum(results)


def run(run_trio: Callable[..., int], sizes: Mapping[str, int]) -> int:
    return run_trio(burst, sizes["coroutines"])
