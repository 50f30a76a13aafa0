"""``python -m stealscope compare``: the table, the JSON, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stealscope import Policy
from stealscope import __main__ as command_line


@pytest.fixture
def workflow(tmp_path: Path) -> str:
    tasks = [{"name": f"t{i}", "id": f"t{i}", "parents": [] if i < 2 else [f"t{i % 2}"], "children": []} for i in range(12)]
    for task in tasks:
        task["children"] = [other["id"] for other in tasks if task["id"] in other["parents"]]
    runs = [{"id": f"t{i}", "runtimeInSeconds": 0.001 * (i + 1)} for i in range(12)]
    document = {
        "name": "small",
        "schemaVersion": "1.5",
        "workflow": {"specification": {"tasks": tasks}, "execution": {"tasks": runs}},
    }
    path = tmp_path / "small.json"
    path.write_text(json.dumps(document))
    return str(path)


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert command_line.main(["compare", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_preset_has_a_row_with_intervals(workflow: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = json_of(capsys, "--workflow", workflow, "--workers", "3", "--seeds", "10")
    assert [row["policy"] for row in data["rows"]] == list(Policy.presets())
    assert (data["tasks"], data["workers"], data["baseline"]) == (12, 3, "tokio")
    for row in data["rows"]:
        assert (row["runs"], row["failed"]) == (10, 0)
        assert 1.0 <= row["ratio"]["low"] <= row["ratio"]["mean"] <= row["ratio"]["high"]
    assert data["rows"][0]["against_baseline"] is None
    assert data["rows"][1]["against_baseline"].keys() == {"estimate", "low", "high", "p_adjusted"}
    assert data["notes"][0].startswith("the same in every replication: 'small'")


def test_the_table_has_a_line_a_policy_and_the_first_is_the_baseline(workflow: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", "--workflow", workflow, "--workers", "3", "--seeds", "10", "--policies", "no_stealing,tokio"]
    assert command_line.main(arguments) == 0
    out = capsys.readouterr().out
    assert "small, 12 tasks, work 78 ms" in out
    assert "/ no_stealing" in out
    assert [line.split()[0] for line in out.split("---\n")[1].splitlines()[:2]] == ["no_stealing", "tokio"]


def test_a_built_in_workload_and_one_policy_will_do(capsys: pytest.CaptureFixture[str]) -> None:
    data = json_of(capsys, "fork_join:3,2,1000", "--workers", "2", "--seeds", "2", "--policies", "tokio")
    assert [row["against_baseline"] for row in data["rows"]] == [None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fork_join:3,2,1000", "--workers", "2", "--policies", "tokyo"], "policy='tokyo'; need one of tokio"),
        (["fork_join:3,2,1000", "--workers", "0"], "need 1..65535"),
        (["--workers", "2"], "WORKLOAD"),
        (["nothing", "--workers", "2"], "no workload, file or folder"),
    ],
)
def test_a_bad_argument_is_one_line_and_exit_2(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["compare", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
