"""A ninja build folder becomes a graph with the durations of its log; the files are read without ninja itself."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from stealscope.ninja import parse_build_file, parse_deps, parse_log, read_build

_BUILD = """
# a comment
ninja_required_version = 1.5
dir = gen
rule CXX
  command = c++ $in -o $out
  depfile = $out.d
rule GEN
  command = touch $out
build $dir/config.h: GEN config.in
build order: phony $dir/config.h
build a.o: CXX a.cpp || order
  flags = -O2
build with$ space.o | side.txt: CXX b.cpp | $
    common.h || order
build app: CXX a.o with$ space.o |@ checked
build never: GEN nothing
build checked: GEN app
build all: phony app
default all
"""

_LOG = """# ninja log v5
0\t5\t0\tgen/config.h\t1
5\t2005\t0\ta.o\t2
5\t30\t0\twith space.o\t3
40\t41\t0\twith space.o\t3
2005\t2105\t0\tapp\t4
2105\t2106\t0\tchecked\t5
7\t9\t0\tgone.o\t6
2105\t21"""


def deps_bytes(paths: list[str], found: dict[int, list[int]], version: int = 4) -> bytes:
    data = b"# ninjadeps\n" + struct.pack("<i", version)
    for number, path in enumerate(paths):
        name = path.encode()
        name += b"\0" * (-len(name) % 4)
        data += struct.pack("<I", len(name) + 4) + name + struct.pack("<I", ~number & 0xFFFFFFFF)
    for output, inputs in found.items():
        stamp = [7, 0] if version == 4 else [7]
        words = [output, *stamp, *inputs]
        data += struct.pack("<I", len(words) * 4 | 1 << 31) + struct.pack(f"<{len(words)}I", *words)
    return data


@pytest.fixture
def build_dir(tmp_path: Path) -> Path:
    (tmp_path / "build.ninja").write_text(_BUILD)
    (tmp_path / ".ninja_log").write_text(_LOG)
    return tmp_path


def edges(path: Path) -> set[tuple[str, str]]:
    graph = read_build(path).graph
    return {(graph.name(i), graph.name(t)) for i in range(len(graph)) for t in graph.successors(i).tolist()}


def test_nodes_are_the_commands_that_ran_with_their_last_duration(build_dir: Path) -> None:
    graph = read_build(build_dir).graph
    costs = dict(zip(graph.names, graph.cost_ns.tolist(), strict=True))
    ms = 1_000_000
    assert costs == {"gen/config.h": 5 * ms, "a.o": 2000 * ms, "with space.o": ms, "app": 100 * ms, "checked": ms}


def test_edges_go_through_phony_targets_and_not_back_from_validations(build_dir: Path) -> None:
    assert edges(build_dir) == {
        ("gen/config.h", "a.o"),
        ("gen/config.h", "with space.o"),
        ("a.o", "app"),
        ("with space.o", "app"),
        ("app", "checked"),
    }


@pytest.mark.parametrize("version", [3, 4])
def test_headers_found_when_compiling_are_edges_too(build_dir: Path, version: int) -> None:
    (build_dir / "build.ninja").write_text(_BUILD.replace("a.cpp || order", "a.cpp"))
    assert ("gen/config.h", "a.o") not in edges(build_dir)
    data = deps_bytes(["a.o", "./gen/config.h", "/usr/include/x.h"], {0: [1, 2]}, version)
    (build_dir / ".ninja_deps").write_bytes(data)
    assert ("gen/config.h", "a.o") in edges(build_dir)
    assert read_build(build_dir).commands[1].headers == ("gen/config.h", "/usr/include/x.h")


def test_scale_applies_to_durations(build_dir: Path) -> None:
    assert read_build(build_dir, scale=1e-6).graph.cost_ns.max() == 2000


def test_included_files_see_variables_and_subninja_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text("v = out\ninclude one.ninja\nsubninja two.ninja\nbuild $v/last: R\n")
    (tmp_path / "one.ninja").write_text("rule R\n  command = x\nbuild ${v}/one: R\n")
    (tmp_path / "two.ninja").write_text("v = $v/sub\nbuild $v/two$$: R in$:put\n")
    commands = parse_build_file(tmp_path / "build.ninja")
    assert [c.outputs[0] for c in commands] == ["out/one", "out/sub/two$", "out/last"]
    assert commands[1].inputs == ("in:put",)


def test_a_folder_without_a_build_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no build\.ninja; give the folder"):
        read_build(tmp_path)
    (tmp_path / "build.ninja").write_text(_BUILD)
    with pytest.raises(FileNotFoundError, match=r"no \.ninja_log; build it first"):
        read_build(tmp_path)
    (tmp_path / ".ninja_log").write_text("# ninja log v5\n")
    with pytest.raises(ValueError, match=r"no command of .* is in \.ninja_log; build it first"):
        read_build(tmp_path)


def test_a_line_that_is_not_ninjas_is_named(build_dir: Path) -> None:
    (build_dir / "build.ninja").write_text("rule R\n  command = x\nwhat is this\n")
    with pytest.raises(ValueError, match=r"build\.ninja:3: 'what is this' is neither"):
        read_build(build_dir)


def test_a_file_that_includes_itself_is_refused_and_one_included_twice_is_not(tmp_path: Path) -> None:
    (tmp_path / "rules.ninja").write_text("a = 1\n")
    (tmp_path / "build.ninja").write_text("include rules.ninja\ninclude rules.ninja\n")
    assert parse_build_file(tmp_path / "build.ninja") == []
    (tmp_path / "rules.ninja").write_text("subninja ../" + tmp_path.name + "/build.ninja\n")
    with pytest.raises(ValueError, match=r"build\.ninja:1: .*rules\.ninja:1: .*build\.ninja includes itself"):
        parse_build_file(tmp_path / "build.ninja")


def test_a_cycle_of_phony_targets_is_named(build_dir: Path) -> None:
    (build_dir / "build.ninja").write_text(_BUILD + "build p: phony q\nbuild q: phony p\n")
    with pytest.raises(ValueError, match=r"cycle: (p -> q -> p|q -> p -> q)"):
        read_build(build_dir)


@pytest.mark.parametrize("text", ["", "no log", "# ninja log v2\n", "# ninja log v99\n"])
def test_an_unknown_log_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="need '# ninja log v4' to 'v7'"):
        parse_log(text)


def test_a_deps_log_that_was_cut_off_keeps_what_is_whole() -> None:
    whole = deps_bytes(["a.o", "a.h"], {0: [1]})
    assert parse_deps(whole) == {"a.o": ("a.h",)}
    assert parse_deps(whole[:-2]) == {}
    with pytest.raises(ValueError, match="need 3 or 4"):
        parse_deps(b"# ninjadeps\n\x09\0\0\0")
