"""What did a run of run.py find, on one page? Turns its JSON into plain HTML with inline SVG bars; no dependencies.

Invariant: the page shows nothing that is not in the JSON, and every string from it is escaped. Read next: run.py.
"""

from __future__ import annotations

import argparse
import html
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["main", "render"]

# The bars are drawn on a logarithmic axis from 1/8 to 32 times: a ratio of 2 is as far from 1 as a ratio of 1/2.
_LEAST, _MOST = 0.125, 32.0
_WIDTH = 480
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 90rem; margin: 2rem auto; padding: 0 1rem; }
body { color: #222; background: #fff }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
.best { font-weight: 600 } .bad { color: #a30000 } .muted { color: #666 } svg { display: block }
"""


def _x(ratio: float) -> float:
    clipped = min(max(ratio, _LEAST), _MOST)
    return _WIDTH * math.log(clipped / _LEAST) / math.log(_MOST / _LEAST)


def bar(ratio: Mapping[str, Any]) -> str:
    """One ratio as a bar that grows from 1, with its interval as a line across its end."""
    start, end = sorted((_x(1.0), _x(ratio["median"])))
    colour = "#2a7f62" if ratio["median"] >= 1.0 else "#b5432f"
    parts = [f'<rect x="{start:.1f}" y="4" width="{end - start:.1f}" height="12" fill="{colour}"/>']
    if ratio["low"] is not None:
        low, high = _x(ratio["low"]), _x(ratio["high"])
        parts.append(f'<path d="M{low:.1f} 10H{high:.1f}M{low:.1f} 6V14M{high:.1f} 6V14" stroke="#222" fill="none"/>')
    parts.append(f'<path d="M{_x(1.0):.1f} 0V20" stroke="#666"/>')
    label = f"{ratio['median']:.2f} times"
    return f'<svg width="{_WIDTH}" height="20" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _spread(ratio: Mapping[str, Any]) -> str:
    return "too few rounds" if ratio["low"] is None else f"{ratio['low']:.2f} – {ratio['high']:.2f}"


def ratio_table(results: Sequence[Mapping[str, Any]]) -> str:
    """The headline: for each workload and worker count, how we stand next to the peer that counts."""
    rows = []
    for result in results:
        name = html.escape(result["workload"])
        best = result["headline"]
        ratio = result["peers"][best]["ratio"] if best else None
        if ratio:
            numbers = f"<td>{ratio['median']:.2f}×</td><td>{_spread(ratio)}</td>"
            cells = f"<td>{html.escape(best)}</td>{numbers}<td>{bar(ratio)}</td>"
        else:
            cells = f'<td>{html.escape(best or "none")}</td><td colspan="3" class="bad">no ratio</td>'
        work = html.escape(result["work"])
        rows.append(f'<tr><td title="{work}">{name}</td><td>{result["workers"]}</td>{cells}</tr>')
    heads = ("workload", "workers", "the peer that counts", "ratio", "95 % interval", "1/8 … 1 … 32×")
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _cell(peer: Mapping[str, Any], best: bool) -> str:
    if peer["reason"]:
        kind = "bad" if peer["reason"].startswith("failed") else "muted"
        return f'<td class="{kind}">{html.escape(peer["reason"])}</td>'
    if peer["median_ns"] is None:
        return '<td class="bad">not measured</td>'
    ratio = peer["ratio"]
    against = f'{ratio["median"]:.2f}× <span class="muted">{_spread(ratio)}</span><br>' if ratio else ""
    kind = ' class="best"' if best else ""
    memory = f'<span class="muted">{peer["peak_kib"] / 1024:.1f} MiB</span>'
    return f"<td{kind}>{against}{peer['median_ns']:.1f} ns<br>{memory}</td>"


def time_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Every peer of one table: ratio, time of one operation and peak memory, or why there is none."""
    names = list(results[0]["peers"]) if results else []
    rows = []
    for result in results:
        cells = "".join(_cell(result["peers"][name], name == result["headline"]) for name in names)
        operation = html.escape(result["operation"])
        name = html.escape(result["workload"])
        rows.append(f"<tr><td>{name}</td><td>{operation}</td><td>{result['workers']}</td>{cells}</tr>")
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    return f"<table><tr><th>workload</th><th>operation</th><th>workers</th>{heads}</tr>{''.join(rows)}</table>"


_TITLES = {"native": "Ours in C++ beside native peers", "python": "Ours from Python beside Python peers"}


def section(table: str, results: Sequence[Mapping[str, Any]]) -> str:
    """All about the peers of one table: how we stand next to the one that counts, then everyone."""
    return f"<h2>{_TITLES[table]}</h2>{ratio_table(results)}<h3>Every peer</h3>{time_table(results)}"


def machine_table(document: Mapping[str, Any]) -> str:
    """Where the numbers come from; they mean nothing elsewhere."""
    facts = dict(document["machine"])
    facts.update({f"version: {name}": line for name, line in facts.pop("versions").items()})
    facts["load average before, after"] = " → ".join(f"{document['load'][when][0]:.2f}" for when in ("before", "after"))
    facts["rounds"] = document["rounds"]
    facts["finished"] = document["finished"]
    rows = "".join(f"<tr><td>{html.escape(str(k))}</td><td>{html.escape(str(v))}</td></tr>" for k, v in facts.items())
    return f"<table>{rows}</table>"


def render(document: Mapping[str, Any]) -> str:
    """The whole page."""
    tables: dict[str, list[Mapping[str, Any]]] = {}
    for result in document["results"]:
        tables.setdefault(result["table"], []).append(result)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Benchmarks</title>'
        f"<style>{_STYLE}</style><h1>Benchmarks</h1>"
        "<p>Ratio: the peer's time over ours, median over alternating pairs of one run. Above 1 we are faster. "
        "Natively the faster Tokio counts, from Python the fastest peer.</p>"
        f"{''.join(section(table, results) for table, results in tables.items())}"
        f"<h2>Machine</h2>{machine_table(document)}</html>\n"
    )


def main(arguments: Sequence[str]) -> int:
    """Reads the JSON, writes the page beside it unless told where."""
    parser = argparse.ArgumentParser(description="Renders the JSON of run.py as one HTML page.")
    here = Path(__file__).resolve().parent
    parser.add_argument("json", type=Path, nargs="?", default=here / "results" / "latest.json")
    parser.add_argument("--html", type=Path, default=None, metavar="FILE")
    options = parser.parse_args(arguments)
    if not options.json.exists():
        parser.error(f"{options.json} is not there; run run.py first or name its JSON file")
    page = options.html or options.json.with_suffix(".html")
    page.write_text(render(json.loads(options.json.read_text("utf-8"))), "utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
