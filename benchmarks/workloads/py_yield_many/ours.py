"""What does a turn of the scheduler cost, when coroutines do nothing but give way to each other?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import stealscope as ss

if TYPE_CHECKING:
    from collections.abc import Mapping


async def yielder(yields: int) -> int:
    for _ in range(yields):
        await ss.yield_now()
    return yields


async def together(tasks: int, yields: int) -> int:
    handles = [ss.spawn(yielder, yields) for _ in range(tasks)]
    return sum([await handle for handle in handles])


def run(runtime: ss.Runtime, sizes: Mapping[str, int]) -> int:
    return runtime.spawn(together, sizes["tasks"], sizes["yields"]).result()
