"""The page for notebooks: its cells run as they stand. Its Python: test_pages.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "notebooks.md").read_text(encoding="utf-8")


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
