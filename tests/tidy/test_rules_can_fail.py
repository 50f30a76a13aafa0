"""Can each tidy rule fail? Shows every one of them a bad sample, and a good one beside it."""

from __future__ import annotations

import pytest
from tidy import rules


@pytest.mark.parametrize(
    ("folder", "line", "wrong"),
    [
        ("core", '#include "rt/drive/threads.hpp"', True),
        ("core", "#include <thread>", True),
        ("task", "#include <chrono>", True),
        ("policy", "#include <Python.h>", True),
        ("env", '#include "rt/task/state.hpp"', True),
        ("core", '#include "rt/runtime.hpp"', True),
        ("core", '#include "rt/env/environment.hpp"', False),
        ("policy", '#include "rt/core/tuning.hpp"', False),
        ("env", "#include <thread>", False),
        ("drive", '#include "rt/core/worker.hpp"', False),
    ],
)
def test_an_include_is_judged_by_its_layer(folder: str, line: str, wrong: bool) -> None:
    assert bool(rules.wrong_includes(folder, f"// head\n{line}\n")) == wrong


def test_a_cpp_function_is_measured_by_its_own_braces() -> None:
    body = "\n".join(f"  step({n});" for n in range(80))
    text = f"namespace rt {{\nclass A {{\n  A(int x) : x_{{x}}, y_{{1}} {{}}\n}};\nint f(int a) noexcept {{\n{body}\n}}\n}}\n"
    assert [(line, length) for line, length, _ in rules.cpp_functions(text) if length > 70] == [(5, 82)]


def test_braces_in_strings_and_comments_do_not_count() -> None:
    text = "int f() {\n  // }\n  g(\"}{\", '}');\n  return 1'000;\n}\nint h() { return 2; }\n"
    assert [(line, length) for line, length, _ in rules.cpp_functions(text)] == [(1, 5), (6, 1)]


def test_a_python_functions_docstring_does_not_count() -> None:
    text = 'def f():\n    """One.\n\n    Two.\n    """\n    return 1\n'
    assert list(rules.python_functions(text)) == [(1, 2, "f")]


def test_a_memory_order_needs_a_comment_near_it() -> None:
    bare = "int f() {\n\n\n\n  return a_.load(acquire);\n}\n"
    assert rules.orders_without_comment(bare, relaxed_is_plain=False) == [5]
    assert rules.orders_without_comment(bare.replace("\n\n  ret", "\n  // pairs\n  ret"), relaxed_is_plain=False) == []
    assert rules.orders_without_comment("\n\n\n\nn_.store(1, relaxed);\n", relaxed_is_plain=True) == []


def test_a_machines_path_and_a_registrys_host_are_found() -> None:
    assert rules.machine_traces("see /" + "home/ann/notes") != []
    assert rules.machine_traces("from https://py" + "pi.org/simple") != []
    assert rules.machine_traces("tests/" + "work/x and ../" + "tmp/y, #!/usr/bin/env bash") == []


def test_words_of_unfinished_work_are_found() -> None:
    assert rules.unfinished_words("x = 1  # TO" + "DO later") != []
    assert rules.unfinished_words("a method, today's work") == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("/usr/include/stdio.h", True),
        ("-I/opt/x/include", True),
        ("-DROOT=/opt/x", True),
        ("cpp/rt/version.cpp", False),
        ("https://wfcommons.org/schema", False),
        ("1/2", False),
    ],
)
def test_an_absolute_path_is_found_anywhere_in_json(value: str, found: bool) -> None:
    assert bool(list(rules.absolute_paths({"tasks": [{"command": value}]}))) == found


def test_a_public_name_without_a_docstring_is_found() -> None:
    text = '__all__ = ["A", "f"]\nclass A:\n    """A."""\n    def g(self): ...\n    def _h(self): ...\ndef f(): ...\n'
    assert rules.names_without_docstring(text) == ["A.g", "f"]


def test_the_headings_of_a_notebook_are_those_of_its_text_cells() -> None:
    text = "# %% [markdown]\n# # Title\n# ## The question\n\n# %%\n# ## The answer\nx = 1\n"
    assert rules.notebook_headings(text) == ["The question"]
    assert rules.notebook_headings(text.replace("# # Title\n", "")) == []
