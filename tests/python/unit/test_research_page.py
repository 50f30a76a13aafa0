"""The page for researchers: its first script is as short as promised, and gives what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "research.md").read_text(encoding="utf-8"), re.DOTALL)[0]


def test_from_the_question_to_the_plot_are_under_30_lines() -> None:
    assert len(SCRIPT.splitlines()) < 30


@pytest.mark.timeout(300)
def test_the_script_prints_a_comparison_and_leaves_a_plot(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("makespan, policy / half, 95% intervals (t)")
    assert (tmp_path / "steal-half.png").read_bytes().startswith(b"\x89PNG")
