"""How sure is a mean? Confidence intervals and p-values of the mean of independent values, and Holm's adjustment.

Invariant: pure and repeatable: bootstraps resample with a fixed counter-based generator, so the same values give the same
interval. An interval and its p-value agree: p < 1 - level exactly where the interval leaves out the null value.
Read next: `comparison.py`, `estimate.py`.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from .errors import import_extra

__all__ = ["FloatArray", "Interval", "Method", "checked_level", "holm", "mean_interval", "t_interval"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
Method = Literal["t", "bootstrap-t", "bca"]

_RESAMPLES = 9_999
"""Bootstrap samples; with 9,999 the bounds of a 95 % interval are the 250th values from either end."""


class Interval(NamedTuple):
    """A mean, its bounds, and the p-value (two-sided) of its being 0; NaN where one value alone says nothing."""

    estimate: float
    low: float
    high: float
    p: float


def mean_interval(values: FloatArray, level: float, method: Method) -> Interval:
    """Interval of the mean of independent `values`, shape ``(n,)``.

    Raises:
        ValueError: another method.
        MissingExtra: scipy is not installed.
    """
    if method not in get_args(Method):
        raise ValueError(f"method={method!r}; need one of {', '.join(map(repr, get_args(Method)))}")
    if method == "t" or values.size < 2 or np.ptp(values) == 0:
        return t_interval(values, level)
    return _bootstrap_t(values, level) if method == "bootstrap-t" else _bca(values, level)


def t_interval(values: FloatArray, level: float) -> Interval:
    """Student's interval; values that are all equal give an interval of no width."""
    n, mean = values.size, float(values.mean()) if values.size else math.nan
    if n < 2:
        return Interval(mean, math.nan, math.nan, math.nan)
    if np.ptp(values) == 0:
        mean = float(values[0])
        return Interval(mean, mean, mean, 1.0 if mean == 0 else 0.0)
    special = import_extra("scipy.special", "stats")
    error = float(values.std(ddof=1)) / math.sqrt(n)
    half = float(special.stdtrit(n - 1, (1 + level) / 2)) * error
    return Interval(mean, mean - half, mean + half, 2 * float(special.stdtr(n - 1, -abs(mean / error))))


def _bootstrap_t(values: FloatArray, level: float) -> Interval:
    """Resamples the studentised mean: right for skewed values too, where Student's bounds are not.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 12.5.
    """
    n, mean = values.size, float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(n)
    means, deviations = _resampled(values)
    varied = deviations > 0  # a sample of one value n times has no studentised mean
    ratios = np.sort((means[varied] - mean) / (deviations[varied] / math.sqrt(n)))
    low, high = (_order_statistic(ratios, q) for q in ((1 + level) / 2, (1 - level) / 2))
    below, above = np.sum(ratios <= mean / error), np.sum(ratios >= mean / error)
    p = 2 * (1 + min(below, above)) / (ratios.size + 1)
    return Interval(mean, mean - low * error, mean - high * error, min(1.0, float(p)))


def _bca(values: FloatArray, level: float) -> Interval:
    """Bias-corrected and accelerated percentiles of the resampled mean.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 14.3; the p-value inverts the interval.
    """
    special = import_extra("scipy.special", "stats")
    mean = float(values.mean())
    means = np.sort(_resampled(values)[0])
    centred = values - mean
    acceleration = float((centred**3).sum()) / (6 * float((centred**2).sum()) ** 1.5)
    bias = _normal_score(special, means, mean)

    def bound(probability: float) -> float:
        z = bias + float(special.ndtri(probability))
        return _order_statistic(means, float(special.ndtr(bias + z / (1 - acceleration * z))))

    shifted = _normal_score(special, means, 0.0) - bias
    tail = float(special.ndtr(-abs(shifted / (1 + acceleration * shifted) - bias)))
    return Interval(mean, bound((1 - level) / 2), bound((1 + level) / 2), min(1.0, 2 * tail))


def _normal_score(special: object, ordered: FloatArray, value: float) -> float:
    # Half of the ties count as below; a value beyond all samples is as if half a sample lay there.
    below = (np.searchsorted(ordered, value, "left") + np.searchsorted(ordered, value, "right")) / 2
    share = min(max(float(below), 0.5), ordered.size - 0.5) / ordered.size
    return float(special.ndtri(share))  # type: ignore[attr-defined]


def _resampled(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means and standard deviations of the bootstrap samples, drawn in parts that fit the cache; each shape ``(_RESAMPLES,)``."""
    generator = np.random.Generator(np.random.Philox(key=0))
    rows = max(1, 2**18 // values.size)
    means, deviations = [], []
    for start in range(0, _RESAMPLES, rows):
        part = values[generator.integers(values.size, size=(min(rows, _RESAMPLES - start), values.size))]
        means.append(part.mean(axis=1))
        deviations.append(part.std(axis=1, ddof=1))
    return np.concatenate(means), np.concatenate(deviations)


def _order_statistic(ordered: FloatArray, probability: float) -> float:
    position = round(probability * (ordered.size + 1)) - 1
    return float(ordered[min(max(position, 0), ordered.size - 1)])


def holm(p_values: list[float]) -> list[float]:
    """P-values adjusted so that the chance of any false finding among them stays below the level; NaN counts for nothing.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    known = sorted((p, position) for position, p in enumerate(p_values) if not math.isnan(p))
    adjusted, largest = list(p_values), 0.0
    for rank, (p, position) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[position] = largest
    return adjusted


def checked_level(level: float) -> float:
    """A confidence level strictly between 0 and 1.

    Raises:
        ValueError: anything else.
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level!r}; need a number strictly between 0 and 1, such as 0.95")
    return level
