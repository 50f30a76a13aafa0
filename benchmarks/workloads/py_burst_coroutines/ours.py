"""What does a coroutine cost as a task of ours, from `spawn` to `await handle`?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import stealscope as ss

if TYPE_CHECKING:
    from collections.abc import Mapping


async def increment(value: int) -> int:
    await ss.yield_now()
    return value + 1


async def burst(coroutines: int) -> int:
    handles = [ss.spawn(increment, value) for value in range(coroutines)]
    return sum([await handle for handle in handles])


def run(runtime: ss.Runtime, sizes: Mapping[str, int]) -> int:
    return runtime.spawn(burst, sizes["coroutines"]).result()
