"""The tour and the command line, on a runtime that answers without running: what is printed, and how errors end."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import stealscope
from stealscope import __main__ as command_line
from stealscope import tour as tour_module
from stealscope import workloads
from stealscope.errors import InvariantError
from stealscope.metrics import RUNTIME_COUNTERS, RUNTIME_GAUGES, WORKER_COUNTERS
from stealscope.report import Report
from stealscope.tour import default_scale, load_recorded, tour


class DoneHandle:
    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        return self._value


class InstantRuntime:
    """Gives every expected answer at once; counts a poll for each spawn."""

    wrong_by = 0

    def __init__(self, workers: int | None = None, **options: object) -> None:
        self._workers = workers or 2
        self._spawned = 0
        self.handle = self

    def __enter__(self) -> InstantRuntime:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def num_workers(self) -> int:
        return self._workers

    def metrics(self, *, settled: bool = False) -> dict[str, Any]:
        worker = dict.fromkeys(WORKER_COUNTERS, self._spawned) | {"queue_depth": 0, "mean_poll_time": 120}
        runtime: dict[str, Any] = dict.fromkeys((*RUNTIME_COUNTERS, *RUNTIME_GAUGES), self._spawned)
        elapsed = 10 * self._spawned + 1
        return runtime | {"elapsed": elapsed, "runtime": "fake", "workers": [dict(worker) for _ in range(self._workers)]}

    def spawn(self, target: Any, argument: int) -> DoneHandle:
        self._spawned += 1
        value = target(argument)
        if hasattr(value, "close"):
            value.close()
            value = argument
        return DoneHandle(value + self.wrong_by)

    def run(self, workload: workloads.Workload, *, timeout: float | None = None) -> Report:
        metrics = self.metrics()
        return Report.from_run(
            workload,
            makespan=10**6,
            metrics=metrics,
            engine="threads",
            policy="tokio",
            workers=self._workers,
            seed=None,
            result=workload.expected,
        )


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stealscope, "Runtime", InstantRuntime, raising=False)
    monkeypatch.setattr(stealscope, "yield_now", lambda: None, raising=False)
    monkeypatch.setattr(stealscope, "features", lambda: {"taskdump": True, "timeline": False}, raising=False)


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    tasks = [
        {"name": "a", "id": "a", "children": ["b"], "runtimeInSeconds": 10},
        {"name": "b", "id": "b", "runtimeInSeconds": 20.5},
        {"name": "c", "id": "c", "runtimeInSeconds": 1},
    ]
    path = tmp_path / "flow.json"
    path.write_text(json.dumps({"name": "my flow", "workflow": {"tasks": tasks}}))
    return path


def test_the_tour_says_what_ran_and_how_fast(workflow: Path) -> None:
    out = io.StringIO()
    data = tour(InstantRuntime(), workflow=workflow, out=out)
    text = out.getvalue()
    for part in (
        "my flow",
        "3, 1",
        "30.500 s, 2 tasks: a -> b",
        "skynet",
        "20,000 Python callables",
        "coroutines",
        "worker 1",
        "steals",
    ):
        assert part in text
    assert data["recorded"]["tasks"] == 3
    assert data["recorded"]["recorded_span"] == 30_500_000_000
    assert data["recorded"]["critical_path"] == ["a", "b"]
    json.dumps(data, allow_nan=False)


def test_a_wrong_answer_stops_the_tour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InstantRuntime, "wrong_by", 1)
    with pytest.raises(InvariantError, match="add up to"):
        tour(InstantRuntime(), out=io.StringIO())


def test_the_shipped_recording_is_sound_and_names_no_machine() -> None:
    recorded = load_recorded(workers=2)
    graph = recorded.workload.graph
    assert graph is not None
    assert len(graph) > 10
    assert graph.edge_count > 10
    path = Path(tour_module.__file__).parent / "data" / tour_module.OWN_BUILD
    names = [line for line in path.read_text().splitlines() if '"/' in line or "../" in line]
    assert names == []


def test_the_default_scale_keeps_the_run_short_but_not_shorter_than_recorded() -> None:
    assert default_scale(0.1) == 1
    assert default_scale(30.5) == pytest.approx(0.01)
    assert default_scale(0) == 1


def test_json_prints_one_document(workflow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["tour", "--workflow", str(workflow), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recorded"]["name"] == "my flow"
    assert command_line.main(["run", "fib(10)", "--json", "--workers", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["workers"] == 3
    assert command_line.main(["features", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"taskdump": True, "timeline": False}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required"),
        (["fly"], "fly"),
        (["tour", "--workers", "0"], "'0'; need 1..65535"),
        (["tour", "--workers", "x"], "'x'; need 1..65535"),
        (["tour", "--scale", "nan"], "scale=nan"),
        (["tour", "--scale", "-1"], "scale=-1.0"),
        (["tour", "--workflow", "nowhere.json"], "nowhere.json"),
        (["tour", "--build", "nowhere"], "no build.ninja"),
        (["tour", "--build", "a", "--workflow", "b"], "not allowed with"),
        (["run"], "WORKLOAD"),
        (["run", "nonsense"], "'nonsense' is no workload, file or folder"),
        (["run", "fib"], "missing 1 required positional argument: 'n'; need fib(n"),
        (["run", "fib(-1)"], "n=-1; need 0..50"),
        (["run", "fib(x)"], "n='x' is a str; need an int"),
        (["run", "fib(x y)"], "arguments must be numbers or words"),
        (["run", "fib(__import__('os'))"], "arguments must be numbers or words"),
        (["run", "fib(10)", "--timeout", "soon"], "soon"),
    ],
)
def test_a_bad_argument_is_one_clear_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    ("text", "workload"),
    [
        ("skynet", workloads.skynet()),
        ("skynet(2, fanout=3)", workloads.skynet(2, 3)),
        ("fork_join:8,2,1000", workloads.fork_join(8, 2, 1000)),
        ("spawn_many:1000,remote", workloads.spawn_many(1000, "remote")),
        ("spawn_many(1000, 'local')", workloads.spawn_many(1000, "local")),
    ],
)
def test_a_workload_on_the_command_line(text: str, workload: workloads.Workload) -> None:
    assert command_line.parse_workload(text) == workload


def test_a_file_on_the_command_line_is_a_workflow(workflow: Path) -> None:
    assert command_line.parse_workload(str(workflow), 1e-3).work == 31_500_000
