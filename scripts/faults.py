#!/usr/bin/env python3
"""Which test notices when one line of a scheduler's protocol is wrong?

    python3 scripts/faults.py [ID...] [--jobs N] [--json]     build each seeded fault and run the test that has to fail; one that
                                                              was killed is passed over while nothing has changed (--again)
    python3 scripts/faults.py --list                          what there is
    python3 scripts/faults.py --check                         do all of them still fit the sources? builds nothing
    python3 scripts/faults.py --table                         write docs/faults.md from the results of the runs so far

The faults stand in tests/faults/faults.toml, whose first lines say what a field means. The sources are never touched: a changed
copy of one file comes before it on the include path, and only what has to see it is compiled; all other objects are those of
the build folder.
Invariant: a fault counts as killed only if its test passes without it, it compiles, and the test fails, with the expected words.
Standard library only. REPORTS=folder writes a JUnit file there.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FAULTS = ROOT / "tests" / "faults" / "faults.toml"
PAGE = ROOT / "docs" / "faults.md"
WORK = ROOT / "build" / "faults"
RESULTS = WORK / "results.json"  # what became of each fault
CLEAN = WORK / "clean.json"  # killers that pass without a fault, and the program that did


class FaultError(Exception):
    """The command cannot say whether the fault is noticed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """One entry of faults.toml."""

    id: str
    law: str
    file: str
    old: str
    new: str
    why: str
    test: str
    filter: str
    expect: str = ""
    rebuild: tuple[str, ...] = ()
    hangs: bool = False
    seconds: int = 60

    @property
    def digest(self) -> str:
        """Changes with the fault."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def faulty_source(self) -> str:
        """The text of the file with the fault in it."""
        path = ROOT / self.file
        if not path.is_file():
            raise FaultError(f"{self.id}: {self.file} is gone; mend the fault in {FAULTS.relative_to(ROOT)}")
        text = path.read_text()
        if (found := text.count(self.old)) != 1:
            raise FaultError(
                f"{self.id}: the old text occurs {found} times in {self.file}, need once; the source has moved on: "
                f"mend the fault in {FAULTS.relative_to(ROOT)}\n{self.old}"
            )
        return text.replace(self.old, self.new)

    def compiled(self) -> tuple[str, ...]:
        """The sources that have to see the change."""
        if self.rebuild:
            return self.rebuild
        return (self.file,) if self.file.endswith(".cpp") else (self.test,)

    def check(self) -> None:
        """Raises FaultError if the fault does not fit the sources, or its test is none."""
        self.faulty_source()
        text = (ROOT / self.test).read_text() if (ROOT / self.test).is_file() else ""
        for name in self.filter.split(":"):
            wanted = name.split(".")[-1]
            if not text or (wanted != "*" and not re.search(rf"\b{wanted}\b", text)):
                raise FaultError(f"{self.id}: {self.test} has no test {wanted}; name the one that notices it now")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a fault: killed, survived, or error (nobody can say)."""

    id: str
    digest: str
    outcome: str
    how: str = ""
    schedule: int = 0
    seconds: float = 0.0
    program: str = ""  # the killer's program without a fault: while it is the same, so is the outcome

    @property
    def after(self) -> str:
        """After how much of the test: schedules of the explorer, or nothing to count."""
        return f"schedule {self.schedule}" if self.schedule else "first run"


def load_faults() -> list[Fault]:
    """All faults, in their order."""
    entries = tomllib.loads(FAULTS.read_text())["fault"]
    faults = [Fault(**{**entry, "rebuild": tuple(entry.get("rebuild", ()))}) for entry in entries]
    if len({fault.id for fault in faults}) != len(faults):
        raise FaultError(f"{FAULTS.relative_to(ROOT)}: two faults have the same id")
    if unknown := {law for fault in faults for law in fault.law.split()} - load_laws().keys():
        raise FaultError(f"{FAULTS.relative_to(ROOT)}: [laws] does not say what {' '.join(sorted(unknown))} is")
    return faults


def load_laws() -> dict[str, str]:
    """What each law says."""
    laws: dict[str, str] = tomllib.loads(FAULTS.read_text())["laws"]
    return laws


