"""A recorded run becomes the graph that it was, predicts itself, and says what it does not know."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import stealscope as ss
from stealscope.program import Join, Spawn, Work, Yield

pytestmark = pytest.mark.needs_timeline
TREE = ss.workloads.fork_join(7, 2, 50_000)
FREE = ss.Costs.zero()


def simulated(workload: ss.Workload = TREE, workers: int = 4, *, timeline: bool | int = True, **options: Any) -> ss.Report:
    return ss.Simulation(workers, timeline=timeline, **options).run(workload)


def between_tasks(workload: ss.Workload) -> tuple[dict[int, int], set[tuple[int, int]]]:
    """The cost of each task, and the edges between pieces of different ones, as pairs of task ids."""
    graph = workload.graph
    assert graph is not None
    task = [int(name.split()[1].rstrip(",")) for name in graph.names]
    costs: dict[int, int] = {}
    for node, cost in enumerate(graph.cost_ns.tolist()):
        costs[task[node]] = costs.get(task[node], 0) + cost
    edges = {(task[node], task[after]) for node in range(len(graph)) for after in graph.successors(node).tolist()}
    return costs, {edge for edge in edges if edge[0] != edge[1]}


# ---- the graph ----


def test_forks_and_joins_on_a_thread_give_their_own_shape() -> None:
    tree = [
        [Spawn(1), Spawn(2), Join(1), Join(2), Work(9_000)],
        [Work(40_000), Spawn(3), Join(3)],
        [Work(20_000)],
        [Work(30_000)],
    ]
    with ss.Runtime(1, timeline=True) as rt:
        costs, edges = between_tasks(rt.run(ss.workloads.program(tree)).to_workload())
    root, workload, task_0, *rest = sorted(costs)
    assert len(rest) == 3
    (task_3,) = {task for task in rest if (task_0, task) not in edges}
    (task_1,) = {task for task in rest if (task, task_3) in edges}
    (task_2,) = set(rest) - {task_1, task_3}
    pairs = [(root, workload), (workload, task_0), (task_0, task_1), (task_0, task_2), (task_1, task_3)]
    assert edges == {*pairs, *((child, parent) for parent, child in pairs)}  # each is spawned, and then joined
    for task, least in ((task_0, 9_000), (task_1, 40_000), (task_2, 20_000), (task_3, 30_000)):
        assert costs[task] >= least


def test_a_structured_run_is_refused_as_its_calls_are_no_tasks() -> None:
    structured = ss.workloads.sequence(TREE, ss.workloads.fib(5, structured=True))
    with pytest.raises(ValueError, match="a branch of a structured workload is a task only if another worker took it"):
        simulated(structured).to_workload()


def test_python_tasks_that_wait_for_each_other_give_their_own_shape() -> None:
    async def node(name: str, before: str) -> None:
        await ss.yield_now()
        for other in before:
            await done[other].wait()
        done[name].set()

    async def main() -> None:
        async with ss.TaskGroup() as group:
            for name, before in (("a", ""), ("b", "a"), ("c", "a"), ("d", "cb")):
                group.spawn(node, name, before)

    with ss.Runtime(1, timeline=True) as rt:
        done = {name: ss.Event() for name in "abcd"}
        with pytest.warns(UserWarning, match="Python polls run one after the other"):
            rt.run(main).to_workload()
        done = {name: ss.Event() for name in "abcd"}
        workload = rt.run(main).to_workload(gil=False)
    costs, edges = between_tasks(workload)
    root, a, b, c, d = sorted(costs)
    assert {(a, b), (a, c)} <= edges
    assert (c, d) in edges or (b, d) in edges
    assert not {(b, c), (c, b), (d, a)} & edges
    assert {(root, task) for task in (a, b, c, d)} <= edges
    assert {(task, root) for task in (a, b, c, d)} <= edges


def test_a_poll_is_cut_where_it_spawns() -> None:
    program = ss.workloads.program([[Work(500_000), Spawn(1), Work(400_000)], [Work(300_000)]])
    report = simulated(program, 1, costs=FREE)
    assert report.to_workload().span == 900_000
    assert report.to_workload().work == 1_200_000
    assert report.to_workload(grain=1.0).span == 1_200_000  # never cut: the child comes after its parent's poll


def test_no_time_of_a_poll_is_lost_or_counted_twice() -> None:
    for grain in (0.0, 1e-6, 1e-3):
        assert simulated(costs=FREE).to_workload(grain=grain).work == TREE.work


def test_a_parent_waits_for_all_children_or_only_for_those_that_woke_it() -> None:
    program = ss.workloads.program(
        [[Spawn(1), Spawn(2), Join(2), Join(1), Work(10_000)], [Work(80_000)], [Yield(), Work(90_000)]]
    )
    report = simulated(program, 1, costs=FREE)
    assert report.to_workload(joins="children").graph.edge_count > report.to_workload(joins="wakes").graph.edge_count  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="joins='all'; need 'children' or 'wakes'"):
        report.to_workload(joins="all")  # type: ignore[arg-type]


def test_the_graph_runs_on_threads_too() -> None:
    workload = simulated(ss.workloads.fork_join(4, 2, 2_000)).to_workload()
    with ss.Runtime(2) as rt:
        assert rt.run(workload).result == workload.expected


# ---- what it does not know ----


def test_dropped_events_are_refused_with_what_to_do() -> None:
    for call in (simulated(timeline=20).to_workload, lambda: ss.what_if(simulated(timeline=20), 8)):
        with pytest.raises(ValueError, match=r"events of this run found no room.*timeline=N"):
            call()


def test_a_wait_for_a_timer_is_told() -> None:
    async def main() -> None:
        await ss.work(1e-6)
        await ss.sleep(1e-3)

    sim = ss.Simulation(2, timeline=True)
    sim.block_on(main)
    with pytest.warns(UserWarning, match=r"1 wait for a timer \(.* ms in all\) takes? no time"):
        sim.report.to_workload()


def test_waits_that_left_no_event_are_told_where_the_workload_knows_better() -> None:
    graph = ss.workloads.dag([0, 1, 2, 2], [2, 2], [10_000, 50_000, 20_000])  # the last node waits for both others
    with pytest.warns(UserWarning, match=r"\(50.* us\) is shorter than the workload's own \(70 us\)"):
        simulated(graph, 1).to_workload()  # where it was ready as the first of them, which is shorter, had ended
    assert not ss.what_if(simulated(graph, 2), 8).notes


def test_tasks_that_block_in_place_and_other_tasks_are_told() -> None:
    with ss.Runtime(2, timeline=True) as rt:
        report = rt.run(ss.workloads.fib(8))
        blocking = rt.run(ss.block_in_place, sum, [1, 2])
    assert any("other tasks ran meanwhile" in note for note in ss.what_if(replace(report, exclusive=False), 2).notes)
    assert any("blocked in place" in note or "no end" in note for note in ss.what_if(blocking, 2).notes)


def test_the_gil_lets_no_worker_help() -> None:
    async def leaf() -> int:
        return sum(range(20_000))

    async def main() -> None:
        async with ss.TaskGroup() as group:
            for _ in range(6):
                group.spawn(leaf)

    with ss.Runtime(1, timeline=True) as rt:
        report = rt.run(main)
    locked, free = ss.what_if(report, [8]), ss.what_if(report, [8], gil=False)
    assert locked.graph.span == locked.graph.work
    assert free.graph.span is not None
    assert free.graph.work is not None
    assert free.graph.span < free.graph.work
    assert free.rows[-1]["makespan"] < locked.rows[-1]["makespan"]


# ---- predictions ----


def test_where_scheduling_is_free_a_run_predicts_itself_and_others_exactly() -> None:
    other = simulated(workers=16, costs=FREE)
    answer = ss.what_if(simulated(costs=FREE), [1, 64], check=other)
    assert [row["role"] for row in answer.rows] == ["recorded", "check", "predicted", "predicted"]
    assert answer.rows[0]["error"] == 0
    assert answer.error == pytest.approx(0, abs=0.01)
    assert answer.rows[2]["makespan"] == TREE.work
    assert answer.rows[3]["measured"] is None


@pytest.mark.parametrize("workers", [1, 4, 32])
def test_with_costs_a_run_predicts_itself_within_a_tenth(workers: int) -> None:
    row = ss.what_if(simulated(workers=workers), workers).rows[0]
    assert row["error"] == pytest.approx(0, abs=0.1)
    assert row["measured"] == simulated(workers=workers).makespan


def test_policies_are_told_apart() -> None:
    answer = ss.what_if(simulated(), [8], ["tokio", "no_stealing", ss.Policy(steal="one")])
    made = {row["policy"]: row["makespan"] for row in answer.rows if row["role"] == "predicted"}
    assert set(made) == {"tokio", "no_stealing", "steal='one'"}
    assert made["no_stealing"] > made["tokio"]


def test_a_policy_that_is_known_as_text_only_must_be_given() -> None:
    policy = ss.Policy(steal="one")
    report = simulated(policy=policy)
    with pytest.raises(ValueError, match=r"only as text, \"steal='one'\"; add that policy"):
        ss.what_if(report, 8)
    assert ss.what_if(report, 8, [policy]).rows[0]["role"] == "recorded"


def test_wrong_arguments_say_what_is_needed() -> None:
    with pytest.raises(TypeError, match="check=5; need a Report"):
        ss.what_if(simulated(), 8, check=[5])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="workers=0"):
        ss.what_if(simulated(), [0])


def test_an_answer_prints_and_becomes_a_frame_and_json() -> None:
    answer = ss.what_if(replace(simulated(), workload="<b>"), [8])
    assert "not measured at another worker count: give check=" in str(answer)
    assert "critical path" in str(answer)
    assert "&lt;b&gt;" in answer._repr_html_()
    assert "<b>" not in answer._repr_html_()
    assert repr(answer) == "<WhatIf of <b>: 2 predictions>"
    assert json.loads(json.dumps(answer.to_dict()))["rows"][0]["role"] == "recorded"
    pytest.importorskip("pandas", reason="pandas is not installed; the extra stealscope[frame] brings it")
    frame = answer.to_frame()
    assert list(frame.columns) == ["role", "workers", "policy", "makespan", "speedup", "measured", "error"]
    assert frame["measured"].isna().tolist() == [False, True]
    assert frame.attrs["span"] == answer.graph.span
