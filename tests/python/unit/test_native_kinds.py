"""Workloads with a description of their own: UTS trees, open systems, programs, compiled functions; on real threads."""

from __future__ import annotations

import ctypes
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import stealscope as ss
from stealscope import dist
from stealscope import workloads as w
from stealscope.program import Block, Cancel, Join, Lock, Recv, Send, Sleep, Spawn, Work, Yield
from stealscope.uts import TREES

# ---- UTS


def test_the_published_sizes_of_t1_and_t3_are_found_by_walking() -> None:
    for name in ("T1", "T3"):
        tree = TREES[name]
        assert ss._core._measure_uts(tree.ints()) == (tree.size().nodes, tree.size().leaves, tree.size().depth)


@pytest.mark.parametrize(
    "tree",
    [
        w.UtsTree("geometric", seed=19, branching=4.0, depth=0),
        w.UtsTree("geometric", seed=7, branching=2.5, depth=7),
        w.UtsTree("binomial", seed=1, branching=30.0, children=4, probability=0.2),
    ],
)
def test_a_tree_is_the_one_that_hashlib_finds(tree: w.UtsTree) -> None:
    drawn = w.uts(tree).to_networkx()
    assert tree.size().nodes == drawn.number_of_nodes()
    assert tree.size().leaves == sum(1 for _, degree in drawn.out_degree() if degree == 0)
    with ss.Runtime(workers=2) as rt:
        assert rt.run(w.uts(tree)).result == drawn.number_of_nodes()


def test_another_seed_is_another_tree_with_another_name() -> None:
    small = w.uts(w.UtsTree("geometric", seed=1, branching=3.0, depth=6))
    assert small.with_seed(2).expected != small.expected
    assert (w.uts("T1").name, w.uts("T1").with_seed(2**31 + 5).seed) == ("uts(T1)", 5)
    assert "T1" not in w.uts("T1").with_seed(5).name
    assert (w.uts("T3", cost_ns=10).work, w.uts("T3", cost_ns=10).span) == (41_128_970, 15_730)


# ---- open systems


def test_sojourns_come_in_the_order_of_arrivals() -> None:
    system = w.open_system(dist.exponential(20e-6), dist.exponential(10e-6), n=500, seed=3)
    with ss.Runtime(workers=2) as rt:
        report = rt.run(system)
        assert rt.run(w.fib(5)).sojourns is None
        both = rt.run(w.together(system, w.sequence(w.fib(5), system.with_seed(4))))
    assert report.result == 500
    assert report.sojourns.dtype == np.int64
    assert np.all(report.sojourns >= system.spec.sizes)  # type: ignore[union-attr]
    assert both.sojourns.shape == (1000,)


def test_work_and_span_of_an_open_system_follow_from_its_draws() -> None:
    system = w.open_system(dist.deterministic(3e-6), dist.empirical([1e-6, 2e-6]), n=100, seed=1)
    sizes = dist.empirical([1e-6, 2e-6]).draws(100, 1, column=1)
    assert system.work == sizes.sum()
    assert system.span == 300_000 + sizes[-1]
    assert system.with_seed(2).work != system.work
    assert system.to_networkx().number_of_nodes() == 101