def sections() -> dict[str, list[str]]:
    """The ids below each heading of the file."""
    found: dict[str, list[str]] = {}
    for heading, name in re.findall(r'^# -{4} (.*?) -+$|^id = "(.*)"$', FAULTS.read_text(), re.MULTILINE):
        if heading:
            found[heading] = []
        else:
            found[list(found)[-1]].append(name)
    return found


def run(command: Sequence[str | Path], *, cwd: Path, what: str) -> None:
    """Runs a tool; raises FaultError with the first complaint."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    output = done.stdout + done.stderr
    complaint = re.search(r"^.*(?:error:|undefined reference|multiple definition).*$", output, re.MULTILINE)
    raise FaultError(f"{what} failed: {complaint.group(0).strip() if complaint else output.strip()[-300:]}")


class Build:
    """The objects of a build folder, and how each was made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ccache = [found] if (found := shutil.which("ccache")) else []
        self.linker = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []  # five times as fast
        has_been_made = (folder / "build.ninja").is_file()
        # Also an old one: a new test file has to be known.
        run(["cmake", folder] if has_been_made else ["cmake", "--preset", folder.name], cwd=ROOT, what="cmake")
        self.commands: dict[Path, list[str]] = {}
        self.objects: dict[Path, Path] = {}
        for entry in json.loads((folder / "compile_commands.json").read_text()):
            source, command = Path(entry["file"]), shlex.split(entry["command"])
            self.commands[source] = command
            self.objects[source] = folder / command[command.index("-o") + 1]
        if any("-DNDEBUG" in command for command in self.commands.values()):
            raise FaultError(f"{folder}: a build without asserts; need one with them, as `cmake --preset dev` makes it")
        self.units = [s for s, target in self.objects.items() if "stealscope_rt.dir" in target.parts]

    def make(self, tests: Iterable[str], jobs: int) -> None:
        """Builds the library and the objects of the tests."""
        sources = {ROOT / test for test in tests} | self._always({ROOT / test for test in tests})
        targets = ["stealscope_rt", *sorted(str(self.objects[source].relative_to(self.folder)) for source in sources)]
        run(["cmake", "--build", ".", "-j", str(jobs), "--target", *targets], cwd=self.folder, what="the build without faults")

    def compile_changed(self, source: str, include: Path) -> tuple[Path, Path]:
        """Compiles a source, or the unit that includes it, with `include` first on the path: the object it stands for, the new one."""
        path = ROOT / source
        unit = text_of = self._unit_of(path)
        changed = include / path.relative_to(ROOT / "cpp") if path.is_relative_to(ROOT / "cpp") else path
        if changed != path and changed.is_file():
            text_of = changed
            if unit != path:
                text_of = include / unit.name
                text_of.write_text(unit.read_text().replace(f'"{path}"', f'"{changed}"'))
        target = include.parent / (unit.name + ".o")
        command = list(self.commands[unit])
        command[command.index("-o") + 1] = str(target)
        command[command.index("-c") + 1] = str(text_of)
        command[1:1] = [f"-I{include}"]
        # Nobody debugs it: without symbols a third of the time is saved, and most of the linker's.
        run([*self.ccache, *command, "-Wno-error", "-g0"], cwd=self.folder, what="compiling the fault")
        return self.objects[unit], target

    def link(self, program: Path, test: str, changed: dict[Path, Path]) -> None:
        """A program of one test file, with some objects in the place of others."""
        sources = [ROOT / test, *sorted(self._always({ROOT / test})), *self.units]
        objects = [changed.get(self.objects[source], self.objects[source]) for source in sources]
        kind = Path(test).parent.name
        ninja = (self.folder / "build.ninja").read_text()
        found = re.search(rf"^build {kind}_tests:.*?^  LINK_LIBRARIES = (.*?)$", ninja, re.MULTILINE | re.DOTALL)
        if found is None:
            raise FaultError(f"{self.folder}: no {kind}_tests; configure with -DBUILD_TESTS=ON")
        libraries = [word for word in found.group(1).split() if "stealscope_rt" not in word]
        compiler = self.commands[ROOT / test][0]
        run([compiler, *self.linker, "-Wl,-S", "-o", program, *objects, *libraries, "-pthread"], cwd=self.folder, what="linking")

    def _always(self, tests: set[Path]) -> set[Path]:
        """Sources of the tests' folders that are no tests: the explorer."""
        folders = {test.parent for test in tests}
        return {source for source in self.commands if source.parent in folders and not source.stem.endswith("_test")}

    def _unit_of(self, path: Path) -> Path:
        if path in self.commands:
            return path
        for unit in self.units:
            if unit.name.startswith("unity_") and f'"{path}"' in unit.read_text():
                return unit
        raise FaultError(f"{path.relative_to(ROOT)} is compiled nowhere in {self.folder}")


