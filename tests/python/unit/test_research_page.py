"""The page for researchers: its script is the one in the repository, runs as it stands, and is as short as promised."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "notebooks" / "compare_policies.py"
PAGE = (ROOT / "docs" / "research.md").read_text(encoding="utf-8")


def test_the_page_shows_the_script_that_is_run() -> None:
    shown = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    assert SCRIPT.read_text(encoding="utf-8").endswith(shown)


def test_from_the_question_to_the_plot_are_under_30_lines() -> None:
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) < 30


@pytest.mark.timeout(300)
def test_the_script_prints_a_comparison_and_leaves_a_plot(tmp_path: Path) -> None:
    environment = os.environ | {"MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("makespan, policy / half, 95% intervals (t)")
    assert (tmp_path / "steal-half.png").read_bytes().startswith(b"\x89PNG")
