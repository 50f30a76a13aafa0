"""What does a coroutine cost as a task of an event loop of asyncio, from `create_task` to `await task`?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


async def increment(value: int) -> int:
    await asyncio.sleep(0)
    return value + 1


async def burst(coroutines: int) -> int:
    tasks = [asyncio.create_task(increment(value)) for value in range(coroutines)]
    return sum([await task for task in tasks])


def run(runner: asyncio.Runner, sizes: Mapping[str, int]) -> int:
    return runner.run(burst(sizes["coroutines"]))