@dataclasses.dataclass(frozen=True)
class Run:
    """How a test program ended."""

    status: int | None  # None: the time was over
    output: str
    seconds: float

    @property
    def passed(self) -> bool:
        """At least one test ran, and none failed."""
        return self.status == 0 and re.search(r"^\[  PASSED  \] [1-9]", self.output, re.MULTILINE) is not None


def run_test(program: Path, gtest_filter: str, seconds: float) -> Run:
    """Runs some tests of a program within a time."""
    begun = time.monotonic()
    command = [str(program), f"--gtest_filter={gtest_filter}", "--gtest_color=no"]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, check=False, errors="replace", text=True
        )
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace")  # bytes, also in text mode
        return Run(None, output, time.monotonic() - begun)
    return Run(done.returncode, done.stdout, time.monotonic() - begun)


def failed_as(output: str) -> str:
    """The first words of a failure: what the explorer found, a failed expectation, an assertion."""
    for pattern in (
        r"^replay with schedule=\S*\s+\((.*); schedule \d+\b",
        r"^.*Assertion [`'](.*?)' failed",
        r"^\S+:\d+: Failure\n((?:.+\n)+?)(?:\n|\[|\S+:\d+: Failure|Google Test trace)",
        r"C\+\+ exception with description \"(.*)\" thrown",
    ):
        if found := re.search(pattern, output, re.MULTILINE):
            words = re.sub(r"^\S+:\d+: ", "", " ".join(found.group(1).split()))
            words = re.sub(r"0x[0-9a-f]+", "0x...", words)  # another one in each run
            return words if len(words) <= 140 else f"{words[:140]}…"
    return ""


def verdict(fault: Fault, ran: Run) -> tuple[str, str]:
    """Killed, survived or error, and how."""
    if ran.passed:
        return "survived", f"{fault.filter} passes with it"
    if ran.status == 0:
        return "error", "no test ran"
    if ran.status is None:
        late = f"did not end within {fault.seconds} s"
        return ("killed", late) if fault.hangs else ("error", f"{late}; `hangs = true` if that is how it fails")
    how = failed_as(ran.output)
    if fault.expect not in ran.output:
        return "error", f"failed without the words '{fault.expect}': {how}"
    return "killed", how or (signal.Signals(-ran.status).name if ran.status < 0 else f"status {ran.status}")


def judge(fault: Fault, ran: Run) -> Result:
    """What became of it, from how the test ended."""
    outcome, how = verdict(fault, ran)
    found = re.search(r"; schedule (\d+)\b", ran.output, re.MULTILINE)
    schedule = int(found.group(1)) if found and outcome == "killed" else 0
    return Result(id=fault.id, digest=fault.digest, outcome=outcome, how=how, schedule=schedule, seconds=round(ran.seconds, 2))


def try_fault(fault: Fault, build: Build) -> Result:
    """Builds the fault and runs its test."""
    folder = WORK / fault.id
    shutil.rmtree(folder, ignore_errors=True)
    include = folder / "include"
    try:
        changed_file = include / Path(fault.file).relative_to("cpp")
        changed_file.parent.mkdir(parents=True)
        changed_file.write_text(fault.faulty_source())
        changed = dict(build.compile_changed(source, include) for source in fault.compiled())
        build.link(folder / "tests", fault.test, changed)
        ran = run_test(folder / "tests", fault.filter, fault.seconds)
        (folder / "output.txt").write_text(ran.output)
        return judge(fault, ran)
    except FaultError as wrong:
        return Result(id=fault.id, digest=fault.digest, outcome="error", how=str(wrong))
    finally:
        for large in [*folder.glob("*.o"), folder / "tests"]:
            large.unlink(missing_ok=True)


