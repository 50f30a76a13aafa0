"""Where do the nodes of a drawn task graph go? In layers, each as near as possible to what it waits for.

Invariant: a node stands to the right of all that it waits for; drawing needs no graph library. Read next: `graph.py`, `plots.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ._figure import GREY, PALETTE, head, new_axes, shortened
from ._workload import Workload
from .errors import import_extra
from .graph import TaskGraph, graph_from_edges
from .units import format_ns

__all__ = ["draw_dag", "drawn_graph", "layout"]

_MOST_DRAWN = 100_000
_MOST_EDGES = 20_000
_MOST_NAMED = 30
_SWEEPS = 2

FloatArray = npt.NDArray[np.float64]


def draw_dag(workload: Workload, ax: Any) -> Any:
    """What `plots.dag` does."""
    graph, is_costed = drawn_graph(workload)
    if len(graph) > _MOST_DRAWN:
        raise ValueError(f"{workload.name} has {len(graph):,} tasks; at most {_MOST_DRAWN:,} can be drawn: draw a smaller one")
    x, y = layout(graph)
    ax = new_axes(ax, width=8, height=5)
    path = np.array(graph.critical_path, dtype=np.int64)
    sources = np.repeat(np.arange(len(graph)), np.diff(graph.indptr))
    place = np.stack([x, y], -1)
    shown = np.unique(np.linspace(0, graph.edge_count - 1, min(graph.edge_count, _MOST_EDGES)).astype(np.int64))
    lines = np.stack([place[sources[shown]], place[graph.indices[shown]]], 1)
    collection = import_extra("matplotlib.collections", "plot").LineCollection
    thin = float(np.clip(12 / max(1, len(shown)) ** 0.5, 0.1, 0.8))
    ax.add_collection(collection(lines, colors=GREY, linewidths=max(0.4, thin), alpha=thin, zorder=1, gid="edges"))
    critical = np.stack([place[path[:-1]], place[path[1:]]], 1)
    ax.add_collection(collection(critical, colors=PALETTE["vermillion"], linewidths=2, zorder=2, gid="critical path"))
    largest = float(np.clip(30_000 / max(1, len(graph)), 4, 220))
    widest = int(np.unique(x, return_counts=True)[1].max(initial=1))
    floor = min(largest, 7, (280 / widest) ** 2)  # nodes of one layer do not run into each other
    area = np.maximum(largest * graph.cost_ns / max(1, graph.cost_ns.max(initial=1)), floor)
    others = np.ones(len(graph), dtype=bool)
    others[path] = False
    ax.scatter(x[others], y[others], s=area[others], color=PALETTE["blue"], linewidths=0, zorder=3, gid="tasks")
    ax.scatter(
        x[path], y[path], s=np.maximum(area[path], 8), color=PALETTE["vermillion"], linewidths=0, zorder=4, gid="critical tasks"
    )
    if graph.names and len(graph) <= _MOST_NAMED:
        for node in range(len(graph)):
            ax.annotate(graph.name(node), place[node], (0, 9), textcoords="offset points", ha="center", fontsize="x-small")
    ax.margins(0.06)
    ax.autoscale_view()
    ax.set_axis_off()
    figures = f"{len(graph):,} tasks, {graph.edge_count:,} edges"
    if is_costed and graph.span:
        parallelism = f"parallelism {graph.work / graph.span:.3g}"
        figures += f"; T1 {format_ns(graph.work)}, T∞ {format_ns(graph.span)} (critical path, {len(path):,} tasks), {parallelism}"
    else:
        figures += f"; the longest chain has {len(path):,} tasks"
    left_out = graph.edge_count - len(shown)
    head(ax, shortened(workload.label or (workload.kind if workload.graph else workload.name)), figures)
    if left_out:
        ax.text(1, 0, f"{left_out:,} edges left out", transform=ax.transAxes, ha="right", va="top", fontsize="small")
    return ax


def drawn_graph(workload: Workload) -> tuple[TaskGraph, bool]:
    """Its task graph, and whether costs are declared; else each task counts 1.

    Raises:
        MissingExtra: networkx is not installed (not for a `dag`).
        ValueError: as `Workload.to_networkx`.
    """
    if workload.graph is not None:
        return workload.graph, True
    drawn = workload.to_networkx()
    names = [name for _, name in drawn.nodes(data="name")]
    return graph_from_edges(len(drawn), drawn.edges, np.ones(len(drawn), np.int64), names), False


def layout(graph: TaskGraph) -> tuple[FloatArray, FloatArray]:
    """A place for each node: x is its layer, y between -0.5 and 0.5, first in first.

    Layers are ordered by the mean place of the neighbours on one side, then of those on the other, which untangles most edges.

    Source: Sugiyama, Tagawa, Toda 1981, Methods for visual understanding of hierarchical system structures (barycentres).
    """
    layer = _layers(graph)
    sources = np.repeat(np.arange(len(graph)), np.diff(graph.indptr))
    targets = np.asarray(graph.indices)
    members = np.split(np.argsort(layer, kind="stable"), np.cumsum(np.bincount(layer))[:-1]) if len(graph) else []
    y = np.zeros(len(graph))
    for nodes in members:
        y[nodes] = _spread(len(nodes))
    for _ in range(_SWEEPS):
        _order_by(y, members, layer, targets, sources)
        _order_by(y, members[::-1], layer, sources, targets)
    _order_by(y, members, layer, targets, sources)
    return layer.astype(np.float64), -y


def _layers(graph: TaskGraph) -> npt.NDArray[np.int64]:
    layer = [0] * len(graph)
    starts, targets = graph.indptr.tolist(), graph.indices.tolist()
    for node in graph.topological_order():
        behind = layer[node] + 1
        for target in targets[starts[node] : starts[node + 1]]:
            layer[target] = max(layer[target], behind)
    return np.array(layer, dtype=np.int64)


def _order_by(
    y: FloatArray, members: list[npt.NDArray[Any]], layer: npt.NDArray[np.int64], own: npt.NDArray[Any], other: npt.NDArray[Any]
) -> None:
    """Place each layer's nodes in the order of the mean places of their `other` ends, layer by layer."""
    order = np.argsort(layer[own], kind="stable")
    own, other = own[order], other[order]
    bounds = np.searchsorted(layer[own], np.arange(len(members) + 1))
    number = np.empty(len(layer), dtype=np.int64)
    for nodes in members:
        here = slice(bounds[layer[nodes[0]]], bounds[layer[nodes[0]] + 1])
        number[nodes] = np.arange(len(nodes))
        ends = number[own[here]]
        count = np.bincount(ends, minlength=len(nodes))
        mean = np.bincount(ends, y[other[here]], len(nodes)) / np.maximum(count, 1)
        wanted = np.where(count > 0, mean, y[nodes])
        y[nodes[np.argsort(wanted, kind="stable")]] = _spread(len(nodes))


def _spread(count: int) -> FloatArray:
    places: FloatArray = (np.arange(count) + 0.5) / count - 0.5
    return places
