"""How does a build that ninja has run become a task graph with real durations?

Invariant: a node is one command that ninja ran and timed; an edge means "needs what that one made", by declared inputs,
by order-only ones, or by headers found when compiling. Everything else in the build file (phony names, commands never
run) is only passed through.
No ninja binary is needed: `build.ninja`, `.ninja_log` and `.ninja_deps` are read here. Read next: `wfformat.py`
(keeping a build).
Source of the formats: ninja's manual (build file) and its `build_log.cc` and `deps_log.cc` (versions 4 to 7, and 3 and
4).
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from .graph import TaskGraph, graph_from_edges
from .units import checked_scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Build", "BuildCommand", "parse_build_file", "parse_deps", "parse_log", "read_build"]

_NS_PER_MS = 1_000_000
_PATH_SEPARATORS = frozenset(" \t:|\n")


@dataclass(frozen=True)
class BuildCommand:
    """One command of a build file: what it reads, what it makes, and when it ran (ms since that build began), if it did."""

    rule: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    headers: tuple[str, ...] = ()
    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True)
class Build:
    """A build that was run: `commands` and `graph` have the same order; a node's name is its first output."""

    directory: Path
    commands: tuple[BuildCommand, ...]
    graph: TaskGraph


def read_build(build_dir: str | os.PathLike[str], *, scale: float = 1.0) -> Build:
    """The graph of a build directory, with the durations of the last run of each command.

    Args:
        build_dir: where ``build.ninja`` and ``.ninja_log`` are (CMake: the build folder after ``cmake --build``).
        scale: factor on all durations; they are recorded in whole ms.

    Raises:
        FileNotFoundError: there is no ``build.ninja``, or no ``.ninja_log`` (nothing was built yet).
        ValueError: a file that is not in ninja's format, or not one command of the build file is in the log.
    """
    directory = Path(build_dir)
    scale = checked_scale(scale)
    for name, hint in (("build.ninja", "give the folder in which ninja runs"), (".ninja_log", "build it first")):
        if not (directory / name).is_file():
            raise FileNotFoundError(f"{directory} has no {name}; {hint}")
    commands = parse_build_file(directory / "build.ninja")
    log = parse_log((directory / ".ninja_log").read_text(encoding="utf-8", errors="replace"))
    deps_file = directory / ".ninja_deps"
    headers = parse_deps(deps_file.read_bytes()) if deps_file.is_file() else {}
    commands = [_with_records(command, log, headers) for command in commands]
    if not any(command.end_ms is not None for command in commands):
        raise ValueError(f"{directory}: no command of build.ninja is in .ninja_log; build it first")
    ran, edges = _edges_between_ran(commands)
    costs = [round(((c.end_ms or 0) - (c.start_ms or 0)) * _NS_PER_MS * scale) for c in ran]
    return Build(directory, tuple(ran), graph_from_edges(len(ran), edges, costs, [c.outputs[0] for c in ran]))


def parse_log(text: str) -> dict[str, tuple[int, int]]:
    """Output path to (start, end) in ms, the last entry of each, from the text of a ``.ninja_log``.

    Raises:
        ValueError: no log, or a version whose lines are not known.
    """
    lines = text.splitlines()
    head = re.fullmatch(r"# ninja log v(\d+)", lines[0]) if lines else None
    if head is None or not 4 <= int(head[1]) <= 7:
        raise ValueError(f".ninja_log begins with {lines[0][:40] if lines else ''!r}; need '# ninja log v4' to 'v7'")
    result = {}
    for line in lines[1:]:
        fields = line.split("\t")
        # A build that was killed may leave half a line at the end: ninja itself skips it too.
        if len(fields) == 5 and fields[0].isdigit() and fields[1].isdigit():
            result[fields[3]] = (int(fields[0]), max(int(fields[0]), int(fields[1])))
    return result


