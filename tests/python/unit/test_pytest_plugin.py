"""The pytest plugin: fixtures, what a test may not leave behind, and what the report of a failed test says.

Each test runs pytest in a process of its own on a small file, with this plugin alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import stealscope as ss

HEAD = "import pytest, threading\nimport stealscope as ss\n"


def run_pytest(folder: Path, text: str, *arguments: str) -> str:
    (folder / "test_it.py").write_text(HEAD + text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "stealscope.testing.plugin",
        "-p",
        "no:cacheprovider",
        "-rA",
        "--strict-markers",
    ]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [*command, *arguments, "test_it.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_fixtures_take_their_arguments_from_the_marker(tmp_path: Path) -> None:
    text = """
@pytest.mark.stealscope(workers=3)
def test_runtime(runtime):
    assert runtime.handle.num_workers() == 3
    assert runtime.spawn(sum, [1, 2]).result() == 3

@pytest.mark.stealscope(workers=5, policy="cilk_like")
def test_simulation(simulation):
    report = simulation.run(ss.workloads.fib(5))
    assert (report.workers, report.policy) == (5, "cilk_like")

def test_neither():
    pass
"""
    assert "3 passed" in run_pytest(tmp_path, text)


LEFT = """
def test_task(runtime):
    async def wait():
        await ss.Event().wait()
    runtime.spawn(wait, name="forgotten")

def test_runtime(runtime):
    test_runtime.kept = ss.Runtime(workers=1)

def test_thread(runtime):
    threading.Thread(target=threading.Event().wait, args=(20,), daemon=True, name="late").start()

def test_root(simulation):
    simulation.spawn(int)

def test_nothing(runtime, simulation):
    runtime.spawn(int).result()
    simulation.run(ss.workloads.fib(3))
"""


def test_what_a_test_leaves_behind_is_an_error_that_names_it(tmp_path: Path) -> None:
    out = run_pytest(tmp_path, LEFT)
    assert "5 passed, 4 errors" in out
    assert "1 tasks live after the test:" in out
    if ss.features()["taskdump"]:
        assert "forgotten" in out
    assert "a runtime that was not shut down: <stealscope.Runtime" in out
    assert "a thread that was not joined: late" in out
    assert "1 tasks that were queued with spawn() and never ran" in out


FAILING = """
from stealscope.testing import check_invariants

async def never():
    await ss.Event().wait()

def test_deadlock():
    ss.Simulation(2, seed=5, choices={0: 1}).block_on(never)

@pytest.mark.stealscope(seed=7)
def test_law(simulation):
    report = simulation.run(ss.workloads.fork_join(2, 2, 10))
    report.metrics["workers"][0]["park_count"] = -1
    check_invariants(report)

@pytest.mark.stealscope(seed=8)
def test_plain(simulation):
    simulation.run(ss.workloads.fib(3))
    assert False

@pytest.mark.stealscope(seed=9)
def test_on_threads(runtime):
    runtime.spawn(never, name="stuck")
    assert False

def test_of_somebody_else():
    assert False
"""


def sections(out: str) -> dict[str, str]:
    """By test: the text of its section."""
    failures = out.partition("= FAILURES =")[2].partition("= short test summary")[0]
    parts = {}
    for part in failures.split("\n_")[1:]:
        name = part.strip("_ ").split(" ", 1)[0]
        parts[name] = part.partition("- stealscope -")[2]
    return parts


@pytest.mark.needs_dump
@pytest.mark.needs_metrics
def test_a_failed_test_says_seed_schedule_replay_line_and_dump(tmp_path: Path) -> None:
    found = sections(run_pytest(tmp_path, FAILING, "--tb=short"))
    assert "seed: 5" in found["test_deadlock"]
    assert "schedule: the seed's choices" in found["test_deadlock"]
    assert "replay: ss.Simulation(workers=2, seed=5" in found["test_deadlock"]
    assert "dump:" in found["test_deadlock"]
    assert "replay: ss.Simulation(workers=2, seed=7).run(ss.workloads.fork_join(" in found["test_law"]
    assert "replay: ss.Simulation(workers=2, seed=8).run(ss.workloads.fib(n=3))" in found["test_plain"]
    assert "runtime: ss.Runtime(seed=9, workers=2)" in found["test_on_threads"]
    assert "stuck" in found["test_on_threads"]
    assert found["test_of_somebody_else"] == ""


def test_a_marker_with_positional_arguments_is_refused(tmp_path: Path) -> None:
    out = run_pytest(tmp_path, "@pytest.mark.stealscope(3)\ndef test_it(runtime): pass\n")
    assert "takes keyword arguments only, not (3,)" in out


IMPORTS = """
import sys
import stealscope
loaded = sorted({"hypothesis", "pytest"} & set(sys.modules))
assert not loaded, loaded
import stealscope.testing
loaded = sorted({"hypothesis", "pytest"} & set(sys.modules))
assert not loaded, loaded
sys.modules["hypothesis"] = None  # as if it were not installed
try:
    stealscope.testing.schedules
except stealscope.MissingExtra as error:
    assert "stealscope[testing]" in str(error), error
else:
    raise AssertionError("no error")
try:
    stealscope.testing.nothing
except AttributeError:
    print("good")
"""


def test_the_package_imports_neither_hypothesis_nor_pytest_and_names_the_extra() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=110, check=False)
    assert done.stdout == "good\n", done.stderr
