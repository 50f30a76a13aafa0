"""The rules that the tidy tests check, as functions from text to findings.

Invariant: each rule is pure, so `test_rules_can_fail.py` can show it a bad sample. Read next: the tests beside this file.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

root = Path(__file__).resolve().parents[2]
_text_suffixes = {
    ".c", ".cfg", ".cmake", ".cpp", ".css", ".go", ".h", ".hpp", ".html", ".in", ".ini", ".ipynb", ".json", ".md", ".py",
    ".pyi", ".rs", ".sh", ".svg", ".toml", ".txt", ".yaml", ".yml", "",
}  # fmt: skip

# Folder of cpp/rt -> folders it may include. Files directly in cpp/rt that hold no scheduling (features, checks, version) may
# be included by all; the others are the public face and may include all.
may_include = {
    "env": set(),
    "policy": {"env"},
    "task": {"env", "policy"},
    "time": {"env", "task"},
    "observe": {"env", "task", "policy", "time"},
    "core": {"env", "policy", "task", "time", "observe"},
    "blocking": {"env", "task", "time", "observe"},
    "sync": {"env", "task", "time"},
    "workload": {"env", "task", "time", "policy", "sync", "blocking"},
    "drive": {"env", "policy", "task", "time", "observe", "core", "blocking", "sync", "workload"},
}
shared_files = {"rt/features.hpp", "rt/check.hpp", "rt/version.hpp", "rt/core/tuning.hpp"}
pure_folders = {"core", "task", "policy"}
forbidden_in_pure = re.compile(
    r"<(thread|condition_variable|chrono|iostream|random|future|semaphore|latch|barrier|stop_token|pthread\.h|time\.h|ctime)>"
    r"|Python\.h|pybind11/|unistd\.h"
)
_include = re.compile(r'^\s*#\s*include\s+([<"][^>"]+[>"])', re.MULTILINE)
_order = re.compile(r"[(,]\s*(?:std::memory_order_)?(relaxed|acquire|release|acq_rel|seq_cst)\s*(?=[,)])")


def tracked_files() -> list[Path]:
    """Files of the project as git sees them (new ones too), or all outside build folders where git cannot say."""
    try:
        command = ["git", "-c", f"safe.directory={root}", "ls-files", "-co", "--exclude-standard"]
        names = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()
        paths = [root / name for name in names]
    except (OSError, subprocess.CalledProcessError):
        outside = {".git", ".venv", "build", "dist"}
        paths = [path for path in root.rglob("*") if not outside & set(path.relative_to(root).parts)]
    return sorted(path for path in paths if path.is_file())


def sources(*folders: str, suffixes: tuple[str, ...]) -> list[Path]:
    """Tracked files below `folders` (relative to the root) whose names end in one of `suffixes`."""
    tops = [root / folder for folder in folders]
    return [p for p in tracked_files() if p.suffix in suffixes and any(p.is_relative_to(top) for top in tops)]


def text_files() -> list[Path]:
    """Tracked files that a person reads."""
    return [path for path in tracked_files() if path.suffix in _text_suffixes]


def line_of(text: str, position: int) -> int:
    """The 1-based line of a position in a text."""
    return text.count("\n", 0, position) + 1


def without_comments(text: str) -> str:
    """C++ with comments, strings and characters blanked; line numbers stay."""

    def blank(match: re.Match[str]) -> str:
        kept = re.sub(r"[^\n]", " ", match.group())
        return kept if match.group()[0] == "/" else '""' + kept[2:]

    pattern = r'//[^\n]*|/\*.*?\*/|R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\''
    return re.sub(pattern, blank, text, flags=re.DOTALL)


def wrong_includes(folder: str, text: str) -> list[str]:
    """Includes of a file in cpp/rt/<folder> that point up or sideways, or at what a pure folder may not know."""
    found = []
    for match in _include.finditer(text):
        name = match.group(1)
        where = f"line {line_of(text, match.start())}: {name}"
        if folder in pure_folders and forbidden_in_pure.search(name):
            found.append(f"{where} is never allowed in {folder}/ (ask Env, or return a verdict)")
        inner = name.strip('<>"')
        if not inner.startswith("rt/"):
            if folder != "bind" and inner.startswith("bind/"):
                found.append(f"{where}: only bind/ may include bind/")
            continue
        if inner in shared_files:
            continue
        target = inner.split("/")[1]
        if target.endswith(".hpp"):
            found.append(f"{where}: {folder}/ may not include the public face")
        elif target != folder and target not in may_include[folder]:
            found.append(f"{where}: {folder}/ may include {sorted(may_include[folder]) or 'nothing'} only")
    return found


def cpp_functions(text: str) -> Iterator[tuple[int, int, str]]:
    """First line, length and head of each outermost function body; rough, by braces."""
    code = re.sub(r"^\s*#.*$", "", without_comments(text), flags=re.MULTILINE)
    depth_of_function: int | None = None
    start, depth, head_start, head = 0, 0, 0, ""
    for position, character in enumerate(code):
        if character == "{":
            if depth_of_function is None:
                head = re.sub(r"\balignas\([^)]*\)", "", " ".join(code[head_start:position].split()))
                initialiser = position > 0 and (code[position - 1].isalnum() or code[position - 1] in "_>")
                container = re.search(r"\b(namespace|class|struct|enum|union|concept|extern)\b[^()]*$", head)
                if "(" in head and not initialiser and not container:
                    depth_of_function, start = depth, position
            depth += 1
            if depth_of_function is None:
                head_start = position + 1
        elif character == "}":
            depth -= 1
            if depth_of_function == depth:
                first = line_of(code, start)
                yield first, line_of(code, position) - first + 1, head[-100:]
                depth_of_function = None
            if depth_of_function is None:
                head_start = position + 1
        elif character == ";" and depth_of_function is None:
            head_start = position + 1


def python_functions(text: str) -> Iterator[tuple[int, int, str]]:
    """First line, length without the docstring, and name of each function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                length -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            yield node.lineno, length, node.name


