"""Steady-state estimates: where the run-in ends, how wide the interval is, and whether it holds what it promises."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from stealscope import workloads
from stealscope.estimate import mser5, steady_state
from stealscope.report import Report

RUNS = 300


def autoregressive(rng: np.random.Generator, runs: int, n: int, *, phi: float, start: float = 0.0) -> np.ndarray:
    """AR(1) processes of mean 0, one a row, each beginning at `start`."""
    noise = rng.standard_normal((runs, n))
    values = np.empty_like(noise)
    level = np.full(runs, start)
    for column in range(n):
        level = phi * level + noise[:, column]
        values[:, column] = level
    return values


def mm1_sojourns(rng: np.random.Generator, runs: int, n: int, *, load: float) -> np.ndarray:
    """Sojourn times of M/M/1 queues that begin empty, one run a row; mean service 1. Lindley's recursion, unrolled."""
    service, gaps = rng.exponential(1.0, (runs, n)), rng.exponential(1.0 / load, (runs, n))
    steps = np.zeros((runs, n))
    steps[:, 1:] = service[:, :-1] - gaps[:, 1:]
    walk = np.cumsum(steps, axis=1)
    return walk - np.minimum.accumulate(walk, axis=1) + service


def coverage(runs: np.ndarray, truth: float, **options: object) -> float:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *args, **kwargs: None)  # a few runs in a hundred correlate: that is the method
        estimates = [steady_state(run, **options) for run in runs]  # type: ignore[arg-type]
    return float(np.mean([e.low <= truth <= e.high for e in estimates]))


def test_the_cut_of_a_decay_into_a_flat_line_is_where_the_decay_ends() -> None:
    run_in = np.repeat([64.0, 32.0, 16.0, 8.0, 4.0], 5)
    flat = np.tile([0.9, 1.0, 1.1, 1.0, 1.0], 60)
    assert mser5(np.concatenate([run_in, flat])) == 25


def test_a_flat_series_loses_nothing() -> None:
    assert mser5(np.ones(1000)) == 0


def test_the_cut_is_the_one_that_the_definition_gives() -> None:
    rng = np.random.default_rng(5)
    for size in (10, 11, 57, 400):
        values = rng.exponential(size=size) + 3 * np.exp(-np.arange(size) / 20)
        means = values[: size // 5 * 5].reshape(-1, 5).mean(axis=1)
        m = len(means)
        scores = [np.sum((means[d:] - means[d:].mean()) ** 2) / (m - d) ** 2 for d in range(m // 2 + 1)]
        assert mser5(values) == 5 * int(np.argmin(scores))


def test_an_ar1_interval_covers_the_mean_as_often_as_it_says() -> None:
    runs = autoregressive(np.random.default_rng(1), RUNS, 4000, phi=0.8)
    assert 0.91 <= coverage(runs, 0.0, warmup=0) <= 0.98


def test_cutting_off_a_bad_start_makes_the_interval_narrow_and_still_right() -> None:
    runs = autoregressive(np.random.default_rng(2), RUNS, 2000, phi=0.9, start=400.0)
    whole, cut = steady_state(runs[0], warmup=0), steady_state(runs[0])
    assert cut.high - cut.low < (whole.high - whole.low) / 10
    assert 0.90 <= coverage(runs, 0.0, warmup="mser5") <= 0.98


@pytest.mark.parametrize(("load", "n"), [(0.5, 5_000), (0.8, 20_000)])
def test_an_mm1_interval_covers_the_closed_form(load: float, n: int) -> None:
    runs = mm1_sojourns(np.random.default_rng(3), RUNS, n, load=load)
    assert 0.89 <= coverage(runs, 1 / (1 - load)) <= 0.98


def test_mm1_quantiles_are_those_of_the_exponential() -> None:
    run = mm1_sojourns(np.random.default_rng(4), 1, 2_000_000, load=0.5)[0]
    estimate = steady_state(run)
    for p, value in estimate.quantiles.items():
        assert value == pytest.approx(-np.log(1 - p) * 2, rel=0.06)


def test_batches_that_are_too_short_are_told() -> None:
    run = autoregressive(np.random.default_rng(6), 1, 400, phi=0.99)[0]
    with pytest.warns(UserWarning, match="batch means correlate"):
        steady_state(run, warmup=0)


def test_a_run_that_is_still_running_in_is_told() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        steady_state(np.exp(-np.arange(500) / 400.0))
    assert ["still be running in" in str(warning.message) for warning in caught] == [True, False]


def test_what_does_not_fill_the_batches_is_discarded_at_the_beginning() -> None:
    values = np.concatenate([np.full(7, 1e6), np.tile([1.0, 2.0, 1.0, 2.0, 2.0, 1.0], 10)])
    estimate = steady_state(values, warmup=5, batches=4)
    assert (estimate.discarded, estimate.n, estimate.batches) == (7, 60, 4)
    assert estimate.mean == 1.5


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.ones((2, 2)), {}, "one dimension"),
        ([1.0, float("nan")], {}, r"values\[1\]=nan"),
        (np.ones(19), {"warmup": 0}, "need 20, one for each batch"),
        (np.ones(100), {"warmup": "mser"}, "need 'mser5'"),
        (np.ones(100), {"warmup": -1}, "warmup=-1"),
        (np.ones(100), {"batches": 1}, "batches=1"),
        (np.ones(100), {"level": 95.0}, "level=95.0"),
    ],
)
def test_a_bad_argument_is_refused_with_what_is_allowed(values: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        steady_state(values, **options)  # type: ignore[arg-type]


def test_an_estimate_is_json_and_text() -> None:
    estimate = steady_state(np.random.default_rng(8).exponential(2e6, 5000))
    assert json.loads(json.dumps(estimate.to_dict()))["quantiles"].keys() == {"0.5", "0.9", "0.99", "0.999"}
    assert str(estimate).startswith("2.0")
    assert "ms" in str(estimate)


def report(sojourns: object) -> Report:
    return Report.from_run(
        workloads.fib(3),
        makespan=1,
        metrics={},
        engine="sim",
        policy="tokio",
        workers=1,
        seed=0,
        result=2,
        sojourns=sojourns,
        busy=None,
    )


def test_a_report_estimates_its_sojourns() -> None:
    sojourns = np.random.default_rng(9).exponential(1000.0, 4000).astype(np.int64)
    estimate = report(sojourns).sojourn()
    assert estimate == steady_state(sojourns)
    assert estimate.low < 1000 < estimate.high
    assert report(sojourns).sojourn(warmup=100, batches=10).batches == 10


def test_a_report_without_sojourns_says_what_has_them() -> None:
    with pytest.raises(ValueError, match="open_system"):
        report(None).sojourn()
