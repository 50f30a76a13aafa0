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
# These show what needs a folder or a library of its own: test_what_if_page.py and integrations/test_page.py run them.
ELSEWHERE = {"what_if", "integrations"}
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


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))], ids=lambda page: page.stem
)
def test_the_examples_of_a_page_run_one_after_the_other(page: Path, tmp_path: Path) -> None:
    script = tmp_path / f"{page.stem.lower().replace('-', '_')}_page.py"
    script.write_text(script_of(page), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr


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
