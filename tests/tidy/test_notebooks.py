"""Do the notebooks keep their form: seven, each a question, an experiment, a figure and an answer that is checked?"""

from __future__ import annotations

import ast
import re
import subprocess

import pytest
from tidy import rules

NAMES = (
    "01_first_run",
    "02_reading_the_metrics",
    "03_watch_a_tick",
    "04_compare_policies",
    "05_simulate_256_workers",
    "06_find_a_lost_wake_up",
    "07_theory_against_simulation",
)
PARTS = ["The question", "The experiment", "The figure", "The answer"]


def test_the_notebooks_are_these_seven() -> None:
    assert sorted(path.stem for path in (rules.root / "notebooks").glob("*.py")) == list(NAMES)


def test_no_output_of_a_notebook_is_kept() -> None:
    kept = subprocess.run(["git", "ls-files", "*.ipynb"], cwd=rules.root, capture_output=True, text=True, check=False)
    assert kept.stdout == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_a_title_and_the_four_parts_in_order(name: str) -> None:
    assert rules.notebook_headings((rules.root / "notebooks" / f"{name}.py").read_text()) == PARTS


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_checks_its_answer(name: str) -> None:
    text = (rules.root / "notebooks" / f"{name}.py").read_text()
    answer = ast.parse(text[text.index("# ## The answer") :])
    assert any(isinstance(node, ast.Assert) for node in ast.walk(answer))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_notebook_says_of_its_results_is_computed(name: str) -> None:
    """Prose stands before the results: no text cell follows the heading of the answer."""
    text = (rules.root / "notebooks" / f"{name}.py").read_text()
    after = text[text.index("# ## The answer") :].splitlines()[1:]
    assert not re.findall(r"^# %% \[markdown\]", "\n".join(after), re.MULTILINE)
    assert after[0] == "", "the heading stands alone"
