"""Compiled functions with a buffer, and as the nodes of a task graph: nothing is copied, and nothing is let go too early."""

from __future__ import annotations

import array
import ctypes
import gc
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import stealscope as ss
from stealscope import workloads as w

INT64 = ctypes.c_int64
WITHOUT_DATA = ctypes.CFUNCTYPE(INT64, INT64)
WITH_DATA = ctypes.CFUNCTYPE(INT64, INT64, ctypes.POINTER(INT64))
WITH_ADDRESS = ctypes.CFUNCTYPE(INT64, INT64, ctypes.c_void_p)


@WITH_DATA
def double(i: int, numbers: Any) -> int:
    numbers[i] *= 2
    return i


@WITH_DATA
def count_on(i: int, numbers: Any) -> int:
    """One more than the element before, which must be there by now."""
    numbers[i] = 1 if i == 0 else numbers[i - 1] + 1
    return numbers[i]  # type: ignore[no-any-return]


@WITH_ADDRESS
def same_address(expected: int, address: int) -> int:
    return int(address == expected)


@WITHOUT_DATA
def square(x: int) -> int:
    return x * x


def chain(n: int, **options: Any) -> ss.Workload:
    """Node i comes after node i - 1."""
    return w.dag(np.minimum(np.arange(n + 1), max(n - 1, 0)), np.arange(1, n), np.full(n, 1_000), **options)


# ---- the buffer ----


def test_every_call_gets_the_address_of_the_array_itself() -> None:
    values = np.arange(10, dtype=np.float32)
    with ss.Runtime(workers=2) as rt:
        assert rt.run(w.function(same_address, [values.ctypes.data] * 20, data=values)).result == 20


def test_what_the_calls_write_is_in_the_array() -> None:
    values = np.arange(100)
    with ss.Runtime(workers=2) as rt:
        assert rt.run(w.function(double, range(100), data=values)).result == 4950
    np.testing.assert_array_equal(values, 2 * np.arange(100))


