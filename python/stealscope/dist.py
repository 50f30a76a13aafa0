"""How long are gaps and jobs? Service laws as values, in seconds, for `workloads.open_system`.

Invariant: a draw is a function of (law, seed, job number), made in C++ from integers without the machine's mathematics library: the
same ns everywhere. Read next: `open_system.py`.

    >>> from stealscope import dist
    >>> law = dist.exponential(10e-6)
    >>> law.sample(3, seed=1).tolist() == law.sample(5, seed=1)[:3].tolist()
    True
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from . import _core
from .graph import IntArray, frozen_int64
from .units import MAX_NS, checked_count, seconds_to_ns

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Law", "deterministic", "empirical", "exponential", "hyperexponential", "lognormal"]

Kind = Literal["deterministic", "exponential", "hyperexponential", "lognormal", "empirical"]

_KINDS: tuple[Kind, ...] = ("deterministic", "exponential", "hyperexponential", "lognormal", "empirical")
_MAX_MEAN = 2.0**46 / 1e9
"""Longest mean, 19 hours: C++ keeps means in 2**-16 ns, with room for a branch of twice the mean.  [s]"""
_MAX_CV2 = 1000.0


@dataclass(frozen=True, eq=False, repr=False)
class Law:
    """A distribution of durations; make one with the functions of this module.

    Attributes:
        kind: the constructor's name.
        mean: seconds.
        cv2: squared coefficient of variation: variance / mean**2.
        values: of an empirical law, ns; else empty.
    """

    kind: Kind
    mean: float
    cv2: float
    values: IntArray

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Law) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        if self.kind == "empirical":
            return f"dist.empirical(<{self.values.size:,} values, mean {self.mean:.6g} s>)"
        shape = f", {self.cv2!r}" if self.kind in ("hyperexponential", "lognormal") else ""
        return f"dist.{self.kind}({self.mean!r}{shape})"

    def sample(self, n: int, *, seed: int = 0) -> IntArray:
        """The first n draws of a seed.

        Args:
            n: how many.
            seed: 0 .. 2**63 - 1.

        Returns:
            Durations, ns, int64, shape ``(n,)``.
        """
        return self.draws(checked_count(n, "n"), checked_count(seed, "seed"), column=0)

    def draws(self, n: int, seed: int, *, column: int) -> IntArray:
        """As `sample`, of one of two independent columns: an open system's gaps (0) or sizes (1)."""
        result = _core._draw_law(self.native(), self.values, seed, n, column)
        result.setflags(write=False)
        return result

    def native(self) -> tuple[int, int, int, int]:
        """The four integers that the C++ side takes; see ``rt/workload/law.hpp``."""
        number, mean = _KINDS.index(self.kind), Fraction(self.mean) * 10**9
        match self.kind:
            case "hyperexponential":
                # Balanced means: both branches carry half of the load. Only what IEEE 754 defines to the bit is used.
                first = (1.0 + math.sqrt((self.cv2 - 1.0) / (self.cv2 + 1.0))) / 2.0
                rest = 1 - Fraction(first)
                return number, min(round(first * 2.0**63), MAX_NS), _q16(mean / (2 * Fraction(first))), _q16(mean / (2 * rest))
            case "lognormal":
                return number, _q16(mean), round(Fraction(self.cv2) * 2**32), 0
            case "empirical":
                return number, 0, 0, 0
        return number, _q16(mean), 0, 0

    def __reduce__(self) -> tuple[Any, ...]:
        if self.kind == "empirical":
            return _from_ns, (self.values,)
        return _without_values, (self.kind, self.mean, self.cv2)

    def _key(self) -> tuple[Any, ...]:
        return self.kind, self.mean, self.cv2, self.values.tobytes()


def deterministic(mean: float) -> Law:
    """Always `mean` seconds, to the nearest ns.

    Raises:
        ValueError: negative, NaN, infinite or more than 19 hours; so for all laws.
    """
    return Law("deterministic", _checked_mean(mean), 0.0, _NO_VALUES)


def exponential(mean: float) -> Law:
    """Memoryless, with a mean in seconds: gaps of a Poisson stream."""
    return Law("exponential", _checked_mean(mean), 1.0, _NO_VALUES)


def hyperexponential(mean: float, cv2: float) -> Law:
    """One of two exponentials, with balanced means: many short jobs and a few long ones.

    Args:
        mean: seconds.
        cv2: squared coefficient of variation, 1 .. 1000; 1 is `exponential`.
    """
    return Law("hyperexponential", _checked_mean(mean), _checked_cv2(cv2, 1.0), _NO_VALUES)


def lognormal(mean: float, cv2: float) -> Law:
    """A duration whose logarithm is normal.

    Args:
        mean: seconds, of the duration itself.
        cv2: its squared coefficient of variation, 0 .. 1000.
    """
    return Law("lognormal", _checked_mean(mean), _checked_cv2(cv2, 0.0), _NO_VALUES)


def empirical(array: npt.ArrayLike) -> Law:
    """One of the given durations, each as likely.

    Args:
        array: seconds, shape ``(k,)``, at least one; kept to the nearest ns.

    Raises:
        ValueError: empty, not one-dimensional, or a value that is negative, NaN or infinite.
    """
    seconds = np.asarray(array, dtype=np.float64)
    if seconds.ndim != 1 or seconds.size == 0:
        raise ValueError(f"array has shape {seconds.shape}; need one dimension and at least one duration, in seconds")
    bad = np.flatnonzero(~(np.isfinite(seconds) & (seconds >= 0) & (seconds <= _MAX_MEAN)))
    if bad.size:
        raise ValueError(f"array[{bad[0]}]={seconds[bad[0]]}; need finite seconds in 0..{_MAX_MEAN:.0f}")
    return _from_ns(np.array([seconds_to_ns(value) for value in seconds.tolist()], dtype=np.int64))


def _without_values(kind: Kind, mean: float, cv2: float) -> Law:
    return Law(kind, mean, cv2, _NO_VALUES)


def _from_ns(values: IntArray) -> Law:
    values = frozen_int64(values, "values")
    total = sum(values.tolist())
    squares = sum(value * value for value in values.tolist())
    cv2 = float(Fraction(squares * values.size, total * total)) - 1.0 if total else 0.0
    return Law("empirical", total / values.size / 1e9, cv2, values)


def _checked_mean(mean: float) -> float:
    seconds_to_ns(mean, "mean")
    if mean > _MAX_MEAN:
        raise ValueError(f"mean={mean!r}; need at most {_MAX_MEAN:.0f} seconds")
    return float(mean)


def _checked_cv2(cv2: float, low: float) -> float:
    if isinstance(cv2, bool) or not low <= cv2 <= _MAX_CV2:
        raise ValueError(f"cv2={cv2!r}; need {low:g}..{_MAX_CV2:g}" + ("; use lognormal for less" if low else ""))
    return float(cv2)


def _q16(ns: Fraction) -> int:
    return min(round(ns * 2**16), MAX_NS)


_NO_VALUES = frozen_int64(np.zeros(0, dtype=np.int64), "values")
