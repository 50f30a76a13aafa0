"""A C++ program finds the installed library, from the wheel and from `cmake --install`, and gets no more than it was promised.

The example of cpp/example is what is built. Each test says why it is skipped where there is no compiler or nothing to install.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import stealscope

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "cpp" / "example"
PACKAGE = Path(stealscope.__file__).parent

needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("cmake", "c++")) and not os.environ.get("CXX"),
    reason="needs cmake and a C++ compiler on the path",
)
needs_wheel = pytest.mark.skipif(
    not (PACKAGE / "lib" / "cmake").is_dir(),
    reason=f"{PACKAGE} was not installed from a wheel: it has no lib/cmake",
)


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def _built_library() -> Path | None:
    """A build folder of this checkout that holds the finished library."""
    folders = [ROOT / "build" / name for name in ("release", "dev", "minimal")]
    return next((folder for folder in folders if (folder / "cpp" / "libstealscope_rt.a").is_file()), None)


def _output_of_example(prefix: Path, build: Path) -> str:
    _run("cmake", "-S", EXAMPLE, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Debug")
    found = re.search(r"^stealscope_DIR:PATH=(.*)$", (build / "CMakeCache.txt").read_text(), re.MULTILINE)
    assert found is not None
    assert Path(found[1]).is_relative_to(prefix), "another stealscope was found"
    _run("cmake", "--build", build)
    return _run(build / "example")


def _check(output: str) -> None:
    assert output.startswith(f"stealscope {stealscope.__version__}\nfib(25) = 75025\n")
    workers = re.findall(r"^worker (\d): (\d+) polls, \d+ tasks stolen, \d+ parks, busy for \d+ us$", output, re.MULTILINE)
    assert [number for number, _ in workers] == ["0", "1"]
    if stealscope.features()["unstable_metrics"]:
        calls_of_fib_25 = 242_785
        assert sum(int(polls) for _, polls in workers) >= calls_of_fib_25


@needs_tools
@needs_wheel
@pytest.mark.timeout(600)
def test_the_example_builds_against_the_installed_wheel_and_prints_what_each_worker_did(tmp_path: Path) -> None:
    _check(_output_of_example(PACKAGE, tmp_path / "build"))


@needs_tools
@pytest.mark.timeout(600)
def test_the_example_builds_against_an_installed_prefix_that_was_moved(tmp_path: Path) -> None:
    build = _built_library()
    if build is None:
        pytest.skip("no build folder holds the C++ library; `make test` makes build/dev")
    _run("cmake", "--install", build, "--prefix", tmp_path / "first")
    moved = (tmp_path / "first").rename(tmp_path / "moved")
    output = _output_of_example(moved, tmp_path / "build")
    assert "fib(25) = 75025\n" in output


@needs_tools
@needs_wheel
def test_a_version_that_promises_something_else_is_refused(tmp_path: Path) -> None:
    major, minor, patch = (int(part) for part in stealscope.__version__.split("."))
    asked = [f"{major}.{minor + 1}", f"{major + 1}.0", f"{major}.{minor}.{patch + 1}"]
    script = tmp_path / "ask.cmake"
    script.write_text(
        f"set(CMAKE_PREFIX_PATH {PACKAGE.as_posix()!r})\n".replace("'", '"')
        + "".join(
            f"find_package(stealscope {version} CONFIG QUIET)\n"
            f'message(STATUS "{version}: ${{stealscope_FOUND}} ${{stealscope_CONSIDERED_VERSIONS}}")\n'
            for version in asked
        )
    )
    answers = re.findall(r"^-- (\S+): (\S+) (\S+)$", _run("cmake", "-P", script), re.MULTILINE)
    assert answers == [(version, "0", stealscope.__version__) for version in asked]


@needs_wheel
def test_an_installed_header_includes_only_what_is_installed_too() -> None:
    include = PACKAGE / "include"
    headers = {path.relative_to(include).as_posix(): path.read_text() for path in include.rglob("*.hpp")}
    assert "rt/runtime.hpp" in headers
    used = {name for text in headers.values() for name in re.findall(r'^#include "([^"]+)"', text, re.MULTILINE)}
    assert not used - headers.keys()


def test_the_page_on_the_c_plus_plus_package_explains_each_public_header_and_no_other() -> None:
    script = (ROOT / "cpp" / "cmake" / "public_headers.cmake").read_text()
    installed = re.search(r"set\(public_headers\s+([^)]+)\)", script)
    assert installed is not None
    page = (EXAMPLE / "README.md").read_text()
    assert sorted(re.findall(r"^\| `(rt/[\w/]+\.hpp)` \|", page, re.MULTILINE)) == sorted(installed[1].split())
