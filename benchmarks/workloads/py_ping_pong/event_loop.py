"""What do two coroutines pay for a round trip over two queues of asyncio?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


async def partner(pings: asyncio.Queue[int], pongs: asyncio.Queue[int], rounds: int) -> None:
    for _ in range(rounds):
        await pongs.put(await pings.get() + 1)


async def rally(rounds: int) -> int:
    pings: asyncio.Queue[int] = asyncio.Queue(1)
    pongs: asyncio.Queue[int] = asyncio.Queue(1)
    task = asyncio.create_task(partner(pings, pongs, rounds))
    value = 0
    for _ in range(rounds):
        await pings.put(value)
        value = await pongs.get()
    await task
    return value


def run(runner: asyncio.Runner, sizes: Mapping[str, int]) -> int:
    return runner.run(rally(sizes["rounds"]))
