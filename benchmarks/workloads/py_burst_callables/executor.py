"""What does a small callable cost in an executor of `concurrent.futures`, from `submit` to `result`?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor


def increment(value: int) -> int:
    return value + 1


def run(executor: Executor, sizes: Mapping[str, int]) -> int:
    futures = [executor.submit(increment, value) for value in range(sizes["calls"])]
    return sum(future.result() for future in futures)
