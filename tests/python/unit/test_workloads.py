"""Workloads are values: equal, hashable, picklable; their answers are right; bad arguments are refused when one is made."""

from __future__ import annotations

import doctest
import importlib
import json
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stealscope import dist
from stealscope import workloads as w
from stealscope.errors import InvariantError
from stealscope.program import Join, Lock, Sleep, Spawn, Work

LEAVES = [
    w.fib(10),
    w.skynet(2, 3),
    w.nqueens(5),
    w.matmul(4),
    w.fork_join(3, 2, 100),
    w.fork_join(2, 3, 100, structured=True),
    w.spawn_many(10, "remote"),
    w.yield_many(3, 4),
    w.ping_pong(7),
    w.chained_spawn(9),
    w.dag([0, 1, 1], [1], [5, 6], names=("a", "b"), label="pair"),
    w.pattern("random_nearest", 4, 3, seed=5),
    w.uts(w.UtsTree("geometric", seed=3, branching=2.0, depth=4)),
    w.open_system(dist.exponential(2e-6), dist.empirical([1e-6, 3e-6]), n=5, place=("jsq", 2), slice=1e-6, seed=4),
    w.program([[Spawn(1), Lock(0, (Work(5),)), Join(1)], [Sleep(9)]]),
]
any_workload = st.recursive(
    st.sampled_from(LEAVES),
    lambda parts: st.builds(
        lambda make, some: make(*some), st.sampled_from([w.sequence, w.together]), st.lists(parts, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@given(any_workload)
def test_a_pickled_copy_is_equal_in_every_way(workload: w.Workload) -> None:
    copy = pickle.loads(pickle.dumps(workload))
    assert copy == workload
    assert hash(copy) == hash(workload)
    assert repr(copy) == repr(workload)
    assert (copy.work, copy.span, copy.expected) == (workload.work, workload.span, workload.expected)
    assert all(not array.flags.writeable for _, _, arrays in copy.preorder() for array in arrays)


@given(any_workload)
def test_answers_collect_into_the_shape_of_the_expected_one(workload: w.Workload) -> None:
    def flat(result: w.Result) -> list[int]:
        return [result] if isinstance(result, int) else [x for part in result for x in flat(part)]

    answers = flat(workload.expected)
    workload.check(workload.collect(answers))
    heads = [kind for kind, _, _ in workload.preorder() if kind in ("sequence", "together")]
    assert len(workload.preorder()) == len(answers) + len(heads)
    with pytest.raises(ValueError, match="too many"):
        workload.collect([*answers, 1])
    with pytest.raises(ValueError, match="no answer"):
        workload.collect(answers[:-1])


@given(any_workload, any_workload)
def test_equal_means_the_same_description(a: w.Workload, b: w.Workload) -> None:
    assert (a == b) == (repr(a) == repr(b))
    assert a != b or hash(a) == hash(b)


@pytest.mark.parametrize(
    ("workload", "native"),
    [
        (w.fib(10, cost_ns=5), ("fib", (10, 5))),
        (w.skynet(cost_ns=0), ("skynet", (6, 10, 0))),
        (w.nqueens(8, cost_ns=7), ("nqueens", (8, 7))),
        (w.matmul(4, cost_ns=9), ("matmul", (4, 9))),
        (w.fork_join(3, 2, 100), ("fork_join", (3, 2, 100))),
        (w.fib(10, cost_ns=5, structured=True), ("fib_structured", (10, 5))),
        (w.skynet(cost_ns=0, structured=True), ("skynet_structured", (6, 10, 0))),
        (w.nqueens(8, cost_ns=7, structured=True), ("nqueens_structured", (8, 7))),
        (w.fork_join(3, 2, 100, structured=True), ("fork_join_structured", (3, 2, 100))),
        (w.spawn_many(10), ("spawn_many", (10, 0))),
        (w.spawn_many(10, "local"), ("spawn_many", (10, 1))),
        (w.spawn_many(np.int32(10), origin="remote"), ("spawn_many", (10, 2))),
        (w.yield_many(3, 4), ("yield_many", (3, 4))),
        (w.ping_pong(7), ("ping_pong", (7,))),
        (w.chained_spawn(9), ("chained_spawn", (9,))),
        (w.sequence(w.fib(1), w.fib(2)), ("sequence", (2,))),
    ],
)
def test_the_native_form_is_a_kind_and_plain_integers(workload: w.Workload, native: tuple[str, tuple[int, ...]]) -> None:
    kind, ints, arrays = workload.native()
    assert (kind, ints) == native
    assert all(type(value) is int for value in ints)
    assert arrays == ()


def test_a_dag_hands_over_read_only_int64_arrays() -> None:
    kind, ints, arrays = w.dag([0, 1, 1], [1], [5, 6]).native()
    assert (kind, ints) == ("dag", (2,))
    assert [array.dtype for array in arrays] == [np.dtype(np.int64)] * 3
    assert not any(array.flags.writeable for array in arrays)


@pytest.mark.parametrize(
    ("workload", "expected"),
    [
        (w.fib(0), 0),
        (w.fib(30), 832_040),
        (w.skynet(), 499_999_500_000),
        (w.skynet(0, 10), 0),
        (w.nqueens(1), 1),
        (w.nqueens(8), 92),
        (w.fork_join(3, 2, 0), 8),
        (w.spawn_many(0), 0),
        (w.yield_many(200, 1000), 200_000),
        (w.ping_pong(5), 5),
        (w.chained_spawn(5), 5),
        (w.sequence(w.fib(5), w.together(w.fib(6), w.nqueens(4))), (5, (8, 2))),
    ],
)
def test_the_expected_answer_is_the_known_one(workload: w.Workload, expected: w.Result) -> None:
    assert workload.expected == expected


@given(st.integers(1, 40))
def test_the_matrix_sum_equals_the_product_that_numpy_makes(n: int) -> None:
    i, j = np.ogrid[:n, :n]
    a, b = (3 * i + 7 * j) % 11, (5 * i + 2 * j) % 13
    assert w.matmul(n).expected == int((a @ b).sum())


@pytest.mark.parametrize("n", range(1, 8))
def test_the_drawn_search_tree_has_as_many_full_boards_as_the_table(n: int) -> None:
    tree = w.nqueens(n).to_networkx()
    depth = nx.single_source_shortest_path_length(tree, 0)
    assert sum(1 for level in depth.values() if level == n) == w.nqueens(n).expected


def test_work_and_span_of_combinations_add_and_take_the_longest() -> None:
    a, b = w.fork_join(2, 2, 100), w.dag([0, 1, 1], [1], [30, 40])
    assert (a.work, a.span, b.work, b.span) == (400, 100, 70, 70)
    assert (w.sequence(a, b).work, w.sequence(a, b).span) == (470, 170)
    assert (w.together(a, b).work, w.together(a, b).span) == (470, 100)
    assert (w.fib(3, cost_ns=10).work, w.sequence(a, w.fib(3, cost_ns=10)).span, w.spawn_many(5).work) == (50, 130, 0)


@pytest.mark.parametrize("workload", [w.fib(9), w.skynet(3, 3), w.nqueens(1), w.nqueens(2), w.nqueens(3), w.nqueens(6)])
def test_declared_work_and_span_are_those_of_the_drawn_tree(workload: w.Workload) -> None:
    tree = replace(workload, cost_ns=10).to_networkx()
    charged = replace(workload, cost_ns=10)
    assert charged.work == 10 * tree.number_of_nodes()
    assert charged.span == 10 * (nx.dag_longest_path_length(tree) + 1)


def test_a_product_costs_its_blocks() -> None:
    assert (w.matmul(64, cost_ns=100).work, w.matmul(128, cost_ns=100).work) == (100, 800)
    assert w.matmul(128, cost_ns=100).span == 200  # two halves of the inner length, one after the other


def test_a_seed_changes_what_is_random_and_nothing_else() -> None:
    random = w.pattern("random_layered", 5, 4, seed=1)
    both = w.sequence(random, random, w.fib(5)).with_seed(9)
    assert both.parts[0] != both.parts[1]
    assert both.parts[2] == w.fib(5)
    assert both == w.sequence(random, random, w.fib(5)).with_seed(9)
    assert (random.with_seed(1), w.fib(5).seed, w.pattern("fft", 4, 4).seed) == (random, None, None)
    assert random.with_seed(2).seed == 2


@pytest.mark.parametrize("name", ["workloads", "dist", "uts", "program", "_workload"])
def test_the_examples_of_the_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"stealscope.{name}")
    outcome = doctest.testmod(module)
    assert outcome.failed == 0
    assert outcome.attempted > 0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: w.fib(-1), ValueError, r"n=-1; need 0\.\.50"),
        (lambda: w.fib(2.0), TypeError, r"n=2\.0 is a float; need an int"),
        (lambda: w.fib(True), TypeError, r"n=True is a bool"),
        (lambda: w.fib(3, structured=1), TypeError, r"structured=1 is a int; need True or False"),
        (lambda: w.skynet(10, 10), ValueError, r"10,000,000,000 leaves; at most 1,000,000,000"),
        (lambda: w.skynet(2, 0), ValueError, r"fanout=0; need 1"),
        (lambda: w.fork_join(2, 2, -1), ValueError, r"work_ns=-1"),
        (lambda: w.fork_join(2, 2, 0.5), TypeError, r"work_ns=0\.5 is a float"),
        (lambda: w.fork_join(20, 2, 2**60), ValueError, r"more than 2\*\*63 - 1 ns in all"),
        (lambda: w.nqueens(0), ValueError, r"n=0; need 1\.\.16"),
        (lambda: w.nqueens(17), ValueError, r"n=17; need 1\.\.16"),
        (lambda: w.matmul(0), ValueError, r"n=0; need 1"),
        (lambda: w.spawn_many(5, "elsewhere"), ValueError, r"origin='elsewhere'; need one of 'worker', 'local', 'remote'"),
        (lambda: w.spawn_many(5, []), ValueError, r"origin=\[\]"),
        (lambda: w.spawn_many("5"), TypeError, r"n='5' is a str"),
        (lambda: w.yield_many(1, -1), ValueError, r"yields=-1"),
        (lambda: w.dag([0, 1, 2], [1, 0], [1, 1]), ValueError, r"the graph has a cycle: "),
        (lambda: w.dag([0, 1, 2], [1, 2], [1, 1]), ValueError, r"indices\[1\]=2; need a node in 0\.\.1"),
        (lambda: w.dag([0, 0], [], [float("nan")]), ValueError, r"cost_ns\[0\]=nan"),
        (lambda: w.sequence(), ValueError, r"sequence\(\) of nothing"),
        (lambda: w.together(w.fib(1), 3), TypeError, r"together\(\) got 3"),
        (lambda: w.from_networkx([1]), TypeError, r"graph is a list"),
        (lambda: w.from_wfcommons("no such file"), OSError, r"no such file"),
        (lambda: w.from_ninja("no such folder"), FileNotFoundError, r"no such folder has no build\.ninja"),
    ],
)
def test_a_bad_argument_is_refused_at_the_call(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_workload_cannot_be_changed() -> None:
    workload = w.dag([0, 1, 1], [1], [5, 6])
    with pytest.raises(FrozenInstanceError):
        workload.kind = "fib"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        workload.native()[2][0][0] = 3


def test_a_wrong_answer_is_an_invariant_error() -> None:
    with pytest.raises(InvariantError, match=r"fib\(n=10\) gave 56; expected 55"):
        w.fib(10).check(56)


def test_networkx_goes_in_and_out() -> None:
    graph = nx.DiGraph([("x", "y"), ("y", "z")])
    nx.set_node_attributes(graph, {"x": 1, "y": 2, "z": 3}, "cost_ns")
    workload = w.from_networkx(graph, label="chain")
    assert (workload.work, workload.span, workload.expected, workload.name) == (6, 6, 3, "chain")
    assert w.from_networkx(workload.to_networkx(), label="chain") == workload
    with pytest.raises(ValueError, match="node 'x' has no 'seconds'; set it, or pass default_ns"):
        w.from_networkx(graph, cost="seconds")
    assert w.from_networkx(graph, cost="seconds", default_ns=7).work == 21
    with pytest.raises(TypeError, match=r"need a networkx\.DiGraph"):
        w.from_networkx(nx.Graph(graph))


@pytest.mark.parametrize(
    ("workload", "nodes"),
    [
        (w.fib(5), 15),
        (w.skynet(2, 3), 13),
        (w.spawn_many(4), 5),
        (w.chained_spawn(4), 4),
        (w.ping_pong(2), 5),
        (w.fork_join(0, 5, 1), 1),
    ],
)
def test_a_task_tree_can_be_drawn(workload: w.Workload, nodes: int) -> None:
    drawn = workload.to_networkx()
    assert drawn.number_of_nodes() == nodes
    assert nx.is_directed_acyclic_graph(drawn)


def test_what_cannot_be_drawn_says_so() -> None:
    with pytest.raises(ValueError, match="more than 100,000 tasks"):
        w.skynet().to_networkx()
    with pytest.raises(ValueError, match="no fixed task graph"):
        w.matmul(3).to_networkx()


def test_a_workflow_file_becomes_a_named_dag(tmp_path: Path) -> None:
    tasks = [{"name": "a", "id": "a", "children": ["b"], "runtimeInSeconds": 1}, {"name": "b", "id": "b", "runtimeInSeconds": 2}]
    path = tmp_path / "w.json"
    path.write_text(json.dumps({"name": "two", "workflow": {"tasks": tasks}}))
    workload = w.from_wfcommons(path, scale=1e-6)
    assert (workload.name, workload.work, workload.span, workload.expected) == ("two", 3000, 3000, 2)
