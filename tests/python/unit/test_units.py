"""Durations and counts from people: what is accepted, how it is rounded, what the errors say."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stealscope.units import MAX_NS, checked_count, checked_ns, format_ns, optional_seconds_to_ns, seconds_to_ns


@pytest.mark.parametrize(
    ("seconds", "ns"),
    [(0, 0), (1, 10**9), (0.1, 10**8), (1e-9, 1), (0.4e-9, 0), (0.6e-9, 1), (1.5, 1_500_000_000), (Fraction(1, 4), 250_000_000)],
)
def test_seconds_round_to_the_nearest_nanosecond(seconds: float, ns: int) -> None:
    assert seconds_to_ns(seconds) == ns


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), np.int32(1), np.array(0.5)])
def test_numpy_numbers_are_numbers(number: object) -> None:
    assert seconds_to_ns(number) in (500_000_000, 10**9)  # type: ignore[arg-type]


@given(st.integers(0, 2**33))
def test_whole_seconds_are_exact_however_many(seconds: int) -> None:
    assert seconds_to_ns(float(seconds)) == seconds * 10**9


@given(st.integers(0, 10**12))
def test_nanoseconds_survive_the_way_through_seconds(ns: int) -> None:
    assert seconds_to_ns(ns / 1e9) == ns


@pytest.mark.parametrize("bad", [-1, -1e-9, float("nan"), float("inf"), float("-inf"), 1e10, 2**70])
def test_a_duration_out_of_range_is_a_value_error_that_names_it(bad: float) -> None:
    with pytest.raises(ValueError, match=r"timeout=") as error:
        seconds_to_ns(bad, "timeout")
    assert repr(bad) in str(error.value)


@pytest.mark.parametrize("bad", ["1", True, 1j, [1], b"1", np.array([1.0])])
def test_what_is_no_number_is_a_type_error(bad: object) -> None:
    with pytest.raises(TypeError, match=r"need seconds"):
        seconds_to_ns(bad)  # type: ignore[arg-type]


def test_no_limit_stays_none() -> None:
    assert optional_seconds_to_ns(None) is None
    assert optional_seconds_to_ns(2) == 2 * 10**9


def test_nanoseconds_are_integers() -> None:
    assert checked_ns(MAX_NS) == MAX_NS
    with pytest.raises(TypeError, match=r"work_ns=0\.5 is a float"):
        checked_ns(0.5, "work_ns")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"work_ns=-1; need 0\.\."):
        checked_ns(-1, "work_ns")


def test_a_count_may_be_any_integer_type_but_no_bool() -> None:
    assert type(checked_count(np.int8(3), "workers")) is int
    with pytest.raises(TypeError, match=r"workers=True is a bool"):
        checked_count(True, "workers")
    with pytest.raises(ValueError, match=r"workers=0; need 1\.\.65535; leave it out"):
        checked_count(0, "workers", low=1, high=65535, hint="leave it out for one per core")


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1000, "1 us"),
        (1234, "1.23 us"),
        (999_999, "1 ms"),
        (12_345_678, "12.3 ms"),
        (3e11, "300 s"),
    ],
)
def test_durations_for_people_have_three_digits(ns: float, text: str) -> None:
    assert format_ns(ns) == text
