"""Which pages does the site have that are no file of docs/? The home page, the notebooks, the reference, the metrics.

A hook of MkDocs (mkdocs.yml). Invariant: each page is made from the one place where its text lives: README.md, an executed notebook in
build/notebooks, a docstring, ``ss.METRICS``, a table of cpp/README.md. Read next: docs.sh, notebooks.py.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import stealscope as ss
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter
from stealscope import testing

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "build" / "notebooks"
ELSEWHERE = {
    "METRICS": "handle",
    "JoinHandle": "join_handle",
    "Cancelled": "errors",
    "CancelledError": "errors",
    "Workload": "workloads",
    "from_asyncio": "inside",
}
"""Public names that are defined in a private module, or not here."""
GUIDES = (
    "notebooks.md",
    "figures.md",
    "waiting.md",
    "terminal.md",
    "what_if.md",
    "research.md",
    "executor.md",
    "integrations.md",
    "compared.md",
    "testing.md",
    "known-bugs.md",
    "faults.md",
    "nanoseconds.md",
)

WIDE = ("compared.md", "faults.md", "known-bugs.md")
"""Pages whose tables need the room that the list of headings takes."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The order of the pages."""
    known = {path.name for path in (ROOT / "docs").glob("*.md")} - {"glossary.md"}
    guides = [*GUIDES, *sorted(known - set(GUIDES))]
    config.nav = [
        {"Home": "index.md"},
        {"Notebooks": ["notebooks/index.md", *(f"notebooks/{path.stem}.md" for path in executed())]},
        {"Guides": guides},
        {"Reference": ["api/index.md", *(f"api/{name}.md" for name in reference()), "metrics.md", "glossary.md"]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made."""
    pages: dict[str, str | bytes] = {"index.md": (ROOT / "README.md").read_text(encoding="utf-8"), "metrics.md": metrics_page()}
    pages |= {f"api/{name}.md": page for name, page in reference().items()} | {"api/index.md": api_index()}
    pages |= notebook_pages()
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns the names of pages into links, and completes the glossary."""
    if page.file.src_uri in WIDE:
        page.meta["hide"] = ["toc"]
    if page.file.src_uri == "glossary.md":
        words = (ROOT / "cpp" / "README.md").read_text(encoding="utf-8").split("## Glossary\n")[1].split("\n## ")[0]
        markdown += f"\n## In the scheduler's sources\n{words}"
    if page.file.src_uri == "index.md":
        markdown = markdown.replace("](docs/", "](")
    up = "../" * page.file.src_uri.count("/")
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if part.startswith("```") else linked(part, up, files) for part in parts)


def linked(text: str, up: str, files: Files) -> str:
    """`docs/x.md` and `notebooks/x.py` become links where there is such a page; links out of docs/ become plain text."""

    def link(found: re.Match[str]) -> str:
        folder, stem = found.groups()
        target = f"{stem}.md" if folder == "docs" else f"notebooks/{stem}.md"
        return f"[{found.group()}]({up}{target})" if files.get_file_from_path(target) else found.group()

    text = re.sub(r"\[([^\]]*)\]\(\.\./[^)]*\)", r"\1", text)
    return re.sub(r"(?<!\[)`(docs|notebooks)/([\w-]+)\.(?:md|py)`(?!\])", link, text)


# ---- notebooks ----


def executed() -> list[Path]:
    """What `make notebooks` has written."""
    found = sorted(NOTEBOOKS.glob("*.ipynb"))
    if len(found) != len(list((ROOT / "notebooks").glob("*.py"))):
        raise PluginError(f"{NOTEBOOKS.relative_to(ROOT)} lacks notebooks; run scripts/notebooks.sh")
    return found


def notebook_pages() -> dict[str, str | bytes]:
    """Each notebook as a page with its figures, and the gallery of all."""
    pages: dict[str, str | bytes] = {}
    cards = []
    for path in executed():
        notebook = nbformat.read(path, as_version=4)
        body, resources = MarkdownExporter().from_notebook_node(
            notebook, {"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
        )
        pages[f"notebooks/{path.stem}.md"] = with_outputs_marked(body)
        pages |= {f"notebooks/{name}": content for name, content in resources["outputs"].items()}
        picture = next(name for name in resources["outputs"] if name.endswith(".png"))
        title = re.findall(r"^# (.+)$", body, re.MULTILINE)[0]
        question = re.findall(r"^## The question\n+(.+?)\n\n", body, re.DOTALL | re.MULTILINE)[0]
        cards.append(
            f"-   [![{title}]({picture})]({path.stem}.md)\n\n    **[{title}]({path.stem}.md)**\n\n    {' '.join(question.split())}\n"
        )
    cards_text = "\n".join(cards)
    pages["notebooks/index.md"] = (
        "# Notebooks\n\nA question, an experiment, a figure, an answer. The sources are in `notebooks/`; `make notebooks` runs them.\n\n"
        f'<div class="grid cards" markdown>\n\n{cards_text}\n</div>\n'
    )
    return pages


def with_outputs_marked(body: str) -> str:
    """What a cell has printed is an indented block: it becomes one that site.css knows as output."""

    def fenced(found: re.Match[str]) -> str:
        return f"``` {{ .text .output }}\n{textwrap.dedent(found.group()).strip(chr(10))}\n```\n"

    parts = re.split(r"(^```.*?^```$)", body, flags=re.DOTALL | re.MULTILINE)
    printed = r"^    \S?.*\n(?:(?:    .*)?\n)*"
    return "".join(part if part.startswith("```") else re.sub(printed, fenced, part, flags=re.MULTILINE) for part in parts)


# ---- reference ----


def reference() -> dict[str, str]:
    """A page for each module that defines public names of the package, or is one."""
    names: dict[str, list[str]] = {}
    for name in ss.__all__:
        item = getattr(ss, name)
        if isinstance(item, ModuleType):
            names[name] = public(item)
        else:
            names.setdefault(module_of(name, item), []).append(name)
    names["testing"] = public(testing)
    return {module: api_page(module, members) for module, members in sorted(names.items())}


def public(module: ModuleType) -> list[str]:
    """What a module offers, but for names that stand for types."""
    return [name for name in module.__all__ if inspect.isclass(item := getattr(module, name)) or callable(item)]


def module_of(name: str, item: Any) -> str:
    """The module of this package on whose page a public name stands."""
    home = getattr(item, "__module__", None) or ""
    if home.startswith("stealscope.") and not home.startswith("stealscope._"):
        return str(home.split(".")[1])
    return ELSEWHERE[name]


def api_page(module: str, members: list[str]) -> str:
    """What the module is for, and what mkdocstrings is to fill in."""
    if module == "join_handle":
        return join_handle_page()
    home = import_module(f"stealscope.{module}")
    shown = []
    for name in members:
        item = getattr(home, name) if hasattr(home, name) else getattr(ss, name)
        place = getattr(item, "__module__", None) or ""
        if inspect.isclass(item) and not place.startswith("stealscope."):
            shown.append(f"## {name}\n\n`{place}.{item.__qualname__}`: {inspect.getdoc(item)}\n")
        else:
            shown.append(f"::: {place if place.startswith('stealscope.') else home.__name__}.{name}\n")
    about = (inspect.getdoc(home) or "").split("\n\n")[0]
    return f"# {module}\n\n{about}\n\n" + "\n".join(shown)


def join_handle_page() -> str:
    """The handle is a class of the extension module; its docstrings are there, and no source to read them from."""

    def shown(name: str, text: str) -> str:
        if not text.startswith(f"{name}(self"):
            return f"## {name}\n\n{text}\n"
        first, *rest = text.split("\n\n")
        call = re.sub(r"\(self: [\w.]+(?:, )?", "(", first)
        return f"## {name}\n\n```python\n{call}\n```\n\n{(chr(10) * 2).join(rest)}\n"

    members = [
        shown(name, text)
        for name, item in vars(ss.JoinHandle).items()
        if not name.startswith("_") and (text := inspect.getdoc(item))
    ]
    return f"# JoinHandle\n\n{inspect.getdoc(ss.JoinHandle)}\n\n" + "\n".join(members)


def api_index() -> str:
    """Every public name with its first sentence."""
    rows = []
    for name in ss.__all__:
        item = getattr(ss, name)
        is_module = isinstance(item, ModuleType)
        page = name if is_module else module_of(name, item)
        about = "every metric by name" if name == "METRICS" else (inspect.getdoc(item) or "").split("\n\n")[0]
        rows.append(f"| [`{name}`]({page}.md) | {' '.join(about.split()).replace('|', chr(92) + '|')} |")
    rows.append(f"| [`testing`](testing.md) | {' '.join((inspect.getdoc(testing) or '').split(chr(10) * 2)[0].split())} |")
    return "# Public names\n\nAll are names of `stealscope`.\n\n| name | what it is |\n|---|---|\n" + "\n".join(rows) + "\n"


def metrics_page() -> str:
    """The table of all metrics."""
    rows = [f"| `{name}` | {m['unit']} | {m['kind']} | {m['scope']} | {m['meaning']} |" for name, m in ss.METRICS.items()]
    head = "# Metrics\n\n`rt.handle.metrics()` has them all by these names; `ss.METRICS[name]` is the same as this table.\n\n"
    return head + "| name | unit | kind | of | meaning |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
