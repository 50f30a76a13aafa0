"""The exceptions: caught by the built-in class, and as ours."""

from __future__ import annotations

import pickle
from concurrent import futures

import pytest
from stealscope import errors

_BASES = {
    errors.RuntimeClosed: RuntimeError,
    errors.FeatureNotEnabled: NotImplementedError,
    errors.MissingExtra: ImportError,
    errors.DeadlockError: RuntimeError,
    errors.StepLimitError: RuntimeError,
    errors.ReplayMismatch: RuntimeError,
    errors.ChannelClosed: EOFError,
    errors.InvariantError: AssertionError,
}


@pytest.mark.parametrize(("ours", "base"), _BASES.items())
def test_each_is_ours_and_a_builtin(ours: type[Exception], base: type[Exception]) -> None:
    assert issubclass(ours, base)
    assert issubclass(ours, errors.StealscopeError)
    copy = pickle.loads(pickle.dumps(ours("why")))
    assert type(copy) is ours
    assert str(copy) == "why"


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(errors.MissingExtra, match=r"stealscope\[plot\]"):
        errors.import_extra("stealscope_has_no_such_dependency", "plot")
    assert errors.import_extra("json", "plot").loads("1") == 1


def test_cancelled_errors_are_the_standard_ones() -> None:
    assert errors.CancelledError is futures.CancelledError
    assert not issubclass(errors.Cancelled, Exception)
