#!/usr/bin/env python3
"""What did the model explorer run through? One table by protocol, and how many tests passed.

    python3 scripts/model_table.py FOLDER [--faults FILE]

Reads the JUnit files in FOLDER; a model test records there what each of its worlds came to (tests/cpp/model/holds.hpp). With
--faults also a row that says how many seeded faults were killed, if that file exists. The last line is "N passed, N failed";
the exit status is non-zero if any failed. Standard library only.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from pathlib import Path


@dataclasses.dataclass(frozen=True, kw_only=True)
class World:
    """One small program, and what its exploration came to."""

    protocol: str
    bound: int
    schedules: int
    depth: int
    ms: int
    is_complete: bool


def worlds_of(case: ElementTree.Element) -> Iterable[World]:
    """From the properties of one test; a test of a fault has none."""
    suite = case.get("classname", "").removesuffix("Model")
    protocol = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", suite).lower()
    for entry in case.iter("property"):
        if entry.get("name", "").startswith("world_"):
            _, bound, schedules, depth, ms, kind = entry.get("value", "").rsplit("|", 5)
            yield World(
                protocol=protocol,
                bound=int(bound),
                schedules=int(schedules),
                depth=int(depth),
                ms=int(ms),
                is_complete=kind == "complete",
            )


def read(folder: Path) -> tuple[list[World], int, int]:
    """All worlds, tests passed, tests failed. A file that cannot be read is a failed test: its program died while it wrote."""
    worlds: list[World] = []
    passed = failed = 0
    for path in sorted(folder.glob("**/*.xml")):
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError:
            failed += 1
            continue
        for case in root.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is None and case.get("status") != "notrun":
                passed += 1
            worlds += worlds_of(case)
    return worlds, passed, failed


def rows_of(worlds: Iterable[World]) -> list[list[str]]:
    """One row a protocol and bound, in alphabetical order."""
    groups: dict[tuple[str, int], list[World]] = {}
    for world in worlds:
        groups.setdefault((world.protocol, world.bound), []).append(world)
    return [
        [
            protocol,
            str(len(group)),
            str(bound),
            f"{sum(world.schedules for world in group):,}",
            str(max(world.depth for world in group)),
            f"{sum(world.ms for world in group) / 1000:.1f}",
            "complete" if all(world.is_complete for world in group) else "sample",
        ]
        for (protocol, bound), group in sorted(groups.items())
    ]


def faults_row(results: Path) -> str:
    """How many seeded faults the tests have noticed; empty if none was tried."""
    try:
        found = json.loads(results.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    entries = list(found.values()) if isinstance(found, dict) else found
    killed = sum(entry["outcome"] == "killed" for entry in entries)
    others = sorted(str(entry["id"]) for entry in entries if entry["outcome"] != "killed")
    return f"seeded faults: {killed} of {len(entries)} killed" + (f"; not: {', '.join(others)}" if others else "")


def print_table(rows: list[list[str]]) -> None:
    """Names to the left, figures to the right."""
    table = [["protocol", "worlds", "bound", "schedules", "depth", "seconds", "schedules run"], *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        first, *numbers = (cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=False))
        print(row[0].ljust(len(first)), *numbers, row[-1], sep="  ")


def main(arguments: Sequence[str]) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faults", type=Path)
    asked = parser.parse_args(arguments)
    worlds, passed, failed = read(asked.folder)
    if worlds:
        print_table(rows_of(worlds))
        total = sum(world.schedules for world in worlds)
        print(f"{len(worlds)} worlds, {total:,} schedules, {sum(world.ms for world in worlds) / 1000:.1f} s")
    if asked.faults is not None and (line := faults_row(asked.faults)):
        print(line)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
