#!/usr/bin/env python3
"""How is the recording of this project's own C++ build made, which `python -m stealscope tour` runs by default?

    .venv/bin/python scripts/record_own_build.py BUILD_DIR [--output FILE]

BUILD_DIR is a folder in which ninja has built the project (CMake with ``-G Ninja``), best from scratch. Invariant: the
file names no machine: each path is relative to the build root, else to the source root; what lies outside both (system
headers) is dropped.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from pathlib import Path
from typing import Any

from stealscope.graph import TaskGraph
from stealscope.ninja import BuildCommand, read_build
from stealscope.wfformat import unique_ids, write_workflow

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "python" / "stealscope" / "data" / "own_build.json"


def relative(path: str, build_dir: Path) -> str | None:
    """The path inside the build root or the source root, or None outside both."""
    absolute = Path(os.path.normpath(build_dir / path))
    for root in (build_dir, ROOT):
        if absolute.is_relative_to(root):
            return absolute.relative_to(root).as_posix()
    return None


def fields_of(command: BuildCommand, build_dir: Path) -> dict[str, Any]:
    """The files that a task reads and makes, as WfFormat has them."""
    # Only what is a file: the names of phony targets are inputs too.
    read = [relative(path, build_dir) for path in (*command.inputs, *command.headers) if (build_dir / path).is_file()]
    made = [relative(path, build_dir) for path in command.outputs]
    return {
        "inputFiles": sorted({path for path in read if path is not None}),
        "outputFiles": sorted({path for path in made if path is not None}),
    }


def size_of(path: str, build_dir: Path) -> int:
    """Bytes of a file that is named by its relative path, or 0 if it is gone."""
    return next(((root / path).stat().st_size for root in (build_dir, ROOT) if (root / path).is_file()), 0)


def record(build_dir: Path, output: Path) -> TaskGraph:
    """Read the build, write the file, give back what it holds."""
    build = read_build(build_dir)
    names = [relative(command.outputs[0], build_dir) for command in build.commands]
    if None in names:
        raise ValueError(f"{build.commands[names.index(None)].outputs[0]} lies outside the build and the source folder")
    graph = TaskGraph(build.graph.indptr, build.graph.indices, build.graph.cost_ns, tuple(map(str, names)))
    extra = [fields_of(command, build_dir) for command in build.commands]
    paths = sorted({path for entry in extra for path in (*entry["inputFiles"], *entry["outputFiles"])})
    ids = unique_ids(paths)
    extra = [{key: [ids[path] for path in entry[key]] for key in entry} for entry in extra]
    first = min(command.start_ms or 0 for command in build.commands)
    write_workflow(
        output,
        graph,
        name="stealscope-build",
        description="The C++ build of stealscope, recorded by scripts/record_own_build.py from ninja's own log",
        makespan=(max(command.end_ms or 0 for command in build.commands) - first) / 1000,
        executed_at=datetime.datetime.fromtimestamp((build_dir / ".ninja_log").stat().st_mtime, tz=datetime.UTC).isoformat(
            timespec="seconds"
        ),
        extra=extra,
        files=[{"id": ids[path], "path": path, "sizeInBytes": size_of(path, build_dir)} for path in paths],
    )
    return graph


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Keep the project's own build as a WfFormat file.")
    parser.add_argument("build_dir", type=Path, metavar="BUILD_DIR", help="a folder in which ninja has built the project")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE", help="default: the one that is shipped")
    arguments = parser.parse_args()
    try:
        graph = record(arguments.build_dir.resolve(), arguments.output)
    except (OSError, ValueError) as error:
        print(f"record_own_build: {error}", file=sys.stderr)
        return 2
    seconds = f"work {graph.work / 1e9:.1f} s, span {graph.span / 1e9:.1f} s"
    print(f"{arguments.output}: {len(graph)} tasks, {graph.edge_count} edges, {seconds}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
