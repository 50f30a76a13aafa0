"""What does a small callable cost as a key of a dask graph, run by the threaded scheduler?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def increment(value: int) -> int:
    return value + 1


def run(get: Callable[..., tuple[int, ...]], sizes: Mapping[str, int]) -> int:
    graph = {f"call-{value}": (increment, value) for value in range(sizes["calls"])}
    return sum(get(graph, list(graph)))
