"""Laws of the experiments' statistics, for any values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stealscope._intervals import holm, t_interval
from stealscope._streams import STREAMS, shuffled, stream_key
from stealscope.estimate import mser5

moderate = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_only_raises_p_values_and_keeps_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)
    assert min(adjusted) == min(1.0, min(p_values) * len(p_values))


@given(st.lists(moderate, min_size=2, max_size=40), moderate, st.floats(0.1, 10))
def test_an_interval_moves_and_stretches_with_its_values(values: list[float], shift: float, scale: float) -> None:
    data = np.array(values)
    before, after = t_interval(data, 0.95), t_interval(data * scale + shift, 0.95)
    assert after[:3] == pytest.approx([bound * scale + shift for bound in before[:3]], rel=1e-6, abs=1e-5)


@given(st.lists(moderate, max_size=200))
def test_the_run_in_is_whole_groups_and_at_most_half(values: list[float]) -> None:
    cut = mser5(np.array(values, dtype=float))
    assert cut % 5 == 0
    assert 0 <= cut <= len(values) / 2


@given(st.integers(0, 2**63 - 1))
def test_the_streams_of_a_seed_have_keys_of_their_own(seed: int) -> None:
    keys = [stream_key(seed, stream) for stream in STREAMS]
    assert len({*keys, seed}) == len(STREAMS) + 1
    assert all(0 <= key < 2**63 for key in keys)


@given(st.integers(0, 40), st.integers(0, 2**63 - 1))
def test_a_shuffle_holds_everything_once(count: int, key: int) -> None:
    assert sorted(shuffled(count, key)) == list(range(count))
