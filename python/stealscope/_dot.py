"""How does a workload's task graph look in Graphviz's language?

Invariant: every node has its cost in ns as an attribute, where costs are declared; names are quoted, whatever is in them. Read next:
`graph.py`, `_dag_figure.py` (a drawing without Graphviz).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ._figure import PALETTE
from .units import format_ns

if TYPE_CHECKING:
    from ._workload import Workload

__all__ = ["dot_of"]

_MOST = 100_000


def dot_of(workload: Workload) -> str:
    """What `Workload.to_dot` does."""
    from ._dag_figure import drawn_graph

    graph, is_costed = drawn_graph(workload)
    if len(graph) > _MOST:
        raise ValueError(f"{workload.name} has {len(graph):,} tasks; at most {_MOST:,} can be written: take a smaller one")
    path = graph.critical_path
    critical = f'critical=true, color="{PALETTE["vermillion"]}", penwidth=2'

    def lines() -> Iterator[str]:
        title = f"{workload.name}: {len(graph):,} tasks"
        if is_costed:
            title += f", T1 {format_ns(graph.work)}, T∞ {format_ns(graph.span)} along the marked path"
        yield f"digraph {{\n  label={_quoted(title)}; rankdir=LR; node [shape=box];"
        on_path, costs = set(path), graph.cost_ns.tolist()
        for node, cost in enumerate(costs):
            label = f"{graph.name(node)}\n{format_ns(cost)}" if is_costed else graph.name(node)
            attributes = [f"label={_quoted(label)}"] + ([f"cost_ns={cost}"] if is_costed else [])
            yield f"  {node} [{', '.join([*attributes, critical] if node in on_path else attributes)}];"
        steps = set(pairwise(path))
        sources = np.repeat(np.arange(len(graph)), np.diff(graph.indptr)).tolist()
        for edge in zip(sources, graph.indices.tolist(), strict=True):
            yield f"  {edge[0]} -> {edge[1]}{f' [{critical}]' if edge in steps else ''};"
        yield "}\n"

    return "\n".join(lines())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
