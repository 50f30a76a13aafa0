"""What does a sleep cost on an event loop, when ten thousand coroutines sleep for 1 to 10 ms at once?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


async def sleeper(number: int) -> int:
    await asyncio.sleep(0.001 * (1 + number % 10))
    return 1


async def together(sleepers: int) -> int:
    tasks = [asyncio.create_task(sleeper(number)) for number in range(sleepers)]
    return sum([await task for task in tasks])


def run(runner: asyncio.Runner, sizes: Mapping[str, int]) -> int:
    return runner.run(together(sizes["sleepers"]))