@dataclasses.dataclass(frozen=True)
class Clean:
    """The killers without a fault: the hash of each test file's program, and which test cannot be a killer, and why."""

    programs: dict[str, str]
    unfit: dict[tuple[str, str], str]


def clean_killers(faults: list[Fault], build: Build, jobs: int, pool: ThreadPoolExecutor) -> Clean:
    """Runs each killer without a fault, unless this very program has passed before."""
    tests = sorted({fault.test for fault in faults})
    build.make(tests, jobs)
    programs = {test: WORK / "clean" / Path(test).parent.name / Path(test).stem for test in tests}
    for test, program in programs.items():
        program.parent.mkdir(parents=True, exist_ok=True)
        build.link(program, test, {})
    is_now = {test: hashlib.sha256(program.read_bytes()).hexdigest() for test, program in programs.items()}
    passed: dict[str, str] = json.loads(CLEAN.read_text()) if CLEAN.is_file() else {}
    killers = {(f.test, f.filter): f.seconds for f in faults if passed.get(f"{f.test} {f.filter}") != is_now[f.test]}
    unfit = {}
    # Five times the limit: without a fault the explorer has to see every schedule.
    runs = pool.map(lambda killer: run_test(programs[killer[0][0]], killer[0][1], 5 * killer[1]), killers.items())
    for (test, gtest_filter), ran in zip(killers, runs, strict=True):
        if ran.passed:
            passed[f"{test} {gtest_filter}"] = is_now[test]
            CLEAN.write_text(json.dumps(passed, indent=1))
        else:
            complaint = failed_as(ran.output) or ("no end" if ran.status is None else "no test ran")
            unfit[test, gtest_filter] = f"{gtest_filter} does not pass without the fault: {complaint}"
    return Clean(is_now, unfit)


def row_of(fault: Fault, result: Result) -> str:
    """One line of the table."""
    killed = f"{fault.filter}: {result.how}" if result.outcome == "killed" else f"{result.outcome.upper()}: {result.how}"
    return f"{fault.id:<34} {fault.law:<8} {result.after:<15} {result.seconds:>6.1f} s  {killed}"


def write_junit(faults: list[Fault], results: list[Result], folder: Path) -> None:
    """One test case a fault, as .ci/run counts them."""
    suite = ElementTree.Element("testsuite", name="faults")
    for fault, result in zip(faults, results, strict=True):
        case = ElementTree.SubElement(suite, "testcase", name=fault.id, classname=fault.law, time=str(result.seconds))
        if result.outcome != "killed":
            ElementTree.SubElement(case, "failure", message=f"{result.outcome}: {result.how}")
    ElementTree.ElementTree(suite).write(folder / "faults.xml")


def stored_results() -> dict[str, dict[str, Any]]:
    """What earlier runs have found, by fault."""
    return json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}


def write_page(faults: list[Fault]) -> None:
    """Writes docs/faults.md; raises FaultError unless every fault, as it is now, was killed."""
    results = stored_results()
    missing = [f.id for f in faults if (r := results.get(f.id)) is None or r["digest"] != f.digest or r["outcome"] != "killed"]
    if missing:
        raise FaultError(f"no table: not run since they were changed, or not killed: {' '.join(missing)}")
    by_id = {fault.id: fault for fault in faults}
    explored = sum("/model/" in fault.test for fault in faults)
    lines = [
        "# Seeded faults: would a test notice?",
        "",
        "Each row is a mistake that somebody could make in the scheduler, built into a copy of the sources, and the test that fails",
        f"because of it. **All {len(faults)} are noticed, none by luck**: {explored} by the explorer, which goes through the interleavings",
        "of a few threads in a fixed order and so finds a fault at the same schedule every time,",
        f"{len(faults) - explored} by a test that makes the situation. Each of those tests passes without the fault.",
        "",
        "`python3 scripts/faults.py` builds and runs them, `python3 scripts/faults.py ring` those with `ring` in their name.",
        "This page is written by `--table`; the text of each fault is in [`faults.toml`](../tests/faults/faults.toml). Weakened",
        "memory orders that need no change of the source stand in the tests themselves (`tests/cpp/model`, the suites called",
        "`...Faults`). A number after # is the bug of Tokio that the fault brings back.",
    ]
    for heading, ids in sections().items():
        lines += ["", f"## {heading[0].upper()}{heading[1:]}", "", "| Fault | Law | What goes wrong | Killed by | After |"]
        lines.append("|---|---|---|---|---|")
        for name in ids:
            fault, result = by_id[name], Result(**results[name])
            kind = re.match("deadlock|data race|no progress|SIG[A-Z]+|did not end", result.how)
            after = f"{result.after}, {kind.group(0)}" if kind else result.after
            lines.append(f"| `{name}` | {fault.law} | {fault.why} | `{fault.filter.replace(':', '`, `')}` | {after} |")
    lines += ["", "## The laws", "", "| Law | What it says | Faults |", "|---|---|---|"]
    for law, text in load_laws().items():
        broken_by = [f"`{fault.id}`" for fault in faults if law in fault.law.split()]
        lines.append(f"| {law} | {text} | {', '.join(broken_by)} |")
    PAGE.write_text("\n".join(lines) + "\n")
    print(f"{PAGE.relative_to(ROOT)}: {len(faults)} faults")


