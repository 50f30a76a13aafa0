"""The cell magic ``%%steal``, through an IPython shell."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import stealscope as ss

pytest.importorskip("IPython", reason="this is about what IPython does with the package")


@pytest.fixture(scope="module")
def shell() -> Iterator[Any]:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell(config=config)
    made.run_cell("%load_ext stealscope\nimport stealscope as ss")
    yield made
    made.restore_sys_module_state()
    del made
    gc.collect()


def run(shell: Any, cell: str) -> Any:
    shell.user_ns.pop("_report", None)
    return shell.run_cell(cell)


def test_a_workload_on_the_last_line_is_run_and_its_report_kept(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shell, "%%steal --workers 3 --sim --seed 4\nn = 8\nss.workloads.fib(n)").success
    report = shell.user_ns["_report"]
    assert (report.engine, report.workers, report.seed, report.result) == ("sim", 3, 4, 21)
    assert shell.user_ns["n"] == 8
    assert "fib(n=8)" in capsys.readouterr().out


def test_on_threads_it_runs_on_a_runtime_that_ends_with_the_cell(shell: Any) -> None:
    assert run(shell, "%%steal --workers 2 --policy no_stealing --name mine\nss.workloads.fork_join(2, 2, 100)").success
    report = shell.user_ns["mine"]
    assert report is shell.user_ns["_report"]
    assert (report.engine, report.workers, report.policy, report.result) == ("threads", 2, "no_stealing", 4)


@pytest.mark.parametrize("engine", ["", "--sim"])
def test_the_definition_of_an_async_function_is_enough(shell: Any, engine: str) -> None:
    cell = (
        f"%%steal --workers 2 {engine}\nasync def main():\n    ss.spawn(ss.current_task)\n    await ss.sleep(0.001)\n    return 7"
    )
    assert run(shell, cell).success
    report = shell.user_ns["_report"]
    assert (report.workload, report.result) == ("main", 7)
    assert report.makespan >= 1_000_000


@pytest.mark.parametrize("engine", ["", "--sim"])
def test_a_cell_that_awaits_runs_as_one_task_and_its_names_stay(shell: Any, engine: str) -> None:
    assert run(shell, f"%%steal --workers 1 {engine}\nawait ss.yield_now()\nkept = 20\nkept + 1").success
    assert shell.user_ns["kept"] == 20
    assert (shell.user_ns["_report"].workload, shell.user_ns["_report"].result) == ("cell", 21)


@pytest.mark.parametrize("last", ["work()", "work", "plain"])
def test_coroutines_and_functions_are_run_too(shell: Any, last: str) -> None:
    cell = f"%%steal --workers 1 --sim\nasync def work():\n    return 5\ndef plain():\n    return 5\n{last}"
    assert run(shell, cell).success
    assert shell.user_ns["_report"].result == 5


def test_a_policy_of_the_notebook_is_taken_by_its_name(shell: Any) -> None:
    shell.user_ns["eager"] = ss.Policy(spin=3)
    assert run(shell, "%%steal --sim --workers 1 --policy eager\nss.workloads.fib(3)").success
    assert shell.user_ns["_report"].policy == "spin=3"


@pytest.mark.needs_timeline
def test_the_timeline_is_drawn_where_it_is_asked_for(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="this is about the figure")
    before = pyplot.get_fignums()
    assert run(shell, "%%steal --workers 1 --timeline\nawait ss.yield_now()").success
    assert "Figure" in capsys.readouterr().out
    assert pyplot.get_fignums() == before
    events = shell.user_ns["_report"].timeline
    began, ended = (int(ss.timeline.of_kind(events, kind)["at"][0]) for kind in ("poll_begin", "poll_end"))
    assert began <= shell.user_ns["_report"].makespan
    assert ended >= 0  # on its clock, which starts in the first poll


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%steal --workers 0\nran = 1", "workers=0; need 1..65535"),
        ("%%steal --workers many\nran = 1", "--workers: invalid int value: 'many'"),
        ("%%steal --polciy tokio\nran = 1", "unrecognized arguments: --polciy tokio"),
        ("%%steal --policy greedy\nran = 1", "policy='greedy'; need one of tokio"),
        ("%%steal --name 3\nran = 1", "--name 3: need a name of Python"),
        ("%%steal --sim --workers 1\n3", "last line is int; need a workload, a coroutine or an async function"),
        ("%%steal --sim --workers 1\npass", "last line is NoneType"),
    ],
)
def test_a_mistake_is_one_line(shell: Any, cell: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not run(shell, cell).success
    captured = capsys.readouterr()
    (line,) = (captured.out + captured.err).strip().splitlines()
    assert line.startswith("UsageError: ")
    assert words in line
    assert "ran" not in shell.user_ns


def test_without_matplotlib_a_timeline_is_one_line_that_names_the_extra(
    shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(module: str, extra: str) -> Any:
        if not module.startswith("matplotlib"):
            return importlib.import_module(module)
        raise ss.MissingExtra(f"this needs {module}; install it with: pip install 'stealscope[{extra}]'")

    monkeypatch.setattr("stealscope._magic.import_extra", missing)
    monkeypatch.setattr("stealscope._magic.check_built", lambda what: None)
    assert not run(shell, "%%steal --timeline\n1").success
    captured = capsys.readouterr()
    (line,) = (captured.out + captured.err).strip().splitlines()
    assert "stealscope[plot]" in line


def test_an_exception_of_the_cell_comes_as_it_is(shell: Any) -> None:
    assert isinstance(run(shell, "%%steal --sim --workers 1\n1 / 0").error_in_exec, ZeroDivisionError)
    assert isinstance(run(shell, "%%steal --workers 1\nawait absent").error_in_exec, NameError)
    assert "_report" not in shell.user_ns


def test_the_help_says_how_it_is_used(shell: Any) -> None:
    about = shell.find_cell_magic("steal").__doc__
    assert "--policy" in about
    assert "async function" in about
