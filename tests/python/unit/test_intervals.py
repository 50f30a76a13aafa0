"""Intervals and p-values of a mean: known answers from scipy, agreement of the two, and coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from stealscope._intervals import Method, holm, mean_interval, t_interval

METHODS: tuple[Method, ...] = ("t", "bootstrap-t", "bca")


def skewed(seed: int = 0, n: int = 25) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=n) - 0.4


def test_the_t_interval_is_scipys() -> None:
    values = skewed()
    expected = stats.ttest_1samp(values, 0.0)
    low, high = expected.confidence_interval(0.9)
    assert t_interval(values, 0.9) == pytest.approx((values.mean(), low, high, expected.pvalue), rel=1e-12)


def test_the_bca_interval_is_scipys_but_for_resampling_noise() -> None:
    values = skewed()
    result = stats.bootstrap((values,), np.mean, n_resamples=99_999, rng=np.random.default_rng(1), vectorized=True, axis=-1)
    ours = mean_interval(values, 0.95, "bca")
    width = ours.high - ours.low
    assert ours.low == pytest.approx(result.confidence_interval.low, abs=0.03 * width)
    assert ours.high == pytest.approx(result.confidence_interval.high, abs=0.03 * width)


def test_a_bootstrap_t_interval_reaches_further_on_the_side_of_the_long_tail() -> None:
    values = skewed()
    low, high = (abs(bound - values.mean()) for bound in mean_interval(values, 0.95, "bootstrap-t")[1:3])
    assert high > 1.2 * low


@pytest.mark.parametrize("method", METHODS)
def test_an_interval_leaves_out_zero_exactly_where_its_p_value_is_small(method: Method) -> None:
    for shift in np.linspace(-0.8, 0.4, 25):
        interval = mean_interval(skewed() + shift, 0.95, method)
        if abs(interval.p - 0.05) > 0.002:  # one resample lies between the bound and the p-value
            assert (interval.p < 0.05) == (not interval.low <= 0 <= interval.high)


@pytest.mark.parametrize(("method", "least"), [("t", 0.87), ("bootstrap-t", 0.92), ("bca", 0.88)])
def test_coverage_on_skewed_values(method: Method, least: float) -> None:
    # Exponential values, n = 20: Student's interval covers too seldom, the studentised bootstrap hardly so.
    rng = np.random.default_rng(7)
    hits = [
        interval.low <= 1.0 <= interval.high
        for interval in (mean_interval(rng.exponential(size=20), 0.95, method) for _ in range(500))
    ]
    assert least <= np.mean(hits) <= 0.98


def test_coverage_on_normal_values_is_the_level() -> None:
    rng = np.random.default_rng(8)
    intervals = [t_interval(rng.standard_normal(10), 0.9) for _ in range(4000)]
    assert np.mean([i.low <= 0 <= i.high for i in intervals]) == pytest.approx(0.9, abs=0.015)
    assert np.mean([i.p < 0.1 for i in intervals]) == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_values_give_the_same_interval(method: Method) -> None:
    assert mean_interval(skewed(), 0.95, method) == mean_interval(skewed(), 0.95, method)


@pytest.mark.parametrize("method", METHODS)
def test_equal_values_give_an_interval_of_no_width(method: Method) -> None:
    assert mean_interval(np.full(12, 0.1), 0.95, method) == (0.1, 0.1, 0.1, 0.0)
    assert mean_interval(np.zeros(12), 0.95, method).p == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_one_value_has_no_interval(method: Method) -> None:
    estimate, *others = mean_interval(np.array([3.0]), 0.95, method)
    assert estimate == 3.0
    assert all(map(math.isnan, others))


def test_holm_gives_the_textbook_answer() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_out_what_has_no_p_value() -> None:
    first, second, third = holm([0.02, math.nan, 0.03])
    assert (first, third) == (0.04, 0.04)
    assert math.isnan(second)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="method='z'; need one of 't', 'bootstrap-t', 'bca'"):
        mean_interval(skewed(), 0.95, "z")  # type: ignore[arg-type]
