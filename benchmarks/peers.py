"""Which peers are there, in which table, and how is each built and started?

Invariant: every peer is a command that takes the same options and prints the same JSON line (README.md, "How to add a
peer"). Nothing here runs anything but the questions for versions. Read next: process.py, then run.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HERE", "TABLES", "Peer", "Table", "first_line"]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Peer:
    """A program that runs the workloads.

    ``source`` is its file in each workload's folder, ``tools`` must be on the PATH, ``commands`` build it in a given
    directory, ``program`` says where the result is in there, ``versions`` names what is recorded of it once it is built.
    ``probe`` is a command that fails where the machine lacks ``needs``.
    """

    name: str
    source: str
    program: Callable[[Path], list[str]] = lambda _: []
    commands: Callable[[Path], list[list[str]]] = lambda _: []
    versions: Callable[[], dict[str, str]] = dict
    tools: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()
    needs: str = ""
    missing: str = ""  # why nobody can run it yet, here or elsewhere


@dataclass(frozen=True)
class Table:
    """Peers that run the same workloads; the first is ours. The ratio that counts is to the fastest of ``against``."""

    peers: tuple[Peer, ...]
    against: tuple[str, ...]

    @property
    def rivals(self) -> tuple[Peer, ...]:
        return self.peers[1:]


def first_line(*command: str) -> str:
    """What a command says first, or that it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "not found"
    return (done.stdout.splitlines() or ["unknown"])[0]


def _rust(name: str, package: str, *features: str, records: tuple[str, ...]) -> Peer:
    """The program of the folder ``package``; ``records`` are the crates whose locked versions matter."""
    folder = HERE / package

    def versions() -> dict[str, str]:
        lines = (folder / "Cargo.lock").read_text("utf-8").splitlines()
        locked = {crate: lines[lines.index(f'name = "{crate}"') + 1].split('"')[1] for crate in records}
        return {"rustc": first_line("rustc", "--version"), **locked}

    def commands(directory: Path) -> list[list[str]]:
        where = ["--manifest-path", str(folder / "Cargo.toml"), "--target-dir", str(directory)]
        return [["cargo", "build", "--release", "--quiet", *where, *features]]

    return Peer(
        name=name,
        source=f"{package}.rs",
        tools=("cargo", "rustc"),
        commands=commands,
        program=lambda directory: [str(directory / "release" / f"{package}_bench")],
        versions=versions,
    )


# Optimised across translation units, as Tokio is with its fat LTO; metrics stay on, as users have them.
_OURS_OPTIONS = ("-DCMAKE_BUILD_TYPE=Release", "-DBUILD_BENCHMARKS=ON", "-DIPO=ON")


def _ours_commands(directory: Path) -> list[list[str]]:
    return [
        ["cmake", "-S", str(HERE.parent), "-B", str(directory), *_OURS_OPTIONS],
        ["cmake", "--build", str(directory), "--target", "ours_bench", "--parallel", "2"],
    ]


def _go_commands(directory: Path) -> list[list[str]]:
    """Go wants a program's files in one folder, alone: an overlay shows it each workload's go.go as one of them."""
    files = {str(HERE / "go" / f"{file.parent.name}.go"): str(file) for file in HERE.glob("workloads/*/go.go")}
    overlay = directory / "overlay.json"
    overlay.write_text(json.dumps({"Replace": files}), "utf-8")
    return [["go", "build", "-C", str(HERE / "go"), "-overlay", str(overlay), "-o", str(directory / "go_bench")]]


def _tbb_commands(directory: Path) -> list[list[str]]:
    sources = [str(HERE / "tbb" / "main.cpp"), *map(str, sorted(HERE.glob("workloads/*/tbb.cpp")))]
    where = [f"-I{HERE / 'shared'}", f"-I{HERE / 'tbb'}", "-o", str(directory / "tbb_bench")]
    return [["c++", "-std=c++20", "-O3", "-DNDEBUG", "-flto=auto", *where, *sources, "-ltbb"]]


def _python(name: str, source: str, package: str = "") -> Peer:
    """A peer of python/main.py; ``package`` is ``name==version``, installed for this peer alone."""
    name_of, _, version = package.partition("==")

    def commands(directory: Path) -> list[list[str]]:
        if (directory / f"{name_of}-{version}.dist-info").exists() or not package:
            return []
        quiet = ["--quiet", "--disable-pip-version-check", "--upgrade"]
        return [[sys.executable, "-m", "pip", "install", *quiet, "--target", str(directory), package]]

    def program(directory: Path) -> list[str]:
        before = os.environ.get("PYTHONPATH", "")
        path = ["env", f"PYTHONPATH={directory}{os.pathsep}{before}"] if package else []
        return [*path, sys.executable, str(HERE / "python" / "main.py"), "--peer", name]

    return Peer(
        name=name,
        source=source,
        commands=commands,
        program=program,
        probe=(sys.executable, "-c", "import stealscope") if name.startswith("ours") else (),
        needs="the package stealscope in this Python (`make bench` installs it)",
        versions=lambda: {name_of: version} if package else {},
    )


TABLES: dict[str, Table] = {
    "native": Table(
        peers=(
            Peer(
                name="ours",
                source="ours.cpp",
                tools=("cmake", "c++"),
                commands=_ours_commands,
                program=lambda directory: [str(directory / "benchmarks" / "ours_bench")],
                versions=lambda: {tool: first_line(tool, "--version") for tool in ("c++", "cmake")},
            ),
            _rust("tokio-system", "tokio", records=("tokio",)),
            _rust("tokio-mimalloc", "tokio", "--features", "mimalloc", records=("tokio", "mimalloc")),
            _rust("rayon", "rayon", records=("rayon",)),
            Peer(
                name="go",
                source="go.go",
                tools=("go",),
                commands=_go_commands,
                program=lambda directory: [str(directory / "go_bench")],
                versions=lambda: {"go": first_line("go", "version")},
            ),
            Peer(
                name="tbb",
                source="tbb.cpp",
                tools=("c++",),
                probe=("c++", "-std=c++20", "-fsyntax-only", "-x", "c++", "-include", "tbb/task_group.h", "/dev/null"),
                needs="oneTBB (Debian: libtbb-dev)",
                commands=_tbb_commands,
                program=lambda directory: [str(directory / "tbb_bench")],
                versions=lambda: {"tbb": first_line("pkg-config", "--modversion", "tbb")},
            ),
            Peer(
                name="taskflow",
                source="taskflow.cpp",
                missing="no package in Debian 12 or on PyPI, so no program here",
            ),
        ),
        against=("tokio-system", "tokio-mimalloc"),
    ),
    "python": Table(
        peers=(
            _python("ours", "ours.py"),
            _python("ours-executor", "executor.py"),
            _python("threads", "executor.py"),
            _python("asyncio", "event_loop.py"),
            _python("uvloop", "event_loop.py", "uvloop==0.23.0"),
            _python("trio", "trio.py", "trio==0.35.0"),
            _python("joblib", "joblib.py", "joblib==1.6.0"),
            _python("dask", "dask.py", "dask==2026.8.0"),
        ),
        against=("threads", "asyncio", "uvloop", "trio", "joblib", "dask"),
    ),
}