def orders_without_comment(text: str, *, relaxed_is_plain: bool) -> list[int]:
    """Lines that name a memory order with no comment on the line or on the three above.

    Lines of one protocol step that follow each other share a comment. `relaxed_is_plain` exempts relaxed counters.
    """
    code, raw = without_comments(text).splitlines(), text.splitlines()
    covered: set[int] = set()
    found = []
    for number, line in enumerate(code):
        orders = set(_order.findall(line))
        if relaxed_is_plain:
            orders.discard("relaxed")
        if not orders:
            continue
        near = range(max(0, number - 3), number + 1)
        if any("//" in raw[other] for other in near) or any(other in covered for other in near):
            covered.add(number)
        else:
            found.append(number + 1)
    return found


# Spelled in pieces, so that this file does not find itself.
_machine_path = re.compile(
    r"(?<![\w.}/)*~-])/(?:" + "|".join(["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers", "tm" + "p"]) + r")/"
)
_registry_hosts = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "crates" + ".io",
    "deb." + "debian.org",
    "security." + "debian.org",
    "npm" + "js.org",
    "proxy." + "golang.org",
    "repo1." + "maven",
    "repo.maven." + "apache.org",
]
_registry_host = re.compile("|".join(re.escape(host) for host in _registry_hosts))
_unfinished = re.compile(
    "|".join([r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bX" + r"XX\b", r"\bT" + r"BD\b", "(?i:place" + "holder)"])
    + "|(?i:coming "
    + "soon)|(?i:not yet "
    + "implemented)|(?i:un"
    + r"implemented\b)|(?i:plucked from "
    + "thin air)"
)
_absolute = re.compile(r"(?:^|[\s\"'=:,(]|-[IL])/[\w.+-]+(?:/|$)")


def machine_traces(text: str) -> list[str]:
    """Paths of someone's machine and hosts of package registries."""
    return [f"line {line_of(text, m.start())}: {m.group()}" for p in (_machine_path, _registry_host) for m in p.finditer(text)]


def unfinished_words(text: str) -> list[str]:
    """Words that say the work is not done."""
    return [f"line {line_of(text, match.start())}: {match.group()}" for match in _unfinished.finditer(text)]


def absolute_paths(value: object) -> Iterator[str]:
    """Strings anywhere in decoded JSON that hold an absolute path."""
    if isinstance(value, str):
        if _absolute.search(value):
            yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from absolute_paths(key)
            yield from absolute_paths(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from absolute_paths(inner)


def public_names(text: str) -> list[str]:
    """What a module's literal `__all__` lists; empty when it has none."""
    for node in ast.parse(text).body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets) and node.value is not None:
            return [name for name in ast.literal_eval(node.value) if isinstance(name, str)]
    return []


def notebook_headings(text: str) -> list[str]:
    """The second-level headings of a notebook's text cells; empty without exactly one title."""
    cells = re.split(r"^# %%", text, flags=re.MULTILINE)
    lines = [line for cell in cells if cell.startswith(" [markdown]") for line in cell.splitlines()]
    if sum(line.startswith("# # ") for line in lines) != 1:
        return []
    return [line.removeprefix("# ## ") for line in lines if line.startswith("# ## ")]


def names_without_docstring(text: str) -> list[str]:
    """Public classes and functions that the module defines itself and says nothing about; their public methods too."""
    tree, public = ast.parse(text), set(public_names(text))
    found = []
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name not in public:
            continue
        if ast.get_docstring(node) is None:
            found.append(node.name)
        if isinstance(node, ast.ClassDef):
            methods = [inner for inner in node.body if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)]
            found += [
                f"{node.name}.{method.name}"
                for method in methods
                if not method.name.startswith("_")
                and ast.get_docstring(method) is None
                and not any(isinstance(d, ast.Attribute) and d.attr == "setter" for d in method.decorator_list)
                and not any(isinstance(d, ast.Name) and d.id in {"overload", "override"} for d in method.decorator_list)
            ]
    return found
