"""What do two coroutines pay for a round trip over two channels of ours?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import stealscope as ss

if TYPE_CHECKING:
    from collections.abc import Mapping


async def partner(pings: Any, pongs: Any, rounds: int) -> None:
    for _ in range(rounds):
        await pongs.send(await pings.recv() + 1)


async def rally(rounds: int) -> int:
    to_partner, pings = ss.channel(1)
    pongs, from_partner = ss.channel(1)
    handle = ss.spawn(partner, pings, pongs, rounds)
    value = 0
    for _ in range(rounds):
        await to_partner.send(value)
        value = await from_partner.recv()
    await handle
    return value


def run(runtime: ss.Runtime, sizes: Mapping[str, int]) -> int:
    return runtime.spawn(rally, sizes["rounds"]).result()
