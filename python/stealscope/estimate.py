"""What is the mean of a steady state, seen in one run that began empty and whose observations depend on each other?

Invariant: pure functions of an array. The run-in is cut where the standard error of what remains is smallest (MSER-5); the
rest is cut into equal batches, oldest first, whose means give a Student-t interval. Read next: `_intervals.py` (the interval),
`report.py` (`Report.sojourn`).
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from . import _html
from ._intervals import FloatArray, checked_level, t_interval
from .units import checked_count, format_ns

__all__ = ["Estimate", "mser5", "steady_state"]

Warmup: TypeAlias = Literal["mser5"] | int

_QUANTILES = (0.5, 0.9, 0.99, 0.999)
_GROUP = 5
_CORRELATED = 1.645
"""Batch means that do not depend on each other exceed this / sqrt(batches) in lag 1 in about one run of twenty."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A steady-state mean with its interval.

    Attributes:
        mean: in the unit of the observations (ns for sojourns).
        low: the lower end of its interval.
        high: the upper end.
        quantiles: point estimates from the observations kept, by probability: 0.5, 0.9, 0.99, 0.999.
        discarded: observations left out at the beginning.
        lag1: correlation of each batch mean with the next; near 0 if the batches are long enough.
        level: confidence level of the interval.
        batches: number of batches.
        n: observations kept.
    """

    mean: float
    low: float
    high: float
    quantiles: Mapping[float, float]
    discarded: int
    lag1: float
    level: float
    batches: int
    n: int

    def to_dict(self) -> dict[str, Any]:
        """All fields, JSON-serialisable; the quantiles by their probability as text."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return values | {"quantiles": {str(p): value for p, value in self.quantiles.items()}}

    def __str__(self) -> str:
        return (
            f"{format_ns(self.mean)} ({self.level:.0%}: {format_ns(self.low)} .. {format_ns(self.high)}; "
            f"{self.n:,} kept, {self.discarded:,} discarded, lag 1 {self.lag1:+.2f})"
        )

    def _repr_html_(self) -> str:
        quantiles = [(f"{100 * p:g} % within", format_ns(value)) for p, value in self.quantiles.items()]
        return _html.pairs(
            [
                ("mean", format_ns(self.mean)),
                (f"{self.level:.0%} interval", f"{format_ns(self.low)} .. {format_ns(self.high)}"),
                *quantiles,
                ("kept", self.n),
                ("discarded", self.discarded),
                ("batches, lag 1", f"{self.batches}, {self.lag1:+.2f}"),
            ],
            marked=["mean"],
        )


def steady_state(values: npt.ArrayLike, *, warmup: Warmup = "mser5", batches: int = 20, level: float = 0.95) -> Estimate:
    """Mean of the steady state behind `values`, with a batch-means interval.

    Args:
        values: observations in the order in which they arose, shape ``(n,)``.
        warmup: ``"mser5"``, or how many observations to leave out at the beginning. What does not fill the batches evenly
            is left out there too.
        batches: number of batches; 10 to 30 is usual: more of them are shorter and correlate.
        level: confidence level.

    Warns:
        UserWarning: the batch means correlate, or the run-in seems to be longer than half of the run; either way the interval
            is too narrow: make the run longer.

    Raises:
        ValueError: not one-dimensional or not finite; fewer than one observation a batch after the warm-up.
        MissingExtra: scipy is not installed.

    Source: White 1997 (MSER-5); Law, Simulation Modeling and Analysis, ch. 9 (batch means).
    """
    data = _checked(values)
    batches = checked_count(batches, "batches", low=2)
    cut = mser5(data) if warmup == "mser5" else _checked_warmup(warmup)
    size = (data.size - cut) // batches
    if size < 1:
        raise ValueError(
            f"{data.size} observations less {cut} of warm-up; need {batches}, one for each batch: make the run longer"
        )
    kept = data[data.size - size * batches :]
    means = kept.reshape(batches, size).mean(axis=1)
    lag1 = _lag1(means)
    _warn_of_bias(lag1, batches, half_cut=warmup == "mser5" and cut > 0 and cut >= data.size // 2 - _GROUP)
    interval = t_interval(means, checked_level(level))
    quantiles = dict(zip(_QUANTILES, np.quantile(kept, _QUANTILES).tolist(), strict=True))
    return Estimate(
        mean=interval.estimate,
        low=interval.low,
        high=interval.high,
        quantiles=quantiles,
        discarded=data.size - kept.size,
        lag1=lag1,
        level=level,
        batches=batches,
        n=kept.size,
    )


def mser5(values: npt.ArrayLike) -> int:
    """How many observations to leave out at the beginning: a multiple of 5, at most half of them.

    The rule takes means of 5, and cuts where the variance of those that remain, divided by their number once more, is smallest;
    the earliest such place among equals.
    """
    data = _checked(values)
    groups = data.size // _GROUP
    if groups < 2:
        return 0
    # Centred first, so that the sum of squares less the square of the sum does not lose its digits.
    means = data[: groups * _GROUP].reshape(groups, _GROUP).mean(axis=1) - data.mean()
    remaining = np.arange(groups, 0, -1)
    sums = np.cumsum(means[::-1])[::-1]
    squares = np.cumsum(means[::-1] ** 2)[::-1]
    marginal = (squares - sums**2 / remaining) / remaining.astype(np.float64) ** 2
    return int(np.argmin(marginal[: groups // 2 + 1])) * _GROUP


def _checked(values: npt.ArrayLike) -> FloatArray:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1:
        raise ValueError(f"values have shape {data.shape}; need one dimension, in the order of observation")
    bad = np.flatnonzero(~np.isfinite(data))
    if bad.size:
        raise ValueError(f"values[{bad[0]}]={data[bad[0]]}; need finite numbers")
    return data


def _checked_warmup(warmup: int | str) -> int:
    if isinstance(warmup, str):
        raise ValueError(f"warmup={warmup!r}; need 'mser5' or the number of observations to leave out")
    return checked_count(warmup, "warmup", hint="it is a number of observations")


def _lag1(means: FloatArray) -> float:
    centred = means - means.mean()
    square = float(centred @ centred)
    return float(centred[:-1] @ centred[1:]) / square if square > 0 else 0.0


def _warn_of_bias(lag1: float, batches: int, *, half_cut: bool) -> None:
    if half_cut:
        warnings.warn("MSER-5 would cut half of the run or more: it may still be running in; make it longer", stacklevel=3)
    if lag1 > _CORRELATED / batches**0.5:
        warnings.warn(
            f"batch means correlate (lag 1 is {lag1:.2f}): the interval is too narrow; make the run longer or take fewer batches",
            stacklevel=3,
        )
