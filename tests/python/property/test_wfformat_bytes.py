"""Whatever a workflow file holds, it is read or refused by the errors that are documented, at once."""

from __future__ import annotations

import copy
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from stealscope.wfformat import parse_workflow, read_workflow
from stealscope.workloads import from_wfcommons

_specification = [
    {"name": "a", "id": "a", "parents": [], "children": ["b", "c"]},
    {"name": "b", "id": "b", "parents": ["a"], "children": []},
    {"name": "c", "id": "c", "parents": ["a"], "children": []},
]
_seconds = [{"id": "a", "runtimeInSeconds": 1.5}, {"id": "b", "runtimeInSeconds": 2}, {"id": "c", "runtimeInSeconds": 0}]
_sound: dict[str, Any] = {
    "name": "w",
    "schemaVersion": "1.5",
    "workflow": {
        "specification": {"tasks": _specification},
        "execution": {"makespanInSeconds": 3.5, "executedAt": "x", "tasks": _seconds},
    },
}
_in_one_list: dict[str, Any] = {
    "name": "w",
    "schemaVersion": "1.4",
    "workflow": {"makespan": 3, "tasks": [task | {"runtime": 1} for task in _specification]},
}

_numbers = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 2**63, 9.3e9, 1e308])
_leaves = st.none() | st.booleans() | _numbers | st.text(max_size=3) | st.sampled_from(["a", "b", "c"])
_keys = st.sampled_from(
    [
        "workflow",
        "specification",
        "execution",
        "tasks",
        "id",
        "name",
        "parents",
        "children",
        "runtime",
        "runtimeInSeconds",
        "makespan",
    ]
)
_values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3), max_leaves=6
)


def _places(value: object) -> list[tuple[Any, Any]]:
    """Each (container, key) below a decoded JSON value."""
    if isinstance(value, dict):
        here = list(value.items())
    elif isinstance(value, list):
        here = list(enumerate(value))
    else:
        return []
    return [(value, key) for key, _ in here] + [place for _, inner in here for place in _places(inner)]


@st.composite
def mutated_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A sound document in which up to three values are replaced, removed, doubled or put in another one's place."""
    document: dict[str, Any] = copy.deepcopy(draw(st.sampled_from([_sound, _in_one_list])))
    for _ in range(draw(st.integers(0, 3))):
        places = _places(document)
        if not places:
            break
        container, key = draw(st.sampled_from(places))
        change = draw(st.sampled_from(["replace", "remove", "double", "copy"]))
        if change == "remove":
            del container[key]
        elif change == "double" and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        elif change == "copy":
            other, other_key = draw(st.sampled_from(places))
            container[key] = copy.deepcopy(other[other_key])
        else:
            container[key] = draw(_values)
    return document


def _read_or_refused(path: Path) -> None:
    """The file is a workload whose times can be asked for, or one ValueError that begins with the path."""
    try:
        workflow = read_workflow(path)
    except ValueError:
        with pytest.raises(ValueError, match=f"^{re.escape(str(path))}"):
            from_wfcommons(path)
        return
    workload = from_wfcommons(path)
    assert len(workflow.ids) == len(workflow.graph) == workload.expected
    assert 0 <= workflow.graph.span <= workflow.graph.work < 2**63
    assert workflow.recorded_makespan is None or isinstance(workflow.recorded_makespan, float)


def _with(task: dict[str, Any], executed: dict[str, Any], makespan: object = 1) -> dict[str, Any]:
    execution = {"makespanInSeconds": makespan, "tasks": [{"id": "a"} | executed]}
    return {"workflow": {"specification": {"tasks": [{"id": "a"} | task]}, "execution": execution}}


_one_second = {"runtimeInSeconds": 1}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(document=_sound)
@example(document=_in_one_list)
@example(document=_with({"parents": 5}, _one_second))
@example(document=_with({"children": True}, _one_second))
@example(document=_with({}, {"runtimeInSeconds": 10**400}))
@example(document=_with({}, _one_second, 10**400))
@given(document=mutated_documents())
def test_a_mutated_workflow_is_read_or_refused_by_a_value_error(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "w.json"
    path.write_text(json.dumps(document))
    _read_or_refused(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=64) | _values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused_by_a_value_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.json"
    path.write_bytes(content)
    _read_or_refused(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 600), byte=st.integers(0, 255), is_cut=st.booleans())
def test_a_file_with_a_wrong_byte_or_cut_off_is_read_or_refused_by_a_value_error(
    tmp_path: Path, cut: int, byte: int, is_cut: bool
) -> None:
    content = json.dumps(_sound).encode()
    cut = min(cut, len(content) - 1)
    path = tmp_path / "w.json"
    path.write_bytes(content[:cut] + (b"" if is_cut else bytes([byte]) + content[cut + 1 :]))
    _read_or_refused(path)


@given(document=mutated_documents(), scale=st.floats())
def test_any_scale_gives_costs_in_range_or_a_value_error(document: dict[str, Any], scale: float) -> None:
    try:
        workflow = parse_workflow(document, scale=scale)
    except ValueError:
        return
    assert math.isfinite(workflow.scale)
    assert all(cost >= 0 for cost in workflow.graph.cost_ns.tolist())
