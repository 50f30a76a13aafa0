"""What does a sleep cost, when ten thousand coroutines sleep for 1 to 10 ms at once?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import stealscope as ss

if TYPE_CHECKING:
    from collections.abc import Mapping


async def sleeper(number: int) -> int:
    await ss.sleep(0.001 * (1 + number % 10))
    return 1


async def together(sleepers: int) -> int:
    handles = [ss.spawn(sleeper, number) for number in range(sleepers)]
    return sum([await handle for handle in handles])


def run(runtime: ss.Runtime, sizes: Mapping[str, int]) -> int:
    return runtime.spawn(together, sizes["sleepers"]).result()
