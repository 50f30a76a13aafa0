"""Functions that numba and cffi compile, as tasks and as victim choosers; ctypes is in test_native_kinds.py and test_policy.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import stealscope as ss
from stealscope import workloads as w

numba = pytest.importorskip("numba", reason="numba is not installed (it has no build for every Python)")
cffi = pytest.importorskip("cffi", reason="cffi is not installed, so there is no function of its to run")


def _square(x: int) -> int:
    return x * x


def _half(x: float) -> float:
    return x / 2


def _longest(thief: int, attempt: int, lengths: Any, workers: int, random: int) -> int:
    best = -1
    most = 0
    for worker in range(workers):
        if worker != thief and lengths[worker] > most:
            best = worker
            most = lengths[worker]
    return best


@pytest.fixture(scope="module")
def square() -> Any:
    return numba.cfunc("int64(int64)")(_square)


def test_a_numba_function_runs_on_the_workers(square: Any) -> None:
    with ss.Runtime(workers=2) as rt:
        assert rt.run(w.function(square, np.arange(500))).result == sum(i * i for i in range(500))


def test_a_numba_function_costs_what_it_is_said_to_in_a_simulation(square: Any) -> None:
    report = ss.Simulation(workers=4, costs=ss.Costs.zero()).run(w.function(square, np.arange(100), cost_ns=1_000))
    assert report.result == sum(i * i for i in range(100))
    assert report.makespan == 25_000  # ns: 100 calls, 4 workers


def test_a_numba_function_of_another_signature_is_refused() -> None:
    with pytest.raises(TypeError, match="has the signature"):
        w.function(numba.cfunc("float64(float64)")(_half), [1])


def test_a_cffi_function_runs_on_the_workers() -> None:
    ffi = cffi.FFI()
    ffi.cdef("long labs(long);")
    with ss.Runtime(workers=2) as rt:
        assert rt.run(w.function(ffi.addressof(ffi.dlopen(None), "labs"), np.arange(-50, 50))).result == 2_500


def test_a_cffi_function_of_another_signature_is_refused() -> None:
    ffi = cffi.FFI()
    ffi.cdef("double fabs(double);")
    with pytest.raises(TypeError, match="need a compiled int64"):
        w.function(ffi.cast("double (*)(double)", 1), [1])


@pytest.mark.parametrize("library", ["numba", "cffi"])
def test_a_compiled_victim_function_decides_on_threads(library: str) -> None:
    longest = numba.cfunc("int64(int64, int64, CPointer(int64), int64, int64)")(_longest)
    ffi = cffi.FFI()
    ffi.cdef("typedef long (*victims)(long, long, long *, long, long);")
    chosen = longest if library == "numba" else ffi.cast("victims", longest.address)
    with ss.Runtime(workers=4, policy=ss.Policy(victims=chosen)) as rt:
        assert rt.run(w.fib(18)).result == 2_584
        assert rt.run(w.spawn_many(2_000)).result == 2_000
