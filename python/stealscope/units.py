"""How does a duration or a count given by a person become an integer that the scheduler takes?

Invariant: whatever leaves this file is a plain `int` in range (ns durations: 0 .. 2**63 - 1); everything else is an
error that says what was given, what is allowed, and what to do. Read next: `workloads.py`, its main user.
"""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import SupportsFloat, SupportsIndex, cast

__all__ = [
    "MAX_NS",
    "checked_count",
    "checked_flag",
    "checked_ns",
    "checked_scale",
    "format_ns",
    "ns_to_seconds",
    "optional_seconds_to_ns",
    "seconds_to_ns",
]

MAX_NS = 2**63 - 1
"""Longest duration, 292 years: the scheduler keeps time as signed 64-bit nanoseconds.  [ns]"""

_NS_PER_SECOND = 1_000_000_000


def seconds_to_ns(value: float, name: str = "seconds") -> int:
    """Seconds, as a person gives them, to the nearest nanosecond.

    Args:
        value: any real number except `bool`: int, float, Fraction, Decimal-free NumPy scalars.
        name: the parameter's name, for the message.

    Raises:
        TypeError: not a real number.
        ValueError: negative, NaN, infinite, or more than `MAX_NS`.
    """
    if isinstance(value, bool) or not _is_real(value):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; need seconds as an int or float")
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name}={value!r}; need finite seconds >= 0{_none_hint(name)}")
    # Whole seconds stay exact: a float product would lose nanoseconds above 2**53 ns (104 days).
    whole = int(value)
    ns = whole * _NS_PER_SECOND + round((value - whole) * _NS_PER_SECOND)
    if ns > MAX_NS:
        raise ValueError(f"{name}={value!r}; at most {MAX_NS / _NS_PER_SECOND:.0f} seconds (2**63 - 1 ns) fit; pass fewer")
    return ns


def optional_seconds_to_ns(value: float | None, name: str = "timeout") -> int | None:
    """As `seconds_to_ns`, where None means "no limit" and stays None."""
    return None if value is None else seconds_to_ns(value, name)


def ns_to_seconds(ns: int) -> float:
    """Nanoseconds to seconds, for people and for frames."""
    return ns / _NS_PER_SECOND


def checked_flag(value: bool, name: str) -> bool:
    """A `bool`, and nothing that only counts as one.

    Raises:
        TypeError: anything else.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; need True or False")
    return value


def checked_ns(value: SupportsIndex, name: str = "ns") -> int:
    """A duration that is already in nanoseconds (parameters that end in ``_ns``, or are spelled ``ns=``).

    Raises:
        TypeError: not an integer (a float is refused: 0.5 would silently be seconds or nothing).
        ValueError: negative, or more than `MAX_NS`.
    """
    return checked_count(value, name, low=0, high=MAX_NS, hint="it is in nanoseconds")


def checked_count(value: SupportsIndex, name: str, *, low: int = 0, high: int = MAX_NS, hint: str = "") -> int:
    """An integer in ``low .. high``, whatever integer type it came in.

    Raises:
        TypeError: not an integer; `bool` is refused too.
        ValueError: out of range.
    """
    if isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is a bool; need an int in {low}..{high}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; need an int in {low}..{high}") from None
    if not low <= number <= high:
        raise ValueError(f"{name}={number}; need {low}..{high}" + (f"; {hint}" if hint else ""))
    return number


def checked_scale(scale: float, name: str = "scale") -> float:
    """A factor on recorded times, as a float.

    Raises:
        TypeError: not a real number.
        ValueError: negative, NaN or infinite.
    """
    if isinstance(scale, bool) or not _is_real(scale):
        raise TypeError(f"{name}={scale!r} is a {type(scale).__name__}; need a number, such as 1e-6")
    if not math.isfinite(scale) or scale < 0:
        raise ValueError(f"{name}={scale!r}; need a finite number >= 0; 1e-6 makes a recorded second a microsecond")
    return float(scale)


def format_ns(ns: float) -> str:
    """A duration for a person, three significant digits: ``"950 ns"``, ``"1.23 ms"``, ``"12.3 s"``."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        # 999.5 would print as 1e+03 of the smaller unit: hand it to the larger one.
        if abs(ns) >= 0.9995 * size:
            scaled = ns / size
            return f"{scaled:.0f} {unit}" if abs(scaled) >= 99.95 else f"{scaled:.3g} {unit}"
    return f"{ns:.0f} ns" if abs(ns) >= 99.95 or ns == int(ns) else f"{ns:.3g} ns"


def _is_real(value: object) -> bool:
    if isinstance(value, Real):
        return True
    # NumPy scalars register with numbers.Real; a zero-dimensional array does not, and reads as a number all the same.
    return getattr(value, "shape", None) == () and isinstance(cast("SupportsFloat", value), SupportsFloat)


def _none_hint(name: str) -> str:
    return "; pass None for no limit" if name == "timeout" else ""
