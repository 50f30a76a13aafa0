"""How does a report look as a page of its own? Summary, figures, workers, metrics, manifest, and the line that runs it again.

Invariant: the file needs nothing else: no script, no network; figures are pictures in it, and whatever a user named is escaped. Read
next: `report.py`, `_report_figures.py`.
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _html
from .errors import MissingExtra, import_extra

if TYPE_CHECKING:
    from .report import Report

__all__ = ["write_page"]

_MOST_SVG = 400_000  # bytes; what is larger becomes a PNG
_DPI = 150

_STYLE = """
:root { color-scheme: light dark; --line: #d0d4d9; --soft: #5b6570; --card: #f5f6f8; }
@media (prefers-color-scheme: dark) { :root { --line: #3a4149; --soft: #a7b0ba; --card: #1d2126; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
figure { margin: 0 0 1.2rem; background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: .5rem; }
figcaption { color: #333; padding: .1rem .4rem .4rem; } figure img { display: block; width: 100%; height: auto; }
pre { background: var(--card); border-radius: 6px; padding: .7rem; overflow-x: auto; font-size: .85rem; }
summary { cursor: pointer; }
"""


def write_page(report: Report, path: str | os.PathLike[str]) -> None:
    """What `Report.to_html` does."""
    title = _html.escaped(report.workload)
    head = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
    )
    body = "\n".join(_sections(report))
    Path(path).write_text(f"{head}<body><h1>{title}</h1>\n{body}\n</body></html>\n", encoding="utf-8")


def _sections(report: Report) -> Iterator[str]:
    yield _html.pairs(report._summary())
    if figures := list(_figures(report)):
        yield "<h2>What happened</h2>"
        yield from figures
    if report._worker_rows():
        yield "<h2>Workers</h2>"
        yield report._workers_html()
    if report.replay_line:
        yield f"<h2>Run it again</h2>{_html.preformatted(report.replay_line)}"
    values = report.to_dict()
    yield "<h2>Everything</h2>"
    for name in ("metrics", "manifest"):
        yield _details(name, values.pop(name))
    yield _details("all other fields", {key: value for key, value in values.items() if key not in ("sojourns", "choices")})


def _figures(report: Report) -> Iterator[str]:
    if report.timeline is None:
        return
    calls: dict[str, Callable[..., Any]] = {
        "Each worker over time, and who stole from whom": report.plot_timeline,
        "What the workers did": report.plot_utilization,
        "Ready tasks in the queues": report.plot_queue_depths,
        "How long polls took": report.plot_poll_times,
        "How long tasks were ready before they were polled": report.plot_latencies,
        "Who stole from whom": report.plot_steals,
    }
    try:
        figures, style = import_extra("matplotlib.figure", "plot"), import_extra("matplotlib.style", "plot")
    except MissingExtra as error:
        yield _html.paragraph(str(error))
        return
    for text, draw in calls.items():
        try:
            with style.context("default"):  # the page is made for it, whatever the user's own style is
                drawn = figures.Figure(figsize=(9, 6.2 if draw == report.plot_steals else 4.2), layout="constrained")
                draw(ax=drawn.subplots())
                picture = _picture(drawn)
        except ValueError as error:  # such as: the timeline holds no whole poll
            yield _html.paragraph(f"{text}: {error}")
            continue
        yield f'<figure><figcaption>{text}</figcaption><img alt="{text}" src="{picture}"></figure>'


def _picture(figure: Any) -> str:
    """As an address that holds the picture itself."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, facecolor="white")
    kind = "svg+xml"
    if buffer.tell() > _MOST_SVG:
        buffer, kind = io.BytesIO(), "png"
        figure.savefig(buffer, format="png", dpi=_DPI, facecolor="white")
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _details(name: str, value: Any) -> str:
    return _html.section(name, _html.preformatted(json.dumps(value, indent=1, default=str)))
