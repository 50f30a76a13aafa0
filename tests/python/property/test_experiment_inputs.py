"""The hash by which a run is found again: equal for equal inputs in any process, and for no others."""

from __future__ import annotations

import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from stealscope._content import content_hash, described

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4) | st.binary(max_size=4)
values = st.recursive(
    leaves, lambda inner: st.tuples(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner)
)


@given(values, values)
def test_two_values_have_one_hash_exactly_if_they_are_the_same(a: object, b: object) -> None:
    assert (content_hash(a) == content_hash(b)) == (repr(a) == repr(b))


@given(values)
def test_a_copy_has_the_same_hash(value: object) -> None:
    assert content_hash(pickle.loads(pickle.dumps(value))) == content_hash(value)


@given(st.lists(st.integers(-5, 5), max_size=8), st.lists(st.integers(-5, 5), max_size=8))
def test_arrays_are_hashed_by_what_they_hold(a: list[int], b: list[int]) -> None:
    assert (content_hash(np.array(a, dtype=np.int64)) == content_hash(np.array(b, dtype=np.int64))) == (a == b)
    assert content_hash(np.array(a, dtype=np.int64)) != content_hash(np.array(a, dtype=np.int32))


def test_the_source_of_a_function_counts() -> None:
    first: dict[str, object] = {}
    second: dict[str, object] = {}
    exec("def f(n): return n + 1", first)
    exec("def f(n): return n + 2", second)
    assert content_hash(first["f"]) != content_hash(second["f"])


def test_a_long_array_is_described_by_its_hash() -> None:
    assert described(np.arange(3)) == [0, 1, 2]
    assert described(np.arange(1000)) == {"shape": [1000], "sha256": content_hash(np.arange(1000))}
