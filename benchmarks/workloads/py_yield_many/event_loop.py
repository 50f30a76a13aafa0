"""What does a turn of an event loop cost, when coroutines do nothing but give way to each other?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


async def yielder(yields: int) -> int:
    for _ in range(yields):
        await asyncio.sleep(0)
    return yields


async def together(tasks: int, yields: int) -> int:
    running = [asyncio.create_task(yielder(yields)) for _ in range(tasks)]
    return sum([await task for task in running])


def run(runner: asyncio.Runner, sizes: Mapping[str, int]) -> int:
    return runner.run(together(sizes["tasks"], sizes["yields"]))
