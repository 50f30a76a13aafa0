"""Named task graphs: edges against the formulas written out, known spans and counts, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import networkx as nx
import pytest
from stealscope import dist
from stealscope import workloads as w
from stealscope.patterns import PATTERNS

Formula = Callable[[int, int, int], set[int]]

# What task i of step t depends on in a layer of width W, as sets; radix 3.
FORMULAS: dict[str, Formula] = {
    "trivial": lambda t, i, width: set(),
    "no_comm": lambda t, i, width: {i},
    "stencil_1d": lambda t, i, width: {i - 1, i, i + 1} & set(range(width)),
    "stencil_1d_periodic": lambda t, i, width: {(i - 1) % width, i, (i + 1) % width},
    "dom": lambda t, i, width: {i - 1, i} & set(range(width)),
    "fft": lambda t, i, width: (
        {i, i - 2 ** ((t - 1) % max(1, math.ceil(math.log2(width)))), i + 2 ** ((t - 1) % max(1, math.ceil(math.log2(width))))}
        & set(range(width))
    ),
    "all_to_all": lambda t, i, width: set(range(width)),
    "nearest": lambda t, i, width: {i - 1, i, i + 1} & set(range(width)),
    "spread": lambda t, i, width: {(i + j * width // 3 + (t - 1 if j else 0)) % width for j in range(3)},
}


RADIX_3 = ("nearest", "spread")

# The formulas of "nearest" and "spread" are those of radix 3, which needs a width of 3.
SHAPES = [
    (name, *shape) for name in FORMULAS for shape in [(1, 1), (3, 4), (5, 6), (8, 5)] if shape[0] >= 3 or name not in RADIX_3
]


@pytest.mark.parametrize(("name", "width", "steps"), SHAPES)
def test_edges_are_those_of_the_formula(name: str, width: int, steps: int) -> None:
    radix = min(3, width)
    graph = w.pattern(name, width, steps, radix=radix).to_networkx()
    expected = {
        ((t - 1) * width + j, t * width + i) for t in range(1, steps) for i in range(width) for j in FORMULAS[name](t, i, width)
    }
    assert set(graph.edges) == expected
    assert graph.number_of_nodes() == width * steps


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize(("width", "steps"), [(1, 1), (1, 3), (2, 2), (6, 5)])
def test_work_and_span_are_those_that_networkx_finds(name: str, width: int, steps: int) -> None:
    workload = w.pattern(name, width, steps, cost_ns=10, seed=3)
    graph = workload.to_networkx()
    assert nx.is_directed_acyclic_graph(graph)
    assert workload.work == 10 * graph.number_of_nodes()
    assert workload.span == 10 * (nx.dag_longest_path_length(graph) + 1)
    assert workload.expected == graph.number_of_nodes()


def test_a_tree_doubles_until_it_is_as_wide_as_asked() -> None:
    graph = w.pattern("tree", 4, 4).to_networkx()
    assert sorted(graph.edges) == [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (2, 6), (3, 7), (3, 8), (4, 9), (4, 10)]


def test_a_chain_is_one_and_a_fork_join_waits_for_all() -> None:
    assert w.pattern("chain", 3, 4, cost_ns=5).span == 60
    assert sorted(w.pattern("fork_join", 2, 2).to_networkx().edges) == [
        (0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (3, 5), (4, 6), (5, 6),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["random_nearest", "random_layered"])
def test_random_edges_depend_on_the_seed_and_the_fraction(name: str) -> None:
    def edges(seed: int, fraction: float) -> set[tuple[int, int]]:
        return set(w.pattern(name, 20, 20, seed=seed, fraction=fraction).to_networkx().edges)

    assert edges(1, 0.5) == edges(1, 0.5) != edges(2, 0.5)
    assert len(edges(1, 0.0)) == (0 if name == "random_nearest" else 380)
    full = edges(1, 1.0)
    assert 0.4 < len(edges(1, 0.5)) / len(full) < 0.6
    assert full == set(w.pattern("nearest" if name == "random_nearest" else "all_to_all", 20, 20).to_networkx().edges)


def test_costs_can_be_drawn_from_a_law() -> None:
    workload = w.pattern("no_comm", 30, 30, cost_ns=dist.exponential(1e-6), seed=4)
    assert workload.graph is not None
    assert workload.work == pytest.approx(900_000, rel=0.1)
    assert workload.seed == 4
    assert workload.with_seed(5).work != workload.work


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: w.pattern("stencil", 2, 2), r"name='stencil'; need one of 'trivial', "),
        (lambda: w.pattern("fft", 0, 2), r"width=0; need 1"),
        (lambda: w.pattern("fft", 2, 0), r"steps=0; need 1"),
        (lambda: w.pattern("fft", 2, 2, cost_ns=-1), r"cost_ns=-1"),
        (lambda: w.pattern("nearest", 2, 2, radix=3), r"radix=3; need 1\.\.2; at most the width"),
        (lambda: w.pattern("random_layered", 2, 2, fraction=1.5), r"fraction=1\.5; need a probability"),
        (lambda: w.pattern("all_to_all", 10_000, 10_000), r"1,000,000,000,000 edges; need at most 200,000,000"),
        (lambda: w.pattern("no_comm", 10, 10, cost_ns=2**60), r"more than 2\*\*63 - 1 ns in all"),
    ],
)
def test_a_bad_pattern_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
