"""What does the runtime look like at work, in one minute?

Invariant: every answer is checked before its speed is printed, and each step's numbers also come back as
JSON-serialisable data. A step is one function of a `Runtime` that does not print; `tour` runs and prints them.
Read next: `__main__.py`, `report.py`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TextIO

from . import workloads
from .errors import InvariantError
from .metrics import metrics_delta
from .ninja import read_build
from .report import Report
from .tables import bar, key_values, table
from .units import checked_scale, format_ns
from .wfformat import read_workflow
from .workloads import Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "OWN_BUILD",
    "Recorded",
    "burst",
    "default_scale",
    "load_recorded",
    "metrics_table",
    "python_callables",
    "python_coroutines",
    "runtime_lines",
    "tour",
]

OWN_BUILD = "own_build.json"
"""The recording that comes with the package: this project's own C++ build, WfFormat 1.5."""

_TARGET_SECONDS = 0.5
"""How long the recorded graph should take at best when nobody chose a scale.  [s]"""


@dataclass(frozen=True)
class Recorded:
    """A recorded task graph, ready to run.

    Attributes:
        source: the file or folder, as given.
        workload: the graph, its costs scaled.
        scale: what recorded seconds are multiplied with.
        work, span: of the recording itself, unscaled, ns.
        critical_path: the names of its tasks.
    """

    source: str
    workload: Workload
    scale: float
    work: int
    span: int
    critical_path: tuple[str, ...]


def load_recorded(
    *,
    workflow: str | os.PathLike[str] | None = None,
    build: str | os.PathLike[str] | None = None,
    scale: float | None = None,
    workers: int = 1,
) -> Recorded:
    """A recording from a WfFormat file, a ninja build folder, or (neither given) the one that comes with the package.

    Args:
        workflow: path of a WfFormat file.
        build: path of a folder in which ninja has built.
        scale: factor on recorded times; None: `default_scale` for that many `workers`.
        workers: for the default scale only.

    Raises:
        OSError: a file cannot be read.
        ValueError: both a file and a folder; not their format; an unsound graph.
    """
    if workflow is not None and build is not None:
        raise ValueError("a workflow and a build; give one of them")
    if build is not None:
        source, label = os.fspath(build), f"build of {Path(build).resolve().name}"
        graph = read_build(build).graph
    else:
        path = Path(workflow) if workflow is not None else Path(str(resources.files(__package__) / "data" / OWN_BUILD))
        source = os.fspath(workflow) if workflow is not None else f"{OWN_BUILD} (comes with the package)"
        recording = read_workflow(path)
        graph, label = recording.graph, recording.name
    bound = max(graph.work / workers, graph.span) / 1e9
    chosen = default_scale(bound) if scale is None else checked_scale(scale)
    costs = [round(cost * chosen) for cost in graph.cost_ns.tolist()]
    scaled = workloads.dag(graph.indptr, graph.indices, costs, names=graph.names, label=label)
    path_names = tuple(graph.name(node) for node in graph.critical_path)
    return Recorded(source, scaled, chosen, graph.work, graph.span, path_names)


def default_scale(seconds: float) -> float:
    """The power of ten, at most 1, that brings a run of so many seconds to half a second or less."""
    scale = 1.0
    while seconds * scale > _TARGET_SECONDS:
        scale /= 10
    return scale


def python_callables(runtime: Any, count: int = 20_000) -> dict[str, Any]:
    """Spawn `count` calls of a small Python function and wait for all of them."""
    return burst(runtime, "Python callables", _square, count, expected=sum(i * i for i in range(count)))


def python_coroutines(runtime: Any, count: int = 5_000) -> dict[str, Any]:
    """Spawn `count` coroutines that yield once each and wait for all of them."""
    from . import yield_now

    async def visit(i: int) -> int:
        await yield_now()
        return i

    return burst(runtime, "Python coroutines", visit, count, expected=sum(range(count)))


def burst(runtime: Any, name: str, target: Callable[[int], Any], count: int, *, expected: int) -> dict[str, Any]:
    """Spawn ``target(0) .. target(count - 1)`` from outside, wait for all, check the sum of their results.

    Returns:
        ``name``, ``tasks``, ``elapsed`` (ns, from the first spawn to the last result), ``metrics`` (the delta).

    Raises:
        InvariantError: the sum is not `expected`.
    """
    before = runtime.handle.metrics(settled=True)
    start = perf_counter_ns()
    handles = [runtime.spawn(target, i) for i in range(count)]
    total = sum(handle.result() for handle in handles)
    elapsed = perf_counter_ns() - start
    if total != expected:
        raise InvariantError(f"{count} {name} add up to {total}; expected {expected}")
    delta = metrics_delta(before, runtime.handle.metrics(settled=True))
    return {"name": name, "tasks": count, "elapsed": elapsed, "metrics": delta}


