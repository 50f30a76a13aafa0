"""``python -m stealscope``: run, compare and bench with real runs; figures; colours; what is refused."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from stealscope import __main__ as command_line
from stealscope._commands import screen
from stealscope._commands.bench import measured
from stealscope._commands.bench_programs import Program

PAGE = (Path(__file__).parents[3] / "docs" / "terminal.md").read_text(encoding="utf-8")
PNG = b"\x89PNG\r\n\x1a\n"


def test_bench_measures_and_checks_native_and_python_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["bench", "--workers", "2", "--rounds", "2", "--size", "0.01", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [row["name"].partition("(")[0] for row in data["native"]] == [
        *("spawn_many", "yield_many", "ping_pong", "chained_spawn", "fib", "skynet"),
    ]
    assert {who for row in data["python"] for who in row["by"]} == {"stealscope", "its executor", "ThreadPoolExecutor", "asyncio"}
    for row in (*data["native"], *data["python"]):
        assert row["by"]["stealscope"]["ratio"] == 1
        for figures in row["by"].values():
            assert 0 < figures["low"] <= figures["median"] <= figures["high"]
    assert data["command"] == "make bench"


def test_bench_prints_two_tables_and_how_to_compare_with_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["bench", "--workers", "1", "--rounds", "1", "--size", "0.01"]) == 0
    out = capsys.readouterr().out
    assert out.count("---\n") == 2
    assert "make bench" in out


def test_forks_and_tasks_are_counted_as_they_are_run() -> None:
    from stealscope import Runtime
    from stealscope._commands.bench_programs import native_programs

    with Runtime(1) as rt:
        for program in native_programs(rt, 0.01):
            before = rt.handle.metrics(settled=True)["workers"][0].get("task_poll_count")
            program.runs["stealscope"]()
            polls = rt.handle.metrics(settled=True)["workers"][0].get("task_poll_count")
            if polls is not None:
                assert polls - before >= program.operations, program.name


def test_ratios_are_of_pairs_of_one_round_and_the_first_does_not_count() -> None:
    ours, theirs = iter([1000, 10, 20, 40]), iter([1, 20, 60, 40])
    program = Program("p", "a step", 10, {"ours": lambda: next(ours), "theirs": lambda: next(theirs)})
    (row,) = measured([program], 3)
    assert row["by"]["ours"] == {"median": 2, "low": 1, "high": 4, "ratio": 1}
    assert row["by"]["theirs"] == {"median": 4, "low": 2, "high": 6, "ratio": 2}


def test_a_simulated_run_says_what_repeats_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["run", "fib:10", "--sim", "--workers", "3", "--seed", "5", "--policy", "rayon_like"]) == 0
    first = capsys.readouterr().out
    assert "sim, 3 workers, policy rayon_like" in first
    assert "again: ss.Simulation(workers=3" in first
    assert command_line.main(["run", "fib:10", "--sim", "--workers", "3", "--seed", "5", "--policy", "rayon_like"]) == 0
    assert capsys.readouterr().out == first


@pytest.mark.needs_timeline
@pytest.mark.parametrize("where", [["--sim"], ["--figure", "steals"]])
def test_run_draws_a_figure(where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "figure.png"
    assert command_line.main(["run", "fork_join:3,2,1000", "--workers", "2", *where, "--plot", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert path.read_bytes().startswith(PNG)
    assert json.loads(out)["workers"] == 2
    assert f"wrote {path}" in err


def test_compare_draws_the_intervals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "figure.svg"
    arguments = ["fork_join:3,2,1000", "--workers", "2", "--seeds", "3", "--policies", "tokio,rayon_like"]
    assert command_line.main(["compare", *arguments, "--plot", str(path)]) == 0
    assert path.read_text().startswith("<?xml")
    assert "/ tokio" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "fib:5", "--plot", "figure.doc"], "'figure.doc'; need a file name that ends in .png, .svg or .pdf"),
        (["run", "fib:5", "--plot", "nowhere/figure.png"], "there is no folder 'nowhere'"),
        (["run", "fib:5", "--figure", "steals"], "--figure steals without --plot FILE"),
        (["run", "fib:5", "--figure", "pie", "--plot", "a.png"], "invalid choice: 'pie'"),
        (["run", "fib:5", "--policy", "tokyo"], "policy='tokyo'; need one of tokio"),
        (["run", "fib:5", "--sim", "--policy", "tokyo"], "policy='tokyo'; need one of tokio"),
        (["run", "fib:5", "--seed", "-1"], "'-1'; need 0.."),
        (["run", "fib:5", "--sim", "--timeout", "3"], "--timeout 3 with --sim"),
        (["run", "fib:5", "--timeout", "0"], "'0'; need seconds > 0"),
        (["compare", "fib:5", "--workers", "2", "--policies", "tokio", "--plot", "a.png"], "need one more to compare it with"),
        (["bench", "--size", "0"], "'0'; need a factor > 0"),
        (["bench", "--size", "big"], "'big'; need a factor > 0"),
        (["bench", "--rounds", "0"], "'0'; need 1..65535"),
        (["calibrate", "--rounds", "none"], "'none'; need 1..65535"),
    ],
)
def test_a_bad_argument_is_one_clear_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_colours_change_no_character() -> None:
    rich = pytest.importorskip("rich.console", reason="this is about how it looks with rich")
    text = "worker  busy\n------  ----------\n0       ####......\n\nmakespan  1.2 ms, 50%\nnote: slow"
    out = io.StringIO()
    console = rich.Console(file=out, force_terminal=True, width=20, color_system="standard")
    console.print(screen.painted(text), soft_wrap=True)
    painted = out.getvalue()
    assert painted.count("\x1b[") > 6
    plain = io.StringIO()
    rich.Console(file=plain, width=20).print(screen.painted(text), soft_wrap=True)
    assert plain.getvalue() == text + "\n"


def test_the_command_line_loads_nothing_that_draws_or_colours() -> None:
    code = "import sys, stealscope.__main__ as m; m.main(['features']); print(sorted({'rich', 'matplotlib', 'pandas'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_page_shows_commands_that_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "stealscope"
        assert command_line._parser().parse_args(arguments).command is not None
    help_text = command_line._parser().format_help()
    assert all(f"| `{name}" in PAGE for name in re.findall(r"^    (\w+) ", help_text, re.MULTILINE))


def test_the_example_of_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with tempfile.TemporaryDirectory(prefix="ss") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        names: dict[str, Any] = {}
        exec(example, names)
        assert str(names["server"].path).startswith(folder)
        assert names["server"].closed
