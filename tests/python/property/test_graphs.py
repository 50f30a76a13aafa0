"""Random task graphs and the classic workloads on real threads: the right answer, every node once, in a valid order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import stealscope as ss
from hypothesis import given, settings
from hypothesis import strategies as st
from stealscope import inside

LIMIT = 30.0  # seconds: only a test that fails waits so long

# Each test runs on 1, 2, 3 and 4 workers: a quarter of the profile's examples on each.
few = settings(max_examples=max(1, settings.default.max_examples // 4))


@pytest.fixture(scope="module", params=[1, 2, 3, 4], ids=lambda workers: f"{workers}-workers")
def rt(request: pytest.FixtureRequest) -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=request.param) as runtime:
        yield runtime


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], list[int]]:
    """The number of nodes, edges from lower to higher ones (some twice) under a random renaming, and costs in ns."""
    nodes = draw(st.integers(1, 30))
    pairs = st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)).filter(lambda pair: pair[0] < pair[1])
    edges = draw(st.lists(pairs, max_size=3 * nodes)) if nodes > 1 else []
    name = draw(st.permutations(range(nodes)))
    costs = draw(st.lists(st.integers(0, 3000), min_size=nodes, max_size=nodes))
    return nodes, [(name[a], name[b]) for a, b in edges], costs


def arrays(nodes: int, edges: list[tuple[int, int]]) -> tuple[Any, Any]:
    successors: list[list[int]] = [[] for _ in range(nodes)]
    for before, after in edges:
        successors[before].append(after)
    indptr = np.cumsum([0, *map(len, successors)])
    return indptr, np.array([after for row in successors for after in row], dtype=np.int64)


@few
@given(graph=graphs())
def test_a_graph_runs_every_node_and_its_report_keeps_the_bounds(rt: ss.Runtime, graph: Any) -> None:
    nodes, edges, costs = graph
    workload = ss.workloads.dag(*arrays(nodes, edges), costs)
    report = rt.run(workload, timeout=LIMIT)
    assert report.result == workload.expected == nodes
    assert report.work == sum(costs)
    assert max(costs) <= report.span <= report.work
    assert report.makespan >= report.span  # each node is busy for its cost, and a path runs in its order
    assert report.makespan >= report.lower_bound or report.workers > len(ss._core.usable_cpus())
    if ss.features()["unstable_metrics"]:
        assert report.metrics["spawned_tasks_count"] >= nodes


@few
@given(graph=graphs())
def test_a_graph_of_python_tasks_respects_the_order_of_its_edges(rt: ss.Runtime, graph: Any) -> None:
    nodes, edges, _ = graph
    order: list[int] = []
    lock = threading.Lock()

    async def main() -> None:
        waiting = [sum(after == node for _, after in edges) for node in range(nodes)]
        handles: dict[int, Any] = {}
        all_begun = ss.sync.Event()

        async def node_task(node: int) -> None:
            ready = []
            with lock:
                order.append(node)
                for before, after in edges:
                    if before == node:
                        waiting[after] -= 1
                        if waiting[after] == 0:
                            ready.append(after)
            await inside.yield_now()
            for after in ready:
                begin(after)

        def begin(node: int) -> None:
            with lock:
                handles[node] = inside.spawn(node_task, node)
                if len(handles) == nodes:
                    all_begun.set()

        for node in [node for node in range(nodes) if waiting[node] == 0]:
            begin(node)
        await all_begun.wait()
        for handle in list(handles.values()):
            await handle

    rt.spawn(main).result(LIMIT)
    assert sorted(order) == list(range(nodes))
    position = {node: place for place, node in enumerate(order)}
    assert all(position[before] < position[after] for before, after in edges)


@few
@given(
    workload=st.one_of(
        st.builds(ss.workloads.fib, st.integers(0, 16), structured=st.booleans()),
        st.builds(ss.workloads.skynet, st.integers(0, 3), st.integers(1, 6), structured=st.booleans()),
        st.builds(ss.workloads.fork_join, st.integers(0, 4), st.integers(1, 4), st.integers(0, 2000), structured=st.booleans()),
        st.builds(ss.workloads.nqueens, st.integers(1, 6), structured=st.booleans()),
        st.builds(ss.workloads.matmul, st.integers(1, 40)),
        st.builds(ss.workloads.spawn_many, st.integers(0, 600), st.sampled_from(["worker", "local", "remote"])),
        st.builds(ss.workloads.yield_many, st.integers(0, 30), st.integers(0, 30)),
        st.builds(ss.workloads.ping_pong, st.integers(0, 100)),
        st.builds(ss.workloads.chained_spawn, st.integers(0, 300)),
    )
)
def test_a_classic_workload_gives_its_answer(rt: ss.Runtime, workload: ss.Workload) -> None:
    report = rt.run(workload, timeout=LIMIT)
    assert report.result == workload.expected
    assert report.workers == rt.handle.num_workers()
    assert report.makespan >= 0
    rt.handle.metrics(settled=True, timeout=LIMIT)
    assert rt.handle.num_alive_tasks() == 0


@few
@given(parts=st.lists(st.integers(0, 12), min_size=1, max_size=4), shape=st.sampled_from(["sequence", "together"]))
def test_combined_workloads_give_the_answers_of_their_parts(rt: ss.Runtime, parts: list[int], shape: str) -> None:
    combine = getattr(ss.workloads, shape)
    workload = combine(*map(ss.workloads.fib, parts), ss.workloads.sequence(ss.workloads.skynet(2, 3)))
    fib = [0, 1]
    while len(fib) <= 12:
        fib.append(fib[-1] + fib[-2])
    assert rt.run(workload, timeout=LIMIT).result == (*(fib[n] for n in parts), (36,))


@few
@given(count=st.integers(1, 6))
def test_workloads_at_the_same_time_do_not_mix(rt: ss.Runtime, count: int) -> None:
    handles = [rt.spawn(ss.workloads.fib(n)) for n in range(8, 8 + count)]
    assert [handle.result(LIMIT).result for handle in handles] == [21, 34, 55, 89, 144, 233][:count]
