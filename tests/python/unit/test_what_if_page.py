"""The page about predictions runs as it stands, a block after the other, and its build has an answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "what_if.md"

_BUILD = """
rule CXX
  command = c++ $in -o $out
build a.o: CXX a.cpp
build b.o: CXX b.cpp
build app: CXX a.o b.o
"""
_LOG = "# ninja log v5\n0\t9000\t0\ta.o\t1\n0\t4000\t0\tb.o\t2\n9000\t10000\t0\tapp\t3\n"


@pytest.mark.needs_timeline
def test_every_block_runs_and_the_build_is_held_back_by_its_longest_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "build.ninja").write_text(_BUILD)
    (tmp_path / "build" / ".ninja_log").write_text(_LOG)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 4
    names: dict[str, Any] = {"__name__": "what_if_page"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"block {number} of {PAGE.name}", "exec"), names)
    printed = capsys.readouterr().out
    assert "14 s of work; 10 s on 64 cores; never below 10 s" in printed
    assert re.search(r"9\.0 s  a\.o\n +1\.0 s  app\n", printed)
    assert re.search(r"off by [+-]\d+% for 1 worker", printed)
