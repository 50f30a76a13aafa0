"""Task graphs: soundness is checked when one is made; work, span and critical path are right."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stealscope.graph import TaskGraph, graph_from_edges


@st.composite
def edge_lists(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], list[int]]:
    """Any acyclic graph under a random numbering, so that edges point both ways."""
    n = draw(st.integers(1, 12))
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=30)) if pairs else []
    number = draw(st.permutations(range(n)))
    costs = draw(st.lists(st.integers(0, 50), min_size=n, max_size=n))
    return n, [(number[a], number[b]) for a, b in chosen], costs


def diamond() -> TaskGraph:
    return TaskGraph(np.array([0, 2, 3, 4, 4]), np.array([1, 2, 3, 3]), np.array([1, 10, 20, 1]), ("a", "b", "c", "d"))


def test_a_diamond_has_the_work_and_span_one_can_see() -> None:
    graph = diamond()
    assert (len(graph), graph.edge_count, graph.work, graph.span) == (4, 4, 32, 22)
    assert [graph.name(node) for node in graph.critical_path] == ["a", "c", "d"]


@given(edge_lists())
def test_span_is_the_longest_path_that_networkx_finds(drawn: tuple[int, list[tuple[int, int]], list[int]]) -> None:
    n, edges, costs = drawn
    graph = graph_from_edges(n, edges, costs)
    longest = {node: costs[node] for node in range(n)}
    oracle = nx.DiGraph(edges)
    oracle.add_nodes_from(range(n))
    for node in nx.topological_sort(oracle):
        for target in oracle.successors(node):
            longest[target] = max(longest[target], longest[node] + costs[target])
    assert graph.span == max(longest.values())
    path = graph.critical_path
    assert all(oracle.has_edge(a, b) for a, b in pairwise(path))
    assert sum(costs[node] for node in path) == graph.span


@given(edge_lists())
def test_a_topological_order_has_every_node_after_its_predecessors(
    drawn: tuple[int, list[tuple[int, int]], list[int]],
) -> None:
    n, edges, costs = drawn
    order = graph_from_edges(n, edges, costs).topological_order()
    assert sorted(order) == list(range(n))
    assert all(order.index(before) < order.index(after) for before, after in edges)


@given(edge_lists(), st.data())
def test_any_cycle_is_named_by_nodes_that_form_one(
    drawn: tuple[int, list[tuple[int, int]], list[int]], data: st.DataObject
) -> None:
    n, edges, costs = drawn
    order = graph_from_edges(n, edges, costs).topological_order()
    size = data.draw(st.integers(1, n))
    cycle = order[:size]
    looped = [*edges, *zip(cycle, [*cycle[1:], cycle[0]], strict=True)]
    with pytest.raises(ValueError, match="the graph has a cycle: ") as error:
        graph_from_edges(n, looped, costs)
    text = str(error.value).removeprefix("the graph has a cycle: ").partition(";")[0]
    if "more" not in text:
        named = [int(node) for node in text.split(" -> ")]
        assert named[0] == named[-1]
        assert all(pair in looped for pair in pairwise(named))


@pytest.mark.parametrize(
    ("indptr", "indices", "costs", "message"),
    [
        ([0, 1], [0], [1, 1], r"indptr has 2 entries for 2 costs; need 3"),
        ([1, 1], [], [1], r"indptr\[0\]=1; need 0"),
        ([0, 2, 1], [0], [1, 1], r"indptr\[2\]=1 is less than indptr\[1\]=2"),
        ([0, 1, 1], [], [1, 1], r"indptr ends at 1; need 0"),
        ([0, 1, 1], [2], [1, 1], r"indices\[0\]=2; need a node in 0\.\.1"),
        ([0, 1, 1], [-1], [1, 1], r"indices\[0\]=-1; need a node in 0\.\.1"),
        ([0, 0], [], [-5], r"cost_ns\[0\]=-5; need ns >= 0"),
        ([0, 0], [], [float("nan")], r"cost_ns\[0\]=nan; need a finite number"),
        ([0, 0], [], [float("inf")], r"cost_ns\[0\]=inf; need a finite number"),
        ([0, 0], [], [2.0**63], r"at most 2\*\*63 - 1"),
        ([0, 0, 0, 0], [], [2**62, 2**62, 2**62], r"add up to more than"),
        ([[0, 0]], [], [1], r"indptr has shape \(1, 2\)"),
        ([0, 1], [0], [1], r"cycle: 0 -> 0"),
    ],
)
def test_an_unsound_graph_is_a_value_error_that_names_the_value(
    indptr: list[int], indices: list[int], costs: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TaskGraph(np.asarray(indptr), np.asarray(indices), np.asarray(costs))


@pytest.mark.parametrize("costs", [[0.5], ["1"], [None], [True]])
def test_costs_that_are_no_integers_are_a_type_error(costs: list[object]) -> None:
    with pytest.raises(TypeError, match="cost_ns"):
        TaskGraph(np.array([0, 0]), np.array([], dtype=int), np.asarray(costs))


def test_an_empty_graph_is_a_graph() -> None:
    graph = TaskGraph(np.array([0]), np.array([]), np.array([]))
    assert (len(graph), graph.work, graph.span, graph.critical_path) == (0, 0, 0, ())


def test_writable_arrays_are_copied_and_read_only_ones_are_not() -> None:
    costs = np.array([1, 2], dtype=np.int64)
    graph = TaskGraph(np.array([0, 0, 0]), np.array([], dtype=np.int64), costs)
    costs[0] = 99
    assert graph.work == 3
    frozen = np.array([1, 2], dtype=np.int64)
    frozen.setflags(write=False)
    assert TaskGraph(np.array([0, 0, 0]), np.array([], dtype=np.int64), frozen).cost_ns is frozen


def test_a_read_only_view_of_writable_memory_is_copied() -> None:
    base = np.array([1, 2], dtype=np.int64)
    view = base[:]
    view.setflags(write=False)
    graph = TaskGraph(np.array([0, 0, 0]), np.array([], dtype=np.int64), view)
    base[0] = 99
    assert graph.work == 3


def test_a_graph_survives_networkx() -> None:
    exported = diamond().to_networkx()
    assert exported.nodes[1] == {"name": "b", "cost_ns": 10}
    assert sorted(exported.edges) == [(0, 1), (0, 2), (1, 3), (2, 3)]


def test_nodes_that_cost_nothing_may_be_on_the_critical_path() -> None:
    assert graph_from_edges(3, [(2, 1), (1, 0)], [5, 0, 1]).critical_path == (2, 1, 0)


def test_deep_graphs_need_no_deep_stack() -> None:
    n = 50_000
    graph = graph_from_edges(n, [(i + 1, i) for i in range(n - 1)], np.ones(n, dtype=np.int64))
    assert graph.span == n