@pytest.mark.parametrize("place", ["inject", "worker", ("jsq", 2), None])
def test_jobs_start_wherever_they_are_told_to(place: w.Place) -> None:
    with ss.Runtime(workers=2) as rt:
        system = w.open_system(dist.deterministic(2e-6), dist.deterministic(3e-6), n=100, place=place, slice=1e-6)
        assert rt.run(system).result == 100


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: w.open_system(1e-6, dist.exponential(1.0), n=1), TypeError, r"arrivals=1e-06; need a law"),
        (lambda: w.open_system(dist.exponential(1.0), dist.exponential(1.0), n=-1), ValueError, "n=-1"),
        (
            lambda: w.open_system(dist.exponential(1.0), dist.exponential(1.0), n=1, place="here"),
            ValueError,
            "place='here'; need",
        ),
        (lambda: w.open_system(dist.exponential(1.0), dist.exponential(1.0), n=1, place=("jsq", 0)), ValueError, "d=0; need 1"),
        (lambda: w.open_system(dist.exponential(1.0), dist.exponential(1.0), n=1, slice=0.0), ValueError, r"slice=0\.0"),
        (lambda: w.uts("T2"), ValueError, "tree='T2'; need one of 'T1'"),
        (lambda: w.uts(3), TypeError, "tree=3 is a int"),
        (lambda: w.UtsTree("binomial", seed=1, branching=2.0, children=4, probability=0.26), ValueError, "at most 1.01"),
        (lambda: w.UtsTree("geometric", seed=-1, branching=2.0), ValueError, "seed=-1"),
        (lambda: w.program([]), ValueError, "the number of tasks=0; need 1"),
        (lambda: w.program([Work(5)]), TypeError, r"need a sequence of instructions for each task"),
        (lambda: w.program([[5]]), TypeError, "5 is no instruction"),
        (lambda: w.program([[Work(-5)]]), ValueError, r"Work\.ns=-5"),
        (lambda: w.program([[Join(1)], []]), ValueError, "task 0, instruction 0: join of task 1"),
        (lambda: w.program([[Spawn(0)]]), ValueError, "spawn of task 0; need 1"),
        (lambda: w.program([[Lock(0, (Lock(0),))]]), ValueError, "lock 0 is held already"),
        (lambda: w.program([[]], capacity=0), ValueError, "capacity=0"),
        (lambda: w.function(abs, [1]), TypeError, "need a compiled"),
        (lambda: w.function(123, [1]), TypeError, "0x7b is a bare address"),
        (lambda: w.function(0, [1], unsafe=True), ValueError, "cfunc=0"),
        (lambda: w.function(ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(float), [1]), TypeError, "has restype"),
    ],
)
def test_a_bad_argument_is_refused_at_the_call(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


# ---- programs

EVERYTHING = w.program(
    [
        [Spawn(1), Spawn(2), Work(100), Yield(), Join(1)],
        [Lock(0, (Work(200), Yield())), Send(0), Send(0)],
        [Recv(0), Block(50), Recv(0), Spawn(3), Sleep(1_000_000)],
        [Lock(0, (Work(10),))],
        [Work(5)],  # nobody spawns it
    ]
)


def test_a_program_answers_how_many_tasks_reached_their_end() -> None:
    assert EVERYTHING.expected == 4
    assert (EVERYTHING.work, EVERYTHING.span) == (310, 1_000_050)  # a block keeps no worker busy
    assert EVERYTHING.to_networkx().number_of_nodes() == 4
    with ss.Runtime(workers=2) as rt:
        assert rt.run(EVERYTHING).result == 4


def test_a_program_that_cancels_has_no_answer_beforehand() -> None:
    program = w.program([[Spawn(1), Cancel(1), Join(1)], [Sleep(10**15)]])
    assert (program.expected, program.work, program.span) == (None, None, None)
    with ss.Runtime(workers=2) as rt:
        assert rt.run(program).result == 1


def test_a_stuck_program_that_times_out_leaves_nothing_behind() -> None:
    with ss.Runtime(workers=2) as rt:
        with pytest.raises(TimeoutError):
            rt.run(w.program([[Recv(0)]]), timeout=0.05)
        assert rt.shutdown(timeout=60)


# ---- functions


@ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
def triple(x: int) -> int:
    return 3 * x


def test_a_function_is_called_once_for_each_element() -> None:
    with ss.Runtime(workers=2) as rt:
        assert rt.run(w.function(triple, np.arange(1000))).result == 3 * 499_500
        assert rt.run(w.function(triple, [])).result == 0
        address = ctypes.cast(triple, ctypes.c_void_p).value
        assert rt.run(w.function(address, [-4], unsafe=True)).result == -12


def test_a_function_is_a_value_of_this_process() -> None:
    calls = w.function(triple, [1, 2, 3], cost_ns=50)
    assert (calls.work, calls.span, calls.expected) == (150, 50, None)
    assert calls == w.function(triple, np.array([1, 2, 3]), cost_ns=50)
    assert hash(calls) == hash(w.function(triple, [1, 2, 3], cost_ns=50))
    with pytest.raises(TypeError, match="an address means nothing in another process"):
        pickle.dumps(calls)
    calls.check_simulation()
    with pytest.raises(ValueError, match=r"pass cost_ns=\.\.\., ns a call"):
        w.sequence(w.fib(3), w.function(triple, [1])).check_simulation()
