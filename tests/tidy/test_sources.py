"""Does the text of the sources keep the rules that reviews should not have to repeat?

Each test gathers every finding before it fails. The rules are in rules.py; test_rules_can_fail.py shows that each can fail.
"""

from __future__ import annotations

import pytest
from tidy import rules

_long_file, _aim_file, _long_function = 400, 300, 70


_readers_of_figures = ("bind/py_metrics.cpp", "bind/py_record.cpp")


def _fail_if(findings: list[str], why: str) -> None:
    if findings:
        pytest.fail(f"{why}\n  " + "\n  ".join(findings), pytrace=False)


def test_includes_point_down_the_layers_only() -> None:
    findings = []
    for path in rules.sources("cpp/rt", suffixes=(".hpp", ".cpp")):
        parts = path.relative_to(rules.root / "cpp" / "rt").parts
        name = path.relative_to(rules.root).as_posix()
        if len(parts) == 1:
            continue
        if parts[0] not in rules.may_include:
            findings.append(f"{name}: folder {parts[0]}/ has no place in the layers; name it in rules.may_include")
            continue
        findings += [f"{name}: {wrong}" for wrong in rules.wrong_includes(parts[0], path.read_text())]
    _fail_if(findings, "includes against the direction of the layers:")


def test_a_file_answers_one_question_and_so_stays_short() -> None:
    lengths = {
        path.relative_to(rules.root).as_posix(): len(path.read_text().splitlines())
        for path in rules.sources("cpp", "python", suffixes=(".hpp", ".cpp", ".py"))
    }
    too_long = [f"{name}: {length} lines" for name, length in lengths.items() if length > _long_file]
    _fail_if(too_long, f"files above {_long_file} lines:")
    long = [f"{name}: {length} lines" for name, length in lengths.items() if length > _aim_file]
    if len(long) > max(3, len(lengths) // 10):
        _fail_if(long, f"more than one file in ten is above the aim of {_aim_file} lines:")


def test_a_function_fits_a_screen() -> None:
    findings = []
    for path in rules.sources("cpp", "python", suffixes=(".hpp", ".cpp", ".py")):
        functions = rules.python_functions if path.suffix == ".py" else rules.cpp_functions
        name = path.relative_to(rules.root).as_posix()
        long = [found for found in functions(path.read_text()) if found[1] > _long_function]
        findings += [f"{name}:{line}: {length} lines: {head}" for line, length, head in long]
    _fail_if(findings, f"functions above {_long_function} lines:")


def test_each_memory_order_has_a_comment_that_says_who_pairs_with_it() -> None:
    findings = []
    for path in rules.sources("cpp/rt", "cpp/bind", suffixes=(".hpp", ".cpp")):
        name = path.relative_to(rules.root).as_posix()
        lines = rules.orders_without_comment(
            path.read_text(), relaxed_is_plain="/observe/" in name or name.endswith(_readers_of_figures)
        )
        findings += [f"{name}:{line}" for line in lines]
    _fail_if(findings, "memory orders without a comment on the line or the three above:")


def test_no_file_names_a_persons_machine_or_a_package_registry() -> None:
    findings = []
    for path in rules.text_files():
        if path.name == "Cargo.lock":  # the format itself holds the registry's address
            continue
        name = path.relative_to(rules.root).as_posix()
        findings += [f"{name}: {trace}" for trace in rules.machine_traces(path.read_text(errors="replace"))]
    _fail_if(findings, "traces of a machine:")


def test_no_file_says_that_its_work_is_unfinished() -> None:
    findings = []
    for path in rules.text_files():
        name = path.relative_to(rules.root).as_posix()
        findings += [f"{name}: {word}" for word in rules.unfinished_words(path.read_text(errors="replace"))]
    _fail_if(findings, "words of unfinished work:")


def test_a_header_is_guarded_and_a_source_file_opens_with_its_question() -> None:
    findings = []
    for path in rules.sources("cpp/rt", "cpp/bind", suffixes=(".hpp", ".cpp")):
        text, name = path.read_text(), path.relative_to(rules.root).as_posix()
        explained_by_header = path.suffix == ".cpp" and path.with_suffix(".hpp").exists()
        if not text.startswith("//") and not explained_by_header:
            findings.append(f"{name}: its first line is no comment that says what the file answers")
        if path.suffix == ".hpp" and "#pragma once" not in text:
            findings.append(f"{name}: #pragma once is missing")
    _fail_if(findings, "heads of files:")
