"""Does the table of other schedulers' bugs name tests and files that exist, and leave no scenario out?"""

from __future__ import annotations

import re

from tidy import rules

_page = rules.root / "docs" / "known-bugs.md"
_scenarios = 36
_test = re.compile(r"`([\w/]+\.(?:cpp|py))::([\w.]+)`")
_file = re.compile(r"`((?:cpp|python)/[\w/]+\.\w+)`")


def _rows() -> dict[str, str]:
    """What is said about each scenario, by its number: `34a`."""
    rows = re.findall(r"^\| (\d+[a-z]?) \|.*\| (.*) \|$", _page.read_text(), re.MULTILINE)
    assert len(dict(rows)) == len(rows), "a number stands twice"
    return dict(rows)


def test_each_scenario_names_laws_that_are_explained() -> None:
    table, _, legend = _page.read_text().partition("## The laws")
    laws = re.findall(r"^\| \d+[a-z]? \|.*\| ([A-Z0-9 ]+) \| .* \|$", table, re.MULTILINE)
    assert len(laws) == len(_rows())
    named = {law for row in laws for law in row.split()}
    assert named == {law for row in re.findall(r"^\| ([A-Z0-9 ]+) \|", legend, re.MULTILINE) for law in row.split()}


def _is_there(file: str, name: str) -> bool:
    path = rules.root / "tests" / file
    text = path.read_text() if path.is_file() else ""
    if path.suffix == ".py":
        return re.search(rf"^\s*(?:async )?def {name}\(", text, re.MULTILINE) is not None
    suite, _, test = name.partition(".")
    return re.search(rf"^(?:TYPED_)?TEST(?:_F|_P)?\({suite}, {test}\)", text, re.MULTILINE) is not None


def test_each_scenario_has_a_test_or_a_reason_with_a_file() -> None:
    rows = _rows()
    assert {int(re.sub(r"\D", "", number)) for number in rows} == set(range(1, _scenarios + 1))
    silent = [
        number
        for number, said in rows.items()
        if not (_file.search(said) if said.startswith("Cannot happen: ") else _test.search(said))
    ]
    assert not silent


def test_each_test_and_each_file_that_it_names_exists() -> None:
    text = _page.read_text()
    absent = [f"{file}::{name}" for file, name in _test.findall(text) if not _is_there(file, name)]
    absent += [
        file for file in _file.findall(text) if not any((top / file).is_file() for top in (rules.root, rules.root / "tests"))
    ]
    assert not absent, "\n".join(absent)


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert _is_there("tidy/test_known_bugs.py", "test_a_test_that_is_not_there_is_noticed")
    assert not _is_there("tidy/test_known_bugs.py", "test_a_test_that_is_not_there")
    assert not _is_there("cpp/unit/queue_test.cpp", "RingTest.gives_back")
    assert not _is_there("cpp/unit/no_such_file.cpp", "RingTest.gives_back")
