"""The page for notebooks: its Python runs as it stands, and so do its cells."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "notebooks.md").read_text(encoding="utf-8")


@pytest.mark.needs_timeline
def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, space)
    assert (tmp_path / "timeline.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_cells_of_the_page_run() -> None:
    pytest.importorskip("IPython", reason="this is about what IPython does with the package")
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    shell.run_cell("import stealscope as ss")
    for cell in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL):
        assert shell.run_cell(cell).success
    shell.restore_sys_module_state()
    assert shell.user_ns["slept"].makespan >= 10_000_000
