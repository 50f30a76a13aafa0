"""What does a small callable cost that an event loop of asyncio hands to its thread pool and awaits?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def increment(value: int) -> int:
    return value + 1


async def burst(calls: int) -> int:
    loop = asyncio.get_running_loop()
    return sum(await asyncio.gather(*(loop.run_in_executor(None, increment, value) for value in range(calls))))


def run(runner: asyncio.Runner, sizes: Mapping[str, int]) -> int:
    return runner.run(burst(sizes["calls"]))
