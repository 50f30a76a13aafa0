"""How does a recorded workflow (WfFormat, the JSON of the WfCommons project) become a task graph, and back?

Invariant: a task's cost is its recorded run time times `scale`, rounded to the nearest ns; an edge is there if *either*
end names it.
Source of the format: WfCommons' WfFormat schema 1.5; files of 1.4 and before, which keep all in one list of tasks, are
read too.
Read next: `graph.py`; `ninja.py`, which makes such files out of real builds.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .graph import TaskGraph, graph_from_edges
from .units import MAX_NS, checked_scale, ns_to_seconds

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

__all__ = ["Workflow", "parse_workflow", "read_workflow", "unique_ids", "workflow_document", "write_workflow"]


@dataclass(frozen=True)
class Workflow:
    """A recorded workflow.

    Attributes:
        name: the workflow's own name.
        ids: one a task, in the order of the file.
        graph: nodes in the same order, named as the tasks (by their ids where two names are equal); costs in ns, scaled.
        recorded_makespan: seconds that the recorded run took, or None.
        scale: what recorded seconds were multiplied with.
    """

    name: str
    ids: tuple[str, ...]
    graph: TaskGraph
    recorded_makespan: float | None
    scale: float


def read_workflow(path: str | os.PathLike[str], *, scale: float = 1.0) -> Workflow:
    """Read a WfFormat file.

    Args:
        path: a JSON file.
        scale: factor on all run times: ``1e-6`` turns a recorded second into a microsecond.

    Raises:
        OSError: the file cannot be read.
        ValueError: not JSON, not WfFormat, or an unsound graph; the message begins with the path.
    """
    path = Path(path)
    scale = checked_scale(scale)
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
        raise ValueError(f"{path}: not JSON ({error}); need a WfFormat file") from None
    except RecursionError:
        raise ValueError(f"{path}: JSON nested too deeply; need a WfFormat file") from None
    try:
        return parse_workflow(document, scale=scale)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse_workflow(document: object, *, scale: float = 1.0) -> Workflow:
    """As `read_workflow`, from JSON that is already decoded."""
    scale = checked_scale(scale)
    root = _mapping(document, "the document")
    workflow = _mapping(root.get("workflow"), '"workflow"')
    specification = workflow.get("specification", workflow)  # before 1.5 the tasks are in the workflow itself
    tasks = _task_list(_mapping(specification, '"workflow.specification"').get("tasks"), "tasks")
    execution = _mapping(workflow.get("execution", workflow), '"workflow.execution"')
    ids = [_task_id(task, position) for position, task in enumerate(tasks)]
    seconds = _recorded_seconds(tasks, ids, _task_list(execution.get("tasks", []), "execution.tasks"))
    costs = [_scaled_ns(value, scale, task) for task, value in zip(ids, seconds, strict=True)]
    makespan = execution.get("makespanInSeconds", execution.get("makespan"))
    return Workflow(
        name=str(root.get("name", "workflow")),
        ids=tuple(ids),
        graph=graph_from_edges(len(ids), _edges(tasks, ids), costs, _labels(tasks, ids)),
        recorded_makespan=float(makespan) if _is_finite_number(makespan) else None,
        scale=scale,
    )


def write_workflow(
    path: str | os.PathLike[str],
    graph: TaskGraph,
    *,
    name: str,
    description: str = "",
    makespan: float | None = None,
    executed_at: str = "",
    extra: Sequence[Mapping[str, Any]] = (),
    files: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write a graph as WfFormat 1.5; arguments as `workflow_document`. The same graph gives the same bytes."""
    document = workflow_document(
        graph, name=name, description=description, makespan=makespan, executed_at=executed_at, extra=extra, files=files
    )
    Path(path).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def workflow_document(
    graph: TaskGraph,
    *,
    name: str,
    description: str = "",
    makespan: float | None = None,
    executed_at: str = "",
    extra: Sequence[Mapping[str, Any]] = (),
    files: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """A graph as a WfFormat 1.5 document, JSON-serialisable.

    Args:
        graph: its names become the tasks' names (and `unique_ids` of them their ids), its costs their run times.
        name: of the workflow.
        description: for people.
        makespan: of the recorded run, seconds; None: the span, which is how long it would take with enough workers.
        executed_at: ISO 8601 time of the run.
        extra: for each node, more fields of its specification (``inputFiles``, ``outputFiles``), or nothing at all.
        files: ``{"id": ..., "sizeInBytes": ...}`` for each file that `extra` mentions.

    Raises:
        ValueError: two nodes have the same name, or `extra` has another length than the graph.
    """
    names = [graph.name(node) for node in range(len(graph))]
    if len(set(names)) != len(names):
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise ValueError(f"two nodes are called {twice!r}; a name must say which task is meant")
    ids = list(unique_ids(names).values())
    if extra and len(extra) != len(graph):
        raise ValueError(f"extra has {len(extra)} entries for {len(graph)} nodes; give one for each, or none")
    parents: list[list[str]] = [[] for _ in ids]
    for node in range(len(graph)):
        for target in graph.successors(node).tolist():
            parents[target].append(ids[node])
    children = [[ids[target] for target in graph.successors(node).tolist()] for node in range(len(graph))]
    specification = [
        {"name": names[node], "id": task, "parents": parents[node], "children": children[node]}
        | dict(extra[node] if extra else {})
        for node, task in enumerate(ids)
    ]
    seconds = [ns_to_seconds(cost) for cost in graph.cost_ns.tolist()]
    return {
        "name": name,
        **({"description": description} if description else {}),
        "schemaVersion": "1.5",
        "workflow": {
            "specification": {"tasks": specification, "files": [dict(file) for file in files]},
            "execution": {
                "makespanInSeconds": ns_to_seconds(graph.span) if makespan is None else makespan,
                "executedAt": executed_at or "unknown",
                "tasks": [{"id": task, "runtimeInSeconds": value} for task, value in zip(ids, seconds, strict=True)],
            },
        },
    }


def unique_ids(names: Sequence[str]) -> dict[str, str]:
    """An id for each name, with only the letters that the format's schema allows: a path's slashes become underscores."""
    result: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^0-9a-zA-Z_.-]", "_", name) or "_"
        candidates = (plain if number == 1 else f"{plain}_{number}" for number in count(1))
        result[name] = next(candidate for candidate in candidates if candidate not in taken)
        taken.add(result[name])
    return result


