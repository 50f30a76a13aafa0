#!/usr/bin/env python3
"""Makes the picture of the README anew, and the lines below it: runs the first example there, and keeps what it draws and prints.

usage: readme_picture.py, on a machine that does nothing else. The example runs forty times, and the quickest run counts: in it the system
took the least time from the workers. Invariant: picture and text are of one run of the code that stands above them.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import tempfile
from pathlib import Path

from matplotlib import pyplot

ROOT = Path(__file__).resolve().parent.parent
RUNS = 40


def main() -> None:
    """Run the example; keep the best run."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0]
    makespans: list[int] = []
    printed = ""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for _ in range(RUNS):
            names: dict[str, object] = {}
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(example, names)
            pyplot.close("all")
            makespans.append(names["report"].makespan)
            if makespans[-1] == min(makespans):
                printed = out.getvalue().strip()
                shutil.copy("first-run.png", ROOT / "docs" / "first-run.png")
    shown = "\n".join(f"    {line}".rstrip() for line in printed.splitlines())
    new, replaced = re.subn(r"(\(docs/first-run\.png\)\n\n)(?:    .*\n|\n)+", lambda found: f"{found[1]}{shown}\n\n", readme)
    if replaced != 1:
        raise SystemExit("README.md: no indented lines below docs/first-run.png")
    (ROOT / "README.md").write_text(new, encoding="utf-8")
    print(printed)


if __name__ == "__main__":
    main()
