"""Do the Python package, its shipped data and the project's pages keep what users rely on?"""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import tomllib

from tidy import rules


def test_each_public_name_of_a_module_has_a_docstring() -> None:
    findings = []
    for path in rules.sources("python/stealscope", suffixes=(".py",)):
        name = path.relative_to(rules.root).as_posix()
        findings += [f"{name}: {missing}" for missing in rules.names_without_docstring(path.read_text())]
    assert not findings, "\n".join(findings)


def test_each_name_that_the_package_exports_exists_and_says_what_it_is() -> None:
    import stealscope

    missing = [name for name in stealscope.__all__ if not hasattr(stealscope, name)]
    assert not missing
    silent = [
        name
        for name in stealscope.__all__
        if (inspect.isclass(item := getattr(stealscope, name)) or callable(item)) and not (item.__doc__ or "").strip()
    ]
    assert not silent


def test_each_module_says_what_is_public() -> None:
    modules = [p for p in rules.sources("python/stealscope", suffixes=(".py",)) if not p.name.startswith("_")]
    silent = [path.relative_to(rules.root).as_posix() for path in modules if "__all__" not in path.read_text()]
    assert not silent


def test_shipped_data_holds_no_absolute_path() -> None:
    findings = [
        f"{path.name}: {found}"
        for path in rules.sources("python", suffixes=(".json",))
        for found in rules.absolute_paths(json.loads(path.read_text()))
    ]
    assert not findings, "\n".join(findings)


def test_the_changelog_collects_the_changes_since_the_last_version() -> None:
    assert "\n## Unreleased\n" in (rules.root / "CHANGELOG.md").read_text()


def test_the_version_is_written_in_one_place() -> None:
    version = tomllib.loads((rules.root / "pyproject.toml").read_text())["project"]["version"]
    places = [
        path.relative_to(rules.root).as_posix()
        for path in rules.sources("cpp", "python", suffixes=(".py", ".pyi", ".cpp", ".hpp", ".cmake", ".txt"))
        if f'"{version}"' in path.read_text()
    ]
    assert not places


def test_each_seeded_fault_still_fits_the_sources_and_has_its_test() -> None:
    done = subprocess.run(
        [sys.executable, rules.root / "scripts" / "faults.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_page_of_seeded_faults_names_each_of_them() -> None:
    faults = tomllib.loads((rules.root / "tests" / "faults" / "faults.toml").read_text())["fault"]
    page = (rules.root / "docs" / "faults.md").read_text()
    missing = [fault["id"] for fault in faults if f"| `{fault['id']}` |" not in page]
    assert not missing, "run scripts/faults.py with these, and then with --table: " + " ".join(missing)
