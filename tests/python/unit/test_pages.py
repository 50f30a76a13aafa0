"""Does every Python example run? Those of the README and of docs/, and those of the docstrings."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
import stealscope as ss
from stealscope import testing

ROOT = Path(__file__).parents[3]
# What needs a folder or a library of its own is run by test_what_if_page.py and integrations/test_page.py; what leaves something to look
# at, below.
ELSEWHERE = {"what_if", "integrations", "research", "notebooks"}
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem not in ELSEWHERE)]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)

pytestmark = [pytest.mark.needs_metrics, pytest.mark.needs_dump, pytest.mark.needs_timeline]


def script_of(page: Path) -> str:
    """The examples of a page as one script in which each is at its line."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * len(text.splitlines())
    for block in BLOCK.finditer(text):
        begin = text[: block.start(1)].count("\n")
        code = block.group(1).splitlines()
        lines[begin : begin + len(code)] = code
    return "\n".join(lines) + "\n"


def run_page(page: Path, folder: Path) -> str:
    """What the examples of a page print, run one after the other in a folder of their own. They may not even warn."""
    script = folder / f"{page.stem.lower().replace('-', '_')}_page.py"
    script.write_text(script_of(page), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))], ids=lambda page: page.stem
)
def test_the_examples_of_a_page_run_one_after_the_other(page: Path, tmp_path: Path) -> None:
    run_page(page, tmp_path)


def test_a_researcher_gets_from_the_question_to_the_plot_in_under_30_lines() -> None:
    first = BLOCK.search((ROOT / "docs" / "research.md").read_text(encoding="utf-8"))
    assert first is not None
    assert len(first.group(1).splitlines()) < 30


@pytest.mark.timeout(300)
def test_the_page_for_researchers_prints_a_comparison_and_leaves_a_plot(tmp_path: Path) -> None:
    assert run_page(ROOT / "docs" / "research.md", tmp_path).startswith("makespan, policy / half, 95% intervals (t)")
    assert (tmp_path / "steal-half.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.timeout(300)
def test_the_page_for_notebooks_leaves_a_timeline(tmp_path: Path) -> None:
    run_page(ROOT / "docs" / "notebooks.md", tmp_path)
    assert (tmp_path / "timeline.html").read_text(encoding="utf-8").startswith("<!doctype html>")


MODULES = [
    module.name
    for package in (ss, testing)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    if not module.ispkg and module.name.split(".")[-1] not in ("_core", "__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_of_a_module_run(name: str) -> None:
    done = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.failed == 0


def test_each_example_in_a_docstring_is_one_that_is_run() -> None:
    """An example without a prompt is text that nobody checks."""
    unchecked = [
        f"{name}: {found.group()}"
        for name in MODULES
        for found in re.finditer(r"^\s*Example::$", Path(str(importlib.import_module(name).__file__)).read_text(), re.MULTILINE)
    ]
    assert not unchecked
