"""What does a small callable cost in joblib's thread pool, with its own batching?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joblib import delayed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joblib import Parallel


def increment(value: int) -> int:
    return value + 1


def run(parallel: Parallel, sizes: Mapping[str, int]) -> int:
    return sum(parallel(delayed(increment)(value) for value in range(sizes["calls"])))
