#!/usr/bin/env python3
"""What did the model explorer run through? One table by protocol, and how many tests passed.

    python3 scripts/model_table.py FOLDER [--faults FILE]

Reads the JUnit files in FOLDER; a model test records there what each of its worlds came to (tests/cpp/model/holds.hpp). With
--faults, the results of scripts/faults.py, also how many seeded faults were killed. The last line is "N passed, N failed";
the exit status is non-zero if any failed. Standard library only.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from pathlib import Path

FAULTS = Path(__file__).resolve().parent.parent / "tests" / "faults" / "faults.toml"


@dataclasses.dataclass(frozen=True, kw_only=True)
class World:
    """One small program, and what its exploration came to."""

    protocol: str
    bound: int
    schedules: int
    depth: int
    ms: int
    is_complete: bool


def protocol_of(suite: str) -> str:
    """The protocol of a model test, as it is called in the table: RingModel is about the "ring"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", suite.removesuffix("Model")).lower()


def worlds_of(case: ElementTree.Element) -> Iterable[World]:
    """From the properties of one test; a test of a fault has none."""
    protocol = protocol_of(case.get("classname", ""))
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


def rows_of(worlds: Iterable[World], killed: dict[str, str]) -> list[list[str]]:
    """One row a protocol and bound, in alphabetical order; `killed` is what is known of the faults, by protocol."""
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
            killed.get(protocol, "-"),
            "complete" if all(world.is_complete for world in group) else "sample",
        ]
        for (protocol, bound), group in sorted(groups.items())
    ]


def faults_by_protocol(results: Path) -> tuple[dict[str, str], str]:
    """Seeded faults killed of those tried: for each protocol whose explorer has to notice them, and a line for all."""
    try:
        found = json.loads(results.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, "seeded faults: not tried; scripts/faults.py does"
    filters = {entry["id"]: entry["filter"] for entry in tomllib.loads(FAULTS.read_text(encoding="utf-8"))["fault"]}
    tried = [(entry["id"], entry["outcome"] == "killed") for entry in found.values() if entry["id"] in filters]
    groups: dict[str, list[bool]] = {}
    for name, is_killed in tried:
        groups.setdefault(protocol_of(filters[name].split(".")[0]), []).append(is_killed)
    line = f"seeded faults: {sum(is_killed for _, is_killed in tried)} of {len(tried)} killed"
    if len(tried) < len(filters):
        line += f", {len(filters) - len(tried)} not tried"
    if others := sorted(name for name, is_killed in tried if not is_killed):
        line += f"; not: {', '.join(others)}"
    return {name: f"{sum(group)} of {len(group)}" for name, group in groups.items()}, line


def print_table(rows: list[list[str]]) -> None:
    """Names to the left, figures to the right."""
    table = [["protocol", "worlds", "bound", "schedules", "depth", "seconds", "faults killed", "schedules run"], *rows]
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
    killed, faults = faults_by_protocol(asked.faults) if asked.faults is not None else ({}, "")
    if worlds:
        print_table(rows_of(worlds, killed))
        total = sum(world.schedules for world in worlds)
        print(f"{len(worlds)} worlds, {total:,} schedules, {sum(world.ms for world in worlds) / 1000:.1f} s")
    if faults:
        print(faults)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