def tour(
    runtime: Any,
    *,
    workflow: str | os.PathLike[str] | None = None,
    build: str | os.PathLike[str] | None = None,
    scale: float | None = None,
    out: TextIO | None = None,
) -> dict[str, Any]:
    """Run the tour on a `Runtime` and print each step to `out` (None: standard output) as soon as it ends.

    Args:
        runtime: a running `Runtime`.
        workflow: as `load_recorded`.
        build: as `load_recorded`.
        scale: as `load_recorded`.
        out: a text file; ``open(os.devnull, "w")`` for silence.

    Returns:
        ``recorded``, ``skynet``, ``callables``, ``coroutines``, ``metrics`` (since the start): JSON-serialisable.

    Raises:
        InvariantError: a step gave a wrong answer.
        OSError, ValueError: as `load_recorded`.
    """
    out = sys.stdout if out is None else out
    workers = int(runtime.handle.num_workers())
    recorded = load_recorded(workflow=workflow, build=build, scale=scale, workers=workers)

    def say(text: str) -> None:
        print(text, file=out, flush=True)

    say(f"stealscope: {workers} workers\n")
    say(_recorded_header(recorded))
    first = _checked_run(runtime, recorded.workload)
    say(f"\n{first}\n")
    second = _checked_run(runtime, workloads.skynet())
    say(_speed_line("2. skynet: a tree of 1,000,000 native leaves", 1_111_111, second.makespan))
    calls = python_callables(runtime)
    say(_speed_line(f"3. {calls['tasks']:,} Python callables, spawned from outside", calls["tasks"], calls["elapsed"]))
    visits = python_coroutines(runtime)
    say(_speed_line(f"4. {visits['tasks']:,} Python coroutines, each yields once", visits["tasks"], visits["elapsed"]))
    metrics = runtime.handle.metrics(settled=True)
    say(f"\nMetrics by worker, since the start\n{metrics_table(metrics)}\n\n{runtime_lines(metrics)}")
    return {
        "recorded": _recorded_data(recorded) | {"report": first.to_dict()},
        "skynet": second.to_dict(),
        "callables": calls,
        "coroutines": visits,
        "metrics": metrics,
    }


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """The numbers that tell workers apart, a column a worker; a metric that this build lacks is left out."""
    workers = metrics["workers"]
    rows: list[tuple[object, ...]] = []
    for key, text in _METRIC_ROWS.items():
        values = [worker.get(key) for worker in workers]
        if any(value is not None for value in values):
            is_time = key in ("busy_duration_total", "mean_poll_time", "gil_wait_time")
            rows.append((text, *(format_ns(v) if is_time and v is not None else v for v in values)))
    elapsed = metrics.get("elapsed") or 0
    if elapsed:
        shares = [worker["busy_duration_total"] / elapsed for worker in workers]
        rows.insert(1, ("busy share", *(f"{bar(share, 10)} {share:4.0%}" for share in shares)))
    return table(["", *(f"worker {index}" for index in range(len(workers)))], rows, indent="  ")


def runtime_lines(metrics: Mapping[str, Any]) -> str:
    """The numbers of the whole runtime."""
    pairs = [(text, metrics[key]) for key, text in _RUNTIME_ROWS.items() if metrics.get(key) is not None]
    return key_values(pairs, indent="  ")


_METRIC_ROWS = {
    "busy_duration_total": "busy",
    "task_poll_count": "polls",
    "poll_count": "turns",
    "mean_poll_time": "mean poll time",
    "local_schedule_count": "scheduled locally",
    "overflow_count": "queue overflows",
    "steal_operations": "steals",
    "steal_count": "tasks stolen",
    "park_count": "parks",
    "noop_count": "parks without work",
    "gil_wait_count": "waits for the GIL",
    "gil_wait_time": "time waiting for it",
}

_RUNTIME_ROWS = {
    "spawned_tasks_count": "tasks spawned",
    "remote_schedule_count": "scheduled from outside",
    "budget_forced_yield_count": "forced to yield by the budget",
    "num_alive_tasks": "tasks alive now",
    "injection_queue_depth": "waiting in the shared queue now",
}


def _square(i: int) -> int:
    return i * i


def _checked_run(runtime: Any, workload: Workload) -> Report:
    report: Report = runtime.run(workload)
    workload.check(report.result)
    return report


def _recorded_header(recorded: Recorded) -> str:
    path = recorded.critical_path
    shown = " -> ".join(path) if len(path) <= 4 else f"{path[0]} -> {path[1]} -> ... -> {path[-1]}"
    graph = recorded.workload.graph
    tasks, edges = (len(graph), graph.edge_count) if graph is not None else (0, 0)
    pairs: list[tuple[str, object]] = [
        ("from", recorded.source),
        ("tasks, edges", f"{tasks:,}, {edges:,}"),
        ("recorded work", f"{recorded.work / 1e9:,.3f} s"),
        ("critical path", f"{recorded.span / 1e9:,.3f} s, {len(path)} tasks: {shown}"),
        ("scale", f"{recorded.scale:g}: a recorded second is {format_ns(recorded.scale * 1e9)} of real work here"),
    ]
    return f"1. {recorded.workload.name}: a recorded task graph\n{key_values(pairs, indent='  ')}"


def _recorded_data(recorded: Recorded) -> dict[str, Any]:
    return {
        "source": recorded.source,
        "name": recorded.workload.name,
        "tasks": recorded.workload.expected,
        "scale": recorded.scale,
        "recorded_work": recorded.work,
        "recorded_span": recorded.span,
        "critical_path": list(recorded.critical_path),
    }


def _speed_line(text: str, tasks: int, elapsed: int) -> str:
    return f"{text:<56} {format_ns(elapsed):>9} {elapsed / max(tasks, 1):>8,.0f} ns a task"
