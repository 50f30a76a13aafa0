"""How are results kept on disk? ``manifest.json`` and ``runs.parquet``; runs of an experiment that may be resumed, line by line.

Invariant: no pickle: reading a folder runs nothing. A file is there whole or not at all; of ``runs.jsonl``, which grows while an
experiment runs, a line that was cut off is ignored. Read next: `results.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ._cells import Row
from .errors import import_extra

__all__ = ["appended_rows", "load_results", "save_results", "stored_rows"]

_FORMAT = 1
_MANIFEST, _RUNS, _GROWING = "manifest.json", "runs.parquet", "runs.jsonl"


def save_results(folder: str | os.PathLike[str], rows: Sequence[Row], manifest: Mapping[str, Any]) -> None:
    """Write both files, in place of those that are there."""
    arrow, parquet = import_extra("pyarrow", "frame"), import_extra("pyarrow.parquet", "frame")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with _whole(target / _RUNS) as path:
        parquet.write_table(arrow.Table.from_pylist(list(rows)), path)
    with _whole(target / _MANIFEST) as path:
        path.write_text(json.dumps({"format": _FORMAT, "manifest": manifest}, indent=1) + "\n", encoding="utf-8")


def load_results(folder: str | os.PathLike[str]) -> tuple[list[Row], dict[str, Any]]:
    """Rows and manifest of what `save_results` wrote.

    Raises:
        FileNotFoundError: no results there.
        ValueError: another format.
        MissingExtra: pyarrow is not installed.
    """
    target = Path(folder)
    document = json.loads((target / _MANIFEST).read_text(encoding="utf-8"))
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise ValueError(
            f"{target / _MANIFEST} is not of format {_FORMAT}; it was written by another version, or by something else"
        )
    return _read_parquet(target / _RUNS), dict(document["manifest"])


def stored_rows(folder: str | os.PathLike[str]) -> dict[str, Row]:
    """All rows in a folder by their key: saved ones, and those of an experiment that may not have ended."""
    target = Path(folder)
    rows = _read_parquet(target / _RUNS) if (target / _RUNS).exists() else []
    if (target / _GROWING).exists():
        rows += _whole_lines((target / _GROWING).read_text(encoding="utf-8"))
    return {row["key"]: row for row in rows}


@contextmanager
def appended_rows(folder: str | os.PathLike[str] | None) -> Iterator[Callable[[Sequence[Row]], None]]:
    """A function that adds rows to the growing file of `folder`; for None, one that does nothing."""
    if folder is None:
        yield lambda rows: None
        return
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with (target / _GROWING).open("a+", encoding="utf-8") as file:
        # A line that an earlier process could not finish must not swallow the first of ours.
        if file.tell() and not (target / _GROWING).read_bytes().endswith(b"\n"):
            file.write("\n")

        def append(rows: Sequence[Row]) -> None:
            file.write("".join(json.dumps(row) + "\n" for row in rows))
            file.flush()

        yield append


def _whole_lines(text: str) -> Iterator[Row]:
    for line in text.splitlines():
        with suppress(json.JSONDecodeError):
            yield json.loads(line)


def _read_parquet(path: Path) -> list[Row]:
    rows: list[Row] = import_extra("pyarrow.parquet", "frame").read_table(path).to_pylist()
    return rows


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    part = path.with_name(path.name + ".part")
    yield part
    part.replace(path)
