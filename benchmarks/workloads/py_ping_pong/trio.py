"""What do two tasks pay for a round trip over two memory channels of trio?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


async def partner(pings: trio.MemoryReceiveChannel[int], pongs: trio.MemorySendChannel[int], rounds: int) -> None:
    for _ in range(rounds):
        await pongs.send(await pings.receive() + 1)


async def rally(rounds: int) -> int:
    to_partner, pings = trio.open_memory_channel[int](1)
    pongs, from_partner = trio.open_memory_channel[int](1)
    value = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partner, pings, pongs, rounds)
        for _ in range(rounds):
            await to_partner.send(value)
            value = await from_partner.receive()
    return value


def run(run_trio: Callable[..., int], sizes: Mapping[str, int]) -> int:
    return run_trio(rally, sizes["rounds"])
