"""The script that looks at a release finds what is missing in it and what does not belong there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "check_wheel.py"
METADATA = "Metadata-Version: 2.2\nRequires-Dist: numpy>=1.26\nRequires-Dist: dask>=2024.1; extra == 'dask'\n"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_wheel", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _wheel(script: ModuleType) -> list[str]:
    built = ["stealscope/_core.cpython-311-x86_64-linux-gnu.so", "stealscope/lib/libstealscope_rt.a"]
    return sorted(script._wheel_needs) + built + ["stealscope-0.1.0.dist-info/METADATA"]


def test_a_whole_sdist_and_a_whole_wheel_pass(script: ModuleType) -> None:
    assert script.wrong_in_sdist(dict.fromkeys(script._sdist_needs, 100), 10_000) == []
    assert script.wrong_in_wheel(_wheel(script), METADATA, 10_000) == []


@pytest.mark.parametrize(
    ("name", "size", "finding"),
    [
        ("python/stealscope/_core.cpython-311-x86_64-linux-gnu.so", 100, "has been built"),
        ("build/wheel/CMakeCache.txt", 100, "has been built"),
        ("notebooks/recording.json", 300_001, "300001 bytes"),
    ],
)
def test_what_does_not_belong_into_an_sdist_is_named(script: ModuleType, name: str, size: int, finding: str) -> None:
    (found,) = script.wrong_in_sdist(dict.fromkeys(script._sdist_needs, 100) | {name: size}, 10_000)
    assert name in found
    assert finding in found


def test_what_is_missing_in_an_sdist_is_named(script: ModuleType) -> None:
    sizes = dict.fromkeys(script._sdist_needs - {"LICENSE"}, 100)
    assert script.wrong_in_sdist(sizes, 10_000) == ["LICENSE is missing"]


@pytest.mark.parametrize("name", ["stealscope/py.typed", "stealscope/_core.cpython-311-x86_64-linux-gnu.so"])
def test_what_is_missing_in_a_wheel_is_named(script: ModuleType, name: str) -> None:
    names = [other for other in _wheel(script) if other != name]
    assert len(script.wrong_in_wheel(names, METADATA, 10_000)) == 1


def test_a_file_beside_the_package_and_a_dependency_besides_numpy_are_named(script: ModuleType) -> None:
    found = script.wrong_in_wheel([*_wheel(script), "tests/conftest.py"], METADATA + "Requires-Dist: rich>=13\n", 10_000)
    assert found == [
        "tests/conftest.py is outside the package",
        "it depends on ['numpy>=1.26', 'rich>=13']; NumPy alone is allowed",
    ]
