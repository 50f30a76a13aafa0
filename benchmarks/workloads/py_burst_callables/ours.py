"""What does a small callable cost, from `Runtime.spawn` to `JoinHandle.result`?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import stealscope


def increment(value: int) -> int:
    return value + 1


def run(runtime: stealscope.Runtime, sizes: Mapping[str, int]) -> int:
    handles = [runtime.spawn(increment, value) for value in range(sizes["calls"])]
    return sum(handle.result() for handle in handles)