def _labels(tasks: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> Sequence[str]:
    names = [str(task.get("name") or task_id) for task, task_id in zip(tasks, ids, strict=True)]
    return names if len(set(names)) == len(names) else ids


def _recorded_seconds(
    tasks: Sequence[Mapping[str, Any]], ids: Sequence[str], executed: Sequence[Mapping[str, Any]]
) -> list[float]:
    by_id = {str(entry.get("id", entry.get("name"))): entry for entry in executed}
    result = []
    for task, task_id in zip(tasks, ids, strict=True):
        entry = by_id.get(task_id, task)
        value = next((entry[key] for key in ("runtimeInSeconds", "runtime") if key in entry), None)
        if value is None:
            raise ValueError(f"task {task_id!r} has no recorded run time; need runtimeInSeconds in workflow.execution.tasks")
        if not _is_finite_number(value) or value < 0:
            raise ValueError(f"task {task_id!r}: runtimeInSeconds={value!r}; need finite seconds >= 0")
        result.append(float(value))
    return result


def _edges(tasks: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> set[tuple[int, int]]:
    node_of = {task_id: node for node, task_id in enumerate(ids)}
    if len(node_of) != len(ids):
        twice = next(task_id for node, task_id in enumerate(ids) if node_of[task_id] != node)
        raise ValueError(f"two tasks have the id {twice!r}; each needs its own")
    # Older files refer to tasks by name; a name that several tasks share cannot say which one is meant.
    by_name = _unique_names(tasks, ids, node_of)

    def node(reference: object, task_id: str, key: str) -> int:
        found = node_of.get(str(reference), by_name.get(str(reference)))
        if found is None:
            raise ValueError(f"task {task_id!r} has {reference!r} among its {key}; no task has that id")
        return found

    edges: set[tuple[int, int]] = set()
    for here, (task, task_id) in enumerate(zip(tasks, ids, strict=True)):
        edges.update((node(parent, task_id, "parents"), here) for parent in _references(task, task_id, "parents"))
        edges.update((here, node(child, task_id, "children")) for child in _references(task, task_id, "children"))
    return edges


def _unique_names(tasks: Sequence[Mapping[str, Any]], ids: Sequence[str], node_of: Mapping[str, int]) -> dict[str, int]:
    keys = ("parents", "children")
    named = zip(tasks, ids, strict=True)
    if all(str(ref) in node_of for task, task_id in named for key in keys for ref in _references(task, task_id, key)):
        return {}
    names = [str(task.get("name", "")) for task in tasks]
    times = Counter(names)
    return {name: node for node, name in enumerate(names) if times[name] == 1}


def _references(task: Mapping[str, Any], task_id: str, key: str) -> Sequence[object]:
    value = task.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"task {task_id!r}: {key} is a {type(value).__name__}; need a list of ids")
    return value


def _task_id(task: Mapping[str, Any], position: int) -> str:
    value = task.get("id", task.get("name"))
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise ValueError(f"task number {position} has id {value!r}; need a string")
    return str(value)


def _task_list(value: object, name: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise ValueError(f'"{name}" is {_kind(value)}; need a list of tasks (WfFormat 1.4 or 1.5)')
    return [_mapping(task, f"entry {position} of {name}") for position, task in enumerate(value)]


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {_kind(value)}; need an object as in WfFormat 1.4 or 1.5")
    return value


def _kind(value: object) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"


def _is_finite_number(value: object) -> bool:
    """JSON has whole numbers of any length; one beyond every float is as good as infinite."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _scaled_ns(seconds: float, scale: float, task_id: str) -> int:
    ns = seconds * scale * 1e9
    if not ns <= MAX_NS:
        raise ValueError(f"task {task_id!r}: {seconds} s times scale={scale} is more than 2**63 - 1 ns; use a smaller scale")
    return round(ns)
