"""Service laws: exact draws, moments, quantiles, and what is refused."""

from __future__ import annotations

import hashlib
import math
import pickle
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from stealscope import dist

N = 200_000
US = 1e-6

LAWS = [
    dist.deterministic(10 * US),
    dist.exponential(10 * US),
    dist.hyperexponential(10 * US, 4.0),
    dist.lognormal(10 * US, 2.0),
    dist.empirical([5 * US, 15 * US]),
]


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_draws_have_the_mean_and_the_variance_of_the_law(law: dist.Law) -> None:
    draws = law.sample(N, seed=1).astype(np.float64)
    assert draws.mean() == pytest.approx(law.mean * 1e9, rel=0.02)
    assert draws.var() / draws.mean() ** 2 == pytest.approx(law.cv2, rel=0.1, abs=1e-12)


def test_an_exponential_draw_is_the_logarithm_of_its_word() -> None:
    words = np.random.Philox(key=np.array([5, 0], dtype=np.uint64), counter=np.array([2**64 - 1] * 4, dtype=np.uint64))
    # NumPy counts up before it draws: from all ones to 0, which is our first job.
    first = words.random_raw(40).reshape(10, 4)[:, 0]
    expected = [-math.log((int(word) + 1) / 2**64) * 1e9 * 1e4 for word in first]
    assert dist.exponential(1e4).sample(10, seed=5) == pytest.approx(expected, rel=1e-9)


def test_quantiles_of_the_lognormal_law_are_those_of_the_normal() -> None:
    law = dist.lognormal(1.0, 3.0)
    sigma = math.sqrt(math.log(4.0))
    draws = np.log(law.sample(N, seed=3) / 1e9)
    for p in (0.001, 0.05, 0.5, 0.95, 0.999):
        assert np.quantile(draws, p) == pytest.approx(sigma * NormalDist().inv_cdf(p) - sigma**2 / 2, abs=0.05)


def test_a_law_is_a_value() -> None:
    for law in LAWS:
        copy = pickle.loads(pickle.dumps(law))
        assert copy == law
        assert hash(copy) == hash(law)
        assert not copy.values.flags.writeable
    assert len(set(LAWS)) == len(LAWS)
    assert dist.exponential(1.0) != dist.exponential(2.0)


def test_the_first_draws_do_not_depend_on_how_many_are_asked_for() -> None:
    for law in LAWS:
        assert law.sample(100, seed=9)[:10].tolist() == law.sample(10, seed=9).tolist()
    assert dist.exponential(1.0).sample(5, seed=1).tolist() != dist.exponential(1.0).sample(5, seed=2).tolist()


def test_draws_are_the_same_on_every_machine() -> None:
    digest = hashlib.sha256()
    for law in LAWS:
        digest.update(law.sample(1000, seed=81).astype("<i8").tobytes())
    assert digest.hexdigest()[:16] == "ff01e2bd0bd795a6"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: dist.exponential(-1.0), ValueError, r"mean=-1\.0; need finite seconds >= 0"),
        (lambda: dist.exponential(float("nan")), ValueError, "mean=nan"),
        (lambda: dist.exponential(1e9), ValueError, "need at most 70369 seconds"),
        (lambda: dist.exponential("1"), TypeError, "mean='1' is a str"),
        (lambda: dist.hyperexponential(1.0, 0.5), ValueError, r"cv2=0\.5; need 1\.\.1000; use lognormal for less"),
        (lambda: dist.lognormal(1.0, 2000.0), ValueError, r"cv2=2000\.0; need 0\.\.1000"),
        (lambda: dist.empirical([]), ValueError, r"shape \(0,\); need one dimension and at least one"),
        (lambda: dist.empirical([1.0, -1.0]), ValueError, r"array\[1\]=-1\.0"),
        (lambda: dist.exponential(1.0).sample(-1), ValueError, "n=-1"),
    ],
)
def test_what_is_no_law_is_refused(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