def parse_deps(data: bytes) -> dict[str, tuple[str, ...]]:
    """Output path to the headers found when it was made, from the bytes of a ``.ninja_deps``.

    Raises:
        ValueError: not a deps log of version 3 or 4.
    """
    magic = b"# ninjadeps\n"
    version = struct.unpack_from("<i", data, len(magic))[0] if data.startswith(magic) and len(data) >= len(magic) + 4 else None
    if version not in (3, 4):
        raise ValueError(f".ninja_deps has version {version}; need 3 or 4")
    paths: list[str] = []
    result: dict[str, tuple[str, ...]] = {}
    position = len(magic) + 4
    while position + 4 <= len(data):
        (size,) = struct.unpack_from("<I", data, position)
        is_deps, size = bool(size >> 31), size & 0x7FFF_FFFF
        record = data[position + 4 : position + 4 + size]
        position += 4 + size
        if len(record) < size or size % 4:
            break  # cut off in the middle: what was read so far is sound
        if is_deps:
            numbers = struct.unpack(f"<{size // 4}I", record)
            first_input = 3 if version == 4 else 2  # the output's id, then its time stamp: 64 bits since version 4
            if all(number < len(paths) for number in (numbers[0], *numbers[first_input:])):
                result[paths[numbers[0]]] = tuple(paths[number] for number in numbers[first_input:])
        else:
            # The path is padded with zeros to a multiple of four; the last word is a checksum.
            paths.append(record[:-4].rstrip(b"\0").decode("utf-8", errors="replace"))
    return result


def parse_build_file(path: Path) -> list[BuildCommand]:
    """All ``build`` statements of a file and those it includes, in order, variables expanded; phony ones too.

    Raises:
        ValueError: a line that is not in ninja's language; the message has file and line.
        OSError: an included file cannot be read.
    """
    reader = _Reader(path.parent)
    reader.read(path, _Scope({}))
    return reader.commands


@dataclass
class _Scope:
    """Variables of one file; a subninja sees its parent's."""

    values: dict[str, str]
    parent: _Scope | None = None

    def get(self, name: str) -> str:
        if name in self.values:
            return self.values[name]
        return self.parent.get(name) if self.parent else ""


@dataclass
class _Reader:
    root: Path
    commands: list[BuildCommand] = field(default_factory=list)
    reading: list[Path] = field(default_factory=list)  # one inside the other

    def read(self, path: Path, scope: _Scope) -> None:
        if path.resolve() in self.reading:
            raise ValueError(f"{path} includes itself")
        self.reading.append(path.resolve())
        lines = _logical_lines(path.read_text(encoding="utf-8", errors="replace"))
        statements = [(number, line) for number, line in lines if line.strip() and not line.lstrip().startswith("#")]
        position = 0
        while position < len(statements):
            number, line = statements[position]
            position += 1
            bindings = []
            while position < len(statements) and statements[position][1].startswith(" "):
                bindings.append(statements[position][1])
                position += 1
            try:
                self._statement(line, bindings, scope)
            except ValueError as error:
                raise ValueError(f"{path}:{number}: {error}") from None
        self.reading.pop()

    def _statement(self, line: str, bindings: Sequence[str], scope: _Scope) -> None:
        keyword, _, rest = line.partition(" ")
        if keyword == "build":
            own = _Scope({}, scope)
            for binding in bindings:
                name, value = _assignment(binding)
                own.values[name] = _expand(value, scope)
            self.commands.append(_build_statement(rest, own))
        elif keyword in ("include", "subninja"):
            target = self.root / _expand(rest.strip(), scope)
            self.read(target, scope if keyword == "include" else _Scope({}, scope))
        elif keyword not in ("rule", "pool", "default"):
            name, value = _assignment(line)
            scope.values[name] = _expand(value, scope)


