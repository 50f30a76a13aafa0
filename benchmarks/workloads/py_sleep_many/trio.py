"""What does a sleep cost in trio, when ten thousand tasks sleep for 1 to 10 ms at once?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


async def sleeper(number: int, results: list[int]) -> None:
    await trio.sleep(0.001 * (1 + number % 10))
    results.append(1)


async def together(sleepers: int) -> int:
    results: list[int] = []
    async with trio.open_nursery() as nursery:
        for number in range(sleepers):
            nursery.start_soon(sleeper, number, results)
    return sum(results)


def run(run_trio: Callable[..., int], sizes: Mapping[str, int]) -> int:
    return run_trio(together, sizes["sleepers"])