@pytest.mark.parametrize(
    "make", [bytearray, lambda data: array.array("q", data), lambda data: np.frombuffer(data, np.int64).copy()]
)
def test_anything_with_a_buffer_will_do(make: Callable[[bytes], Any]) -> None:
    data = make(np.arange(5).tobytes())
    ss.Simulation(workers=2).run(w.function(double, range(5), data=data, cost_ns=10))
    assert np.frombuffer(data, np.int64).tolist() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (3, TypeError, "data is a int, which has no buffer"),
        ([1, 2], TypeError, "data is a list, which has no buffer"),
        (np.arange(10)[::2], ValueError, "data is not C-contiguous; pass np.ascontiguousarray"),
        (np.ones((3, 3)).T[1:], ValueError, "data is not C-contiguous"),
        (np.arange(0), ValueError, "data is empty; leave it out"),
    ],
)
def test_what_cannot_be_handed_over_is_refused(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        w.function(double, [1], data=data)


def test_the_signature_must_have_the_pointer_exactly_if_there_is_data() -> None:
    values = np.arange(3)
    with pytest.raises(TypeError, match=r"need a compiled int64\(int64, pointer to data\)"):
        w.function(square, [1], data=values)
    with pytest.raises(TypeError, match=r"need a compiled int64\(int64\): a numba"):
        w.function(double, [1])
    with pytest.raises(TypeError, match="is a bare address"):
        w.function(ctypes.cast(double, ctypes.c_void_p).value, [1], data=values)


def test_a_buffer_cannot_be_resized_while_its_workload_lives() -> None:
    data, numbers = bytearray(80), np.arange(10)
    calls = w.together(w.function(double, [1], data=data), w.function(double, [1], data=numbers))
    with pytest.raises(BufferError):
        data.extend(b"more")
    with pytest.raises(ValueError, match="cannot resize"):
        numbers.resize(20)
    del calls
    gc.collect()
    data.extend(b"more")
    numbers.resize(20, refcheck=False)
    assert (len(data), numbers.size) == (84, 20)


def test_function_and_buffer_live_until_the_last_call_has_ended_whatever_becomes_of_the_workload() -> None:
    entered, release = threading.Event(), threading.Event()

    def wait(i: int, numbers: Any) -> int:
        entered.set()
        release.wait(60)
        numbers[i] = 7
        return 0

    function, data = WITH_DATA(wait), bytearray(8)
    gone = weakref.ref(function)
    with ss.Runtime(workers=1) as rt:
        handle = rt.spawn(w.function(function, [0], data=data))
        del function
        assert entered.wait(60)
        handle.cancel()
        del handle
        gc.collect()
        assert gone() is not None
        with pytest.raises(BufferError):
            data.append(1)
        release.set()
    gc.collect()
    assert gone() is None
    data.append(1)
    assert data[0] == 7


def test_the_same_function_with_another_buffer_is_another_workload() -> None:
    a, b = np.arange(3), np.arange(3)
    assert w.function(double, [1], data=a) == w.function(double, [1], data=a)
    assert hash(w.function(double, [1], data=a)) == hash(w.function(double, [1], data=a))
    assert w.function(double, [1], data=a) != w.function(double, [1], data=b)


# ---- nodes of a graph ----


@pytest.mark.parametrize("workers", [1, 3])
def test_a_node_is_called_after_those_before_it_and_sees_what_they_wrote(workers: int) -> None:
    numbers = np.zeros(200, np.int64)
    with ss.Runtime(workers=workers) as rt:
        assert rt.run(chain(200, body=count_on, data=numbers)).result == 200 * 201 // 2
    np.testing.assert_array_equal(numbers, np.arange(1, 201))


def test_a_node_is_called_with_its_argument_or_its_number() -> None:
    with ss.Runtime(workers=2) as rt:
        assert rt.run(chain(5, body=square)).result == 0 + 1 + 4 + 9 + 16
        assert rt.run(chain(5, body=square, args=[3, 0, 0, 0, 1])).result == 10
        assert rt.run(chain(0, body=square)).result == 0


def test_in_a_simulation_a_node_takes_its_cost_and_is_called() -> None:
    numbers = np.zeros(50, np.int64)
    report = ss.Simulation(workers=4, costs=ss.Costs.zero()).run(chain(50, body=count_on, data=numbers))
    assert (report.makespan, report.span, report.result) == (50_000, 50_000, 50 * 51 // 2)
    assert numbers[-1] == 50


def test_on_threads_a_node_with_a_body_is_not_busy_for_its_cost_beside_it() -> None:
    century = 10**9 * 60 * 60 * 24 * 365 * 100
    with ss.Runtime(workers=1) as rt:
        assert rt.run(w.dag([0, 0], [], [century], body=square, args=[3])).result == 9


def test_a_body_and_its_arguments_must_fit() -> None:
    with pytest.raises(ValueError, match="pass body=, a compiled function"):
        chain(3, data=np.arange(3))
    with pytest.raises(ValueError, match="args holds 2 for 3 nodes; need one a node"):
        chain(3, body=square, args=[1, 2])
    with pytest.raises(TypeError, match="need a compiled int64"):
        chain(3, body=abs)


def test_a_graph_with_a_body_is_a_value_of_this_process() -> None:
    calls = chain(3, body=square)
    assert (calls, hash(calls), calls.expected, calls.kind) == (chain(3, body=square), hash(chain(3, body=square)), None, "dag")
    assert calls != chain(3)
    assert calls.with_seed(3) == calls
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(calls)
    assert sorted(calls.to_networkx().edges()) == [(0, 1), (1, 2)]


def test_numba_and_cffi_functions_take_the_pointer_too() -> None:
    numba = pytest.importorskip("numba", reason="numba is not installed (it has no build for every Python)")
    cffi = pytest.importorskip("cffi", reason="cffi is not installed")

    def tripled(i: int, numbers: Any) -> int:
        numbers[i] *= 3
        return 1

    compiled = numba.cfunc("int64(int64, CPointer(float64))")(tripled)
    values = np.ones(100)
    ffi = cffi.FFI()
    ffi.cdef("typedef long (*body)(long, double *);")
    with ss.Runtime(workers=2) as rt:
        assert rt.run(w.function(compiled, range(100), data=values)).result == 100
        assert rt.run(w.function(ffi.cast("body", compiled.address), range(100), data=values)).result == 100
    assert values.tolist() == [9.0] * 100
    with pytest.raises(TypeError, match="has the signature"):
        w.function(compiled, [1])
    with pytest.raises(TypeError, match=r"is a .*long\(\*\)\(long, double \*\)"):
        w.function(ffi.cast("body", compiled.address), [1])
