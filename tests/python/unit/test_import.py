"""What a bare import loads, and that nobody notices what it leaves for later: every public name is there, in every way to ask."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import stealscope as ss

SOURCE = ast.parse(Path(ss.__file__).read_text(encoding="utf-8"))

# Of the standard library: what brings much with it, and is not loaded by NumPy.
NOT_AT_ONCE = {
    "asyncio", "ssl", "socket", "subprocess", "concurrent.futures.thread", "concurrent.futures.process", "multiprocessing",
    "hashlib", "html", "json", "pathlib", "urllib.parse", "fractions", "decimal", "statistics", "random", "graphlib", "tempfile",
}  # fmt: skip


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_bare_import_loads_nothing_heavy() -> None:
    loaded = set(run("import sys, numpy\nbefore = {*sys.modules}\nimport stealscope\nprint(*{*sys.modules} - before)").split())
    assert "stealscope._core" in loaded
    assert loaded & NOT_AT_ONCE == set()


def test_a_bare_import_leaves_the_laboratory_for_later() -> None:
    loaded = set(run("import sys, stealscope\nprint(*sys.modules)").split())
    assert loaded & {f"stealscope.{home or name}" for name, home in ss._LATER.items() if name != "Cancelled"} == set()


def test_tasks_run_without_the_laboratory() -> None:
    code = """
import sys, stealscope as ss
async def work(event):
    await ss.sleep(0)
    await event.wait()
    async with ss.TaskGroup() as group:
        group.spawn(int)
with ss.Runtime(workers=2) as rt:
    event = ss.Event()
    handle = rt.spawn(work, event)
    rt.spawn(event.set).result()
    handle.result()
print(*sys.modules)
"""
    loaded = set(run(code).split())
    assert loaded & {"stealscope.simulation", "stealscope.workloads", "stealscope._workload"} == set()


def test_what_is_imported_later_is_what_type_checkers_read() -> None:
    (block,) = (node for node in SOURCE.body if isinstance(node, ast.If))
    read = {
        alias.name: "" if node.module is None else node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert read == ss._LATER


def test_every_later_name_can_be_the_first_that_is_asked_for() -> None:
    code = f"""
import os, numpy
for name in {sorted(ss._LATER)}:
    child = os.fork()
    if child == 0:
        import stealscope
        first, again = getattr(stealscope, name), getattr(stealscope, name)
        exec(f"from stealscope import {{name}}")
        os._exit(0 if first is again is globals()[name] else 1)
    if os.waitpid(child, 0)[1] != 0:
        print(name)
"""
    assert run(code) == ""


def test_a_later_name_is_the_one_of_its_module_whoever_imported_that_first() -> None:
    for name, home in ss._LATER.items():
        module = import_module(f"stealscope.{home or name}")
        assert getattr(ss, name) is (getattr(module, name) if home else module)


def test_all_names_are_listed_and_others_are_errors() -> None:
    assert {*ss.__all__, "__version__", "__doc__"} <= set(dir(ss))
    assert run("from stealscope import *\nprint(callable(experiment), Cancelled.__name__)") == "True CancelledError\n"
    with pytest.raises(AttributeError, match="module 'stealscope' has no attribute 'nothing'"):
        _ = ss.nothing
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from stealscope import nothing")
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = ss.errors.nothing  # type: ignore[attr-defined]
