"""Gast and Gaujal 2010: stealing pays even when a steal takes long; between clusters load, not distance, decides where to steal.

An open system at load 0.9. First, every look at a victim takes a latency, up to several service times. Then two clusters: a look
inside one takes 0.05 service times, across 0.5; one cluster is half as fast as the other, so that alone it could not keep up.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import stealscope as ss
from claims import MEAN, Estimate, Row, estimate, main, sojourn_means

__all__ = ["clusters", "measure", "near_first", "with_latency"]

_LOAD = 0.9
_ALONE = 1 / (1 - _LOAD)  # M/M/1: what the same jobs take without stealing
_NEAR, _FAR = 0.05, 0.5  # service times
_SLOW, _FAST = 2 / 3, 4 / 3  # mean 1: alone, the slow cluster's load would be 1.35


def near_first(thief: int, attempt: int, lengths: tuple[int, ...], choose: Callable[[int], int]) -> int:
    """A first look at a random peer of the own cluster, a second one across."""
    half = len(lengths) // 2
    own, place = divmod(thief, half)
    if attempt:
        return (1 - own) * half + choose(half)
    peer = choose(half - 1)
    return own * half + peer + (peer >= place)


def _policy(**fields: object) -> ss.Policy:
    one_try: dict[str, object] = {"lifo_slot": False, "attempts": 1, "retry": False, "victims": "uniform", "steal_threshold": 2}
    return ss.Policy(**(one_try | fields))  # type: ignore[arg-type]


def with_latency(latency: float, *, workers: int, replications: int) -> Estimate:
    """Mean time when each look, in vain or not, keeps the thief for `latency` service times."""
    costs = ss.Costs.from_dict(ss.Costs.zero().to_dict() | {"steal_hit": latency * MEAN, "steal_miss": latency * MEAN})
    sizes = {"jobs": 200 * workers, "warmup": 100 * workers}
    return estimate(sojourn_means(_LOAD, workers, _policy(), **sizes, replications=replications, costs=costs))


def clusters(victims: object, *, workers: int, replications: int, looks: int = 1) -> list[float]:
    """Mean time in the two clusters, a value a seed; a search has so many looks."""
    cluster = np.arange(workers) // (workers // 2)
    topology = np.where(cluster[:, None] == cluster[None, :], _NEAR, _FAR) * MEAN
    return sojourn_means(
        _LOAD,
        workers,
        _policy(victims=victims, steal="half", attempts=looks),
        jobs=100 * workers,
        warmup=100 * workers,
        replications=replications,
        topology=topology,
        speeds=np.where(cluster == 0, _SLOW, _FAST),
    )


def measure(quick: bool) -> list[Row]:
    workers, replications = (32, 5) if quick else (128, 20)
    rows = []
    for latency in (0.1, 0.5, 1.0, 2.0):
        ours = with_latency(latency, workers=workers, replications=replications)
        claim = f"a look takes {latency:g} service times: stealing beats none (T = {_ALONE:.0f})"
        rows.append(Row(claim, f"T = {ours}", ours.high < _ALONE))
    for name, by_distance, looks in (("nearest", "nearest", 1), ("near first, then across", near_first, 2)):
        distance = clusters(by_distance, workers=workers, replications=replications, looks=looks)
        for by_load in ("two-choices", "longest"):
            load = clusters(by_load, workers=workers, replications=replications, looks=looks)
            ratio = estimate([a / b for a, b in zip(load, distance, strict=True)])
            claim = f"two clusters, {looks} looks at most: by load ({by_load}) beats by distance ({name})"
            text = f"T = {estimate(load).mean:.4g} against {estimate(distance).mean:.4g}, ratio {ratio}"
            rows.append(Row(claim, text, ratio.high < 1))
    return rows


if __name__ == "__main__":
    main(__doc__, measure)
