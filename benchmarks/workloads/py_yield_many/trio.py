"""What does a turn of trio's loop cost, when tasks do nothing but give way to each other?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


async def yielder(yields: int, results: list[int]) -> None:
    for _ in range(yields):
        await trio.lowlevel.checkpoint()
    results.append(yields)


async def together(tasks: int, yields: int) -> int:
    results: list[int] = []
    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(yielder, yields, results)
    return sum(results)


def run(run_trio: Callable[..., int], sizes: Mapping[str, int]) -> int:
    return run_trio(together, sizes["tasks"], sizes["yields"])