def _build_statement(text: str, scope: _Scope) -> BuildCommand:
    outputs: list[str] = []
    inputs: list[str] = []
    rule, current, after_validations = "", outputs, False
    for token in _tokens(text):
        if token == ":" and current is outputs:
            current = inputs
        elif token in ("|", "||", ":"):
            continue  # explicit, implicit and order-only ones all have to be made before
        elif token == "|@":
            after_validations = True  # a validation is built too, but nobody waits for it
        elif current is inputs and not rule:
            rule = token
        elif not after_validations:
            current.append(_canonical(_expand(token, scope)))
    if not outputs or not rule:
        raise ValueError(f"a build statement without {'outputs' if not outputs else 'a rule'}: {text[:60]!r}")
    return BuildCommand(rule, tuple(outputs), tuple(inputs))


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        if text[position] in " \t":
            position += 1
        elif text[position] == ":":
            yield ":"
            position += 1
        elif text[position] == "|":
            length = 2 if text[position : position + 2] in ("||", "|@") else 1
            yield text[position : position + length]
            position += length
        else:
            start = position
            while position < len(text) and text[position] not in _PATH_SEPARATORS:
                position += 2 if text[position] == "$" else 1
            yield text[start:position]


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    number, pending, first = 0, "", 0
    for line in text.split("\n"):
        number += 1
        line = line.removesuffix("\r")
        first = number if not pending else first
        joined = pending + (line.lstrip(" ") if pending else line)
        # An odd number of dollars at the end: the last one continues the line ("$$" is a dollar).
        if (len(joined) - len(joined.rstrip("$"))) % 2 and not joined.lstrip().startswith("#"):
            pending = joined[:-1] or " "
            continue
        pending = ""
        yield first, joined
    if pending:
        yield first, pending


def _assignment(line: str) -> tuple[str, str]:
    match = re.fullmatch(r"\s*([A-Za-z0-9_.-]+)\s*=\s*(.*)", line)
    if match is None:
        raise ValueError(f"{line.strip()[:60]!r} is neither a statement of ninja nor 'name = value'")
    return match[1], match[2]


def _expand(text: str, scope: _Scope) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return scope.get(name) if name else match[3]

    return re.sub(r"\$(?:\{([A-Za-z0-9_.-]+)\}|([A-Za-z0-9_-]+)|([$ :|\n^]))", value, text)


def _canonical(path: str) -> str:
    return os.path.normpath(path).replace("\\", "/") if path else path


def _with_records(
    command: BuildCommand, log: Mapping[str, tuple[int, int]], headers: Mapping[str, tuple[str, ...]]
) -> BuildCommand:
    times = next((log[output] for output in command.outputs if output in log), None)
    if command.rule == "phony" or times is None:
        return command
    found = tuple(dict.fromkeys(_canonical(path) for output in command.outputs for path in headers.get(output, ())))
    return BuildCommand(command.rule, command.outputs, command.inputs, found, *times)


def _edges_between_ran(commands: Sequence[BuildCommand]) -> tuple[list[BuildCommand], set[tuple[int, int]]]:
    """The commands that ran, and who of them waits for whom, seen through those that did not run."""
    maker = {output: number for number, command in enumerate(commands) for output in command.outputs}
    needs = [
        {maker[path] for path in (*command.inputs, *command.headers) if path in maker} - {number}
        for number, command in enumerate(commands)
    ]
    node_of = {number: node for node, number in enumerate(n for n, c in enumerate(commands) if c.end_ms is not None)}
    seen_through: dict[int, set[int]] = {}

    def real(numbers: Iterable[int]) -> set[int]:
        result: set[int] = set()
        for number in numbers:
            result |= {number} if number in node_of else seen_through[number]
        return result

    skipped = {n: [before for before in needs[n] if before not in node_of] for n in range(len(needs)) if n not in node_of}
    try:
        for number in TopologicalSorter(skipped).static_order():
            seen_through[number] = real(needs[number])
    except CycleError as error:
        names = " -> ".join(commands[number].outputs[0] for number in error.args[1])
        raise ValueError(f"the build file has a cycle: {names}; ninja would refuse it too") from None
    edges = {(node_of[before], node_of[number]) for number in node_of for before in real(needs[number]) if before != number}
    return [commands[number] for number in node_of], edges