def run_faults(faults: list[Fault], *, build: Build, jobs: int, as_json: bool, again: bool) -> bool:
    """Builds and tests; prints the table. True: all were killed."""
    results: list[Result] = []
    before = stored_results()
    with ThreadPoolExecutor(jobs) as pool:
        clean = clean_killers(faults, build, jobs, pool)

        def attempt(fault: Fault) -> Result:
            if (complaint := clean.unfit.get((fault.test, fault.filter))) is not None:
                return Result(id=fault.id, digest=fault.digest, outcome="error", how=complaint)
            known = Result(**before[fault.id]) if fault.id in before else None
            program = clean.programs[fault.test]
            if known and not again and (known.digest, known.program, known.outcome) == (fault.digest, program, "killed"):
                return known
            return dataclasses.replace(try_fault(fault, build), program=program)

        for fault, result in zip(faults, pool.map(attempt, faults), strict=True):
            results.append(result)
            RESULTS.write_text(json.dumps({**stored_results(), fault.id: dataclasses.asdict(result)}, indent=1))
            if not as_json:
                print(row_of(fault, result), flush=True)
    killed = sum(result.outcome == "killed" for result in results)
    if as_json:
        print(json.dumps([dataclasses.asdict(result) for result in results], indent=1))
    else:
        print(f"{killed} of {len(results)} faults killed")
    if folder := os.environ.get("REPORTS"):
        write_junit(faults, results, Path(folder))
    return killed == len(results)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these faults; a part of an id is enough")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS") or os.cpu_count() or 2), help="default: one a CPU")
    parser.add_argument(
        "--build", type=Path, default=ROOT / "build" / "dev", help="build folder with asserts (default build/dev)"
    )
    parser.add_argument("--list", action="store_true", help="name the faults and stop")
    parser.add_argument("--check", action="store_true", help="only look whether each fault fits the sources")
    parser.add_argument("--again", action="store_true", help="also those that nothing has changed for since they were killed")
    parser.add_argument("--json", action="store_true", help="results as JSON in the place of the table")
    parser.add_argument("--table", action="store_true", help="write docs/faults.md from the results so far")
    options = parser.parse_args()
    faults = load_faults()
    if unknown := [name for name in options.ids if not any(name in fault.id for fault in faults)]:
        raise FaultError(f"no fault is called {' '.join(unknown)}; --list names them")
    chosen = [fault for fault in faults if not options.ids or any(name in fault.id for name in options.ids)]
    if options.list:
        print("\n".join(f"{fault.id:<34} {fault.law:<8} {fault.file}: {fault.why}" for fault in chosen))
        return 0
    complaints = []
    for fault in chosen:
        try:
            fault.check()
        except FaultError as wrong:
            complaints.append(str(wrong))
    if complaints:
        raise FaultError("\n".join(complaints))
    if options.check:
        return 0
    if options.table:
        write_page(faults)
        return 0
    build = Build(options.build.resolve())
    return 0 if run_faults(chosen, build=build, jobs=options.jobs, as_json=options.json, again=options.again) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FaultError as error:
        print(f"stealscope: {error}", file=sys.stderr)
        sys.exit(2)
