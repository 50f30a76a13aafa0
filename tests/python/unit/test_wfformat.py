"""WfFormat: what is read, what is refused, and that a graph survives being written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stealscope.graph import graph_from_edges
from stealscope.wfformat import parse_workflow, read_workflow, unique_ids, workflow_document, write_workflow


def task(name: str, parents: list[str] | None = None, children: list[str] | None = None) -> dict[str, Any]:
    return {"name": name, "id": name, "parents": parents or [], "children": children or []}


def document(tasks: list[dict[str, Any]], seconds: dict[str, Any]) -> dict[str, Any]:
    executed = [{"id": name, "runtimeInSeconds": value} for name, value in seconds.items()]
    return {
        "name": "w",
        "schemaVersion": "1.5",
        "workflow": {"specification": {"tasks": tasks}, "execution": {"makespanInSeconds": 9.5, "tasks": executed}},
    }


def test_a_recorded_second_becomes_scale_seconds() -> None:
    tasks = [task("a", children=["b"]), task("b", parents=["a"])]
    workflow = parse_workflow(document(tasks, {"b": 2, "a": 1.5}), scale=1e-6)
    assert workflow.ids == ("a", "b")
    assert workflow.graph.cost_ns.tolist() == [1500, 2000]
    assert (workflow.graph.edge_count, workflow.recorded_makespan, workflow.name) == (1, 9.5, "w")


@pytest.mark.parametrize("side", ["parents", "children"])
def test_an_edge_counts_if_only_one_end_names_it(side: str) -> None:
    a, b = task("a"), task("b")
    (b if side == "parents" else a)[side] = ["a" if side == "parents" else "b"]
    assert parse_workflow(document([b, a], {"a": 1, "b": 1})).graph.successors(1).tolist() == [0]


def test_version_1_4_keeps_everything_in_one_list_and_may_refer_by_name() -> None:
    tasks = [
        {"name": "first", "id": "ID1", "runtimeInSeconds": 1, "children": ["second"]},
        {"name": "second", "id": "ID2", "runtimeInSeconds": 2, "parents": ["first"]},
    ]
    workflow = parse_workflow({"name": "old", "schemaVersion": "1.4", "workflow": {"makespanInSeconds": 3, "tasks": tasks}})
    assert workflow.graph.span == 3 * 10**9
    assert workflow.ids == ("ID1", "ID2")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ([], r"the document is a list; need an object"),
        ({}, r'"workflow" is missing'),
        ({"workflow": {}}, r'"tasks" is missing'),
        ({"workflow": {"tasks": [3]}}, r"entry 0 of tasks is a int"),
        (document([task("a")], {}), r"task 'a' has no recorded run time"),
        (document([task("a")], {"a": -1}), r"task 'a': runtimeInSeconds=-1; need finite seconds >= 0"),
        (document([task("a")], {"a": float("nan")}), r"runtimeInSeconds=nan"),
        (document([task("a")], {"a": "1"}), r"runtimeInSeconds='1'"),
        (document([task("a")], {"a": 1e300}), r"use a smaller scale"),
        (document([task("a", ["z"])], {"a": 1}), r"task 'a' has 'z' among its parents; no task has that id"),
        (document([task("a"), task("a")], {"a": 1}), r"two tasks have the id 'a'"),
        (document([task("a", ["b"]), task("b", ["a"])], {"a": 1, "b": 1}), r"cycle: (a -> b -> a|b -> a -> b)"),
        (document([task("a") | {"parents": "b"}], {"a": 1}), r"parents is a str; need a list"),
        (document([task("a") | {"parents": 5}], {"a": 1}), r"parents is a int; need a list"),
        (document([task("a")], {"a": 10**400}), r"task 'a': runtimeInSeconds=10+; need finite seconds >= 0"),
        (document([task("a") | {"id": None}], {"a": 1}), r"task number 0 has id None"),
    ],
)
def test_a_broken_file_is_one_clear_value_error(tmp_path: Path, broken: object, message: str) -> None:
    path = tmp_path / "w.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(ValueError, match=message) as error:
        read_workflow(path)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize("makespan", [10**400, float("inf"), "9.5", None])
def test_a_makespan_that_is_no_finite_number_is_none(makespan: object) -> None:
    recorded = document([task("a")], {"a": 1})
    recorded["workflow"]["execution"]["makespanInSeconds"] = makespan
    assert parse_workflow(recorded).recorded_makespan is None


@pytest.mark.parametrize("content", [b"", b"not json", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="need a WfFormat file"):
        read_workflow(path)


@pytest.mark.parametrize("scale", [-1, float("nan"), float("inf")])
def test_a_scale_out_of_range_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale="):
        parse_workflow(document([task("a")], {"a": 1}), scale=scale)


@given(
    st.integers(1, 8).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda e: e[0] < e[1])),
            st.lists(st.integers(0, 10**15), min_size=n, max_size=n),
        )
    )
)
def test_a_written_graph_reads_back_equal(drawn: tuple[int, set[tuple[int, int]], list[int]]) -> None:
    n, edges, costs = drawn
    graph = graph_from_edges(n, edges, costs, [f"task {i}" for i in range(n)])
    written = json.loads(json.dumps(workflow_document(graph, name="w")))
    assert parse_workflow(written).graph == graph


def test_ids_have_only_the_letters_that_the_schema_allows() -> None:
    assert unique_ids(["a/b.cpp", "a_b.cpp", "a b.cpp", ""]) == {
        "a/b.cpp": "a_b.cpp",
        "a_b.cpp": "a_b.cpp_2",
        "a b.cpp": "a_b.cpp_3",
        "": "_",
    }


def test_tasks_of_one_name_are_told_apart_by_their_ids() -> None:
    tasks = [task("a") | {"name": "same"}, task("b") | {"name": "same"}]
    assert parse_workflow(document(tasks, {"a": 1, "b": 1})).graph.names == ("a", "b")


def test_a_written_file_has_the_extra_fields(tmp_path: Path) -> None:
    graph = graph_from_edges(2, [(0, 1)], np.array([1, 2]), ["a", "b"])
    path = tmp_path / "w.json"
    extra = [{"inputFiles": ["x.cpp"]}, {}]
    write_workflow(path, graph, name="w", extra=extra, files=[{"id": "x.cpp", "sizeInBytes": 3}], makespan=7)
    specification = json.loads(path.read_text())["workflow"]["specification"]
    assert specification["tasks"][0]["inputFiles"] == ["x.cpp"]
    assert specification["files"] == [{"id": "x.cpp", "sizeInBytes": 3}]
    assert read_workflow(path).recorded_makespan == 7
    with pytest.raises(ValueError, match="extra has 1 entries for 2 nodes"):
        write_workflow(path, graph, name="w", extra=[{}])


def test_two_nodes_of_one_name_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="two nodes are called 'a'"):
        workflow_document(graph_from_edges(2, [], [1, 1], ["a", "a"]), name="w")
