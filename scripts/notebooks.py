#!/usr/bin/env python3
"""Does every notebook run from start to end? Each in a fresh kernel; what it gave goes to a folder as .ipynb.

usage: notebooks.py OUT [NOTEBOOK...]; without names, all of notebooks/*.py. Invariant: OUT never holds the output of an older source:
what was there of a notebook is removed before it runs, and only a whole run is written. The first error ends the script, and names
the cell. REPORTS=folder writes a JUnit file there. Read next: notebooks.sh, which installs what they need.
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from xml.sax.saxutils import quoteattr

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
COLOURS = re.compile("\x1b\\[[0-9;]*m")
LIMIT = 300
"""A cell that runs for longer has failed; all notebooks are made for seconds.  [s]"""


def sources() -> list[Path]:
    """The notebooks, in their order."""
    return sorted((ROOT / "notebooks").glob("*.py"))


def heading_above(notebook: nbformat.NotebookNode, index: int) -> str:
    """The last heading before a cell."""
    lines = [line for cell in notebook.cells[:index] if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    return next((line.lstrip("# ") for line in reversed(lines) if line.startswith("#")), "its beginning")


def execute(source: Path, out: Path) -> None:
    """Run one notebook and write what came out.

    Raises:
        SystemExit: a cell failed; the message has its number, the heading above it, its code and the error.
    """
    target = out / source.with_suffix(".ipynb").name
    target.unlink(missing_ok=True)
    notebook = jupytext.read(source)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    started: list[int] = []
    client = NotebookClient(notebook, timeout=LIMIT, kernel_name="python3", resources={"metadata": {"path": str(out)}})
    client.extra_arguments = ["--log-level=ERROR"]
    client.on_cell_start = lambda cell, cell_index: started.append(cell_index)
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        index = started[-1] if started else 0
        where = (
            f"{source.relative_to(ROOT)}, cell {index + 1} of {len(notebook.cells)} (under {heading_above(notebook, index)!r})"
        )
        raise SystemExit(f"stealscope: {where} failed\n{COLOURS.sub('', str(error))}") from None
    nbformat.write(notebook, target)


def main(arguments: list[str]) -> None:
    """Run the notebooks that the command line names, or all."""
    if not arguments:
        raise SystemExit("usage: notebooks.py OUT [NOTEBOOK...]")
    out = Path(arguments[0]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    chosen = [Path(name).resolve() for name in arguments[1:]] or sources()
    if not arguments[1:]:
        for old in out.glob("*.ipynb"):  # also of notebooks that are gone
            old.unlink()
    cases: list[str] = []
    for source in chosen:
        begin = time.monotonic()
        try:
            execute(source, out)
        except SystemExit as error:
            report([*cases, case(source, begin, str(error))])
            raise
        cases.append(case(source, begin))
        print(f"== {source.stem}: {time.monotonic() - begin:.0f} s", flush=True)
    report(cases)


def case(source: Path, begin: float, failure: str = "") -> str:
    """One notebook in a JUnit file."""
    inside = f"<failure message={quoteattr(failure)}/>" if failure else ""
    return (
        f'<testcase classname="notebooks" name={quoteattr(source.stem)} time="{time.monotonic() - begin:.1f}">{inside}</testcase>'
    )


def report(cases: list[str]) -> None:
    """Write the JUnit file, where one is asked for."""
    if folder := os.environ.get("REPORTS"):
        Path(folder, "notebooks.xml").write_text(f"<testsuite>{''.join(cases)}</testsuite>\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
