"""What is a task graph, is it sound, and how fast could it possibly run?

Invariant: a `TaskGraph` that exists is sound: `indptr` rises from 0 to the number of edges, every index names a node,
every cost is a finite number of ns, there is no cycle, and nobody can change its arrays. Read next: `workloads.py`
(dag), `wfformat.py`, `ninja.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .errors import import_extra
from .units import MAX_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["IntArray", "TaskGraph", "graph_from_edges"]

IntArray: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TaskGraph:
    """A directed acyclic graph of tasks in CSR form.

    Args:
        indptr: shape ``(n + 1,)``; node i's successors are ``indices[indptr[i]:indptr[i + 1]]``.
        indices: shape ``(edges,)``, each in ``range(n)``.
        cost_ns: shape ``(n,)``, time that a worker is busy with the node, ns.
        names: one a node, or empty.

    Arrays are kept as read-only C-contiguous int64; one that is that already, down to its base, is not copied.

    Raises:
        TypeError: an array that does not hold integers (costs may be whole floats).
        ValueError: anything unsound; the message names the value, and a cycle by its nodes.
    """

    indptr: IntArray
    indices: IntArray
    cost_ns: IntArray
    names: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "indptr", frozen_int64(self.indptr, "indptr"))
        object.__setattr__(self, "indices", frozen_int64(self.indices, "indices"))
        object.__setattr__(self, "cost_ns", frozen_int64(self.cost_ns, "cost_ns"))
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        self._check_shape()
        self._check_costs()
        self._check_acyclic()

    def __len__(self) -> int:
        return int(self.cost_ns.size)

    def __repr__(self) -> str:
        return f"TaskGraph({len(self):,} nodes, {self.edge_count:,} edges)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TaskGraph):
            return NotImplemented
        mine, theirs = (self.indptr, self.indices, self.cost_ns), (other.indptr, other.indices, other.cost_ns)
        return self.names == other.names and all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))

    def __hash__(self) -> int:
        return hash((self.indptr.tobytes(), self.indices.tobytes(), self.cost_ns.tobytes(), self.names))

    def __reduce__(self) -> tuple[Any, ...]:
        # An unpickled array is writable: making the graph anew freezes, and checks, what came in.
        return TaskGraph, (self.indptr, self.indices, self.cost_ns, self.names)

    @property
    def edge_count(self) -> int:
        """Number of edges."""
        return int(self.indices.size)

    @cached_property
    def work(self) -> int:
        """T1: the sum of all costs, ns."""
        return int(self.cost_ns.sum())

    @cached_property
    def span(self) -> int:
        """T-infinity: the cost of the critical path, ns."""
        return sum(int(self.cost_ns[node]) for node in self.critical_path)

    @cached_property
    def critical_path(self) -> tuple[int, ...]:
        """Nodes of a longest path, from its first to its last; the smallest node wins among equals."""
        if len(self) == 0:
            return ()
        cost, starts, targets = self.cost_ns.tolist(), self.indptr.tolist(), self.indices.tolist()
        longest, following = [0] * len(self), [-1] * len(self)
        for node in reversed(self._order):
            best, best_next = 0, -1
            for target in targets[starts[node] : starts[node + 1]]:
                # A chain of zero-cost nodes is still a path, hence the second test.
                if longest[target] > best or (longest[target] == best and (best_next < 0 or target < best_next)):
                    best, best_next = longest[target], target
            longest[node], following[node] = cost[node] + best, best_next
        node = max(range(len(self)), key=lambda candidate: (longest[candidate], -candidate))
        path = [node]
        while (node := following[node]) >= 0:
            path.append(node)
        return tuple(path)

    def name(self, node: int) -> str:
        """The node's name, or its number where the graph has no names."""
        return self.names[node] if self.names else str(node)

    def successors(self, node: int) -> IntArray:
        """Read-only view of the nodes that wait for `node`."""
        return self.indices[self.indptr[node] : self.indptr[node + 1]]

    def in_degrees(self) -> IntArray:
        """How many nodes each node waits for; shape ``(n,)``."""
        return np.bincount(self.indices, minlength=len(self)).astype(np.int64)

    def topological_order(self) -> tuple[int, ...]:
        """All nodes, each after everything that it waits for."""
        return tuple(self._order)

    def to_networkx(self) -> Any:
        """A `networkx.DiGraph` with nodes ``0 .. n - 1`` and their ``name`` and ``cost_ns`` (ns).

        Raises:
            MissingExtra: networkx is not installed.
        """
        result = import_extra("networkx", "networkx").DiGraph()
        result.add_nodes_from(
            (node, {"name": self.name(node), "cost_ns": cost}) for node, cost in enumerate(self.cost_ns.tolist())
        )
        sources = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        result.add_edges_from(zip(sources.tolist(), self.indices.tolist(), strict=True))
        return result

    @cached_property
    def _order(self) -> Sequence[int]:
        sources = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        if bool(np.all(sources < self.indices)):
            return range(len(self))  # every edge points forward: the numbering is an order already
        starts, targets = self.indptr.tolist(), self.indices.tolist()
        waits_for = self.in_degrees().tolist()
        order = [node for node, count in enumerate(waits_for) if count == 0]
        for node in order:  # grows while it is read: each node is appended once, when its last predecessor is done
            for target in targets[starts[node] : starts[node + 1]]:
                waits_for[target] -= 1
                if waits_for[target] == 0:
                    order.append(target)
        return order

    def _check_shape(self) -> None:
        n, indptr, indices = len(self), self.indptr, self.indices
        if indptr.size != n + 1:
            raise ValueError(f"indptr has {indptr.size} entries for {n} costs; need {n + 1}: one for each node, and the end")
        if indptr[0] != 0:
            raise ValueError(f"indptr[0]={indptr[0]}; need 0, the first node's successors begin there")
        falls = np.flatnonzero(np.diff(indptr) < 0)
        if falls.size:
            i = int(falls[0])
            raise ValueError(f"indptr[{i + 1}]={indptr[i + 1]} is less than indptr[{i}]={indptr[i]}; it must not fall")
        if indptr[-1] != indices.size:
            raise ValueError(f"indptr ends at {indptr[-1]}; need {indices.size}, the length of indices")
        outside = np.flatnonzero((indices < 0) | (indices >= n))
        if outside.size:
            i = int(outside[0])
            raise ValueError(f"indices[{i}]={indices[i]}; need a node in 0..{n - 1}" if n else "indices without nodes")
        if self.names and len(self.names) != n:
            raise ValueError(f"{len(self.names)} names for {n} nodes; give one a node, or none")

    def _check_costs(self) -> None:
        negative = np.flatnonzero(self.cost_ns < 0)
        if negative.size:
            i = int(negative[0])
            raise ValueError(f"cost_ns[{i}]={self.cost_ns[i]}; need ns >= 0")
        # Summed as floats first: an int64 sum of costs that are each in range could wrap round.
        if float(self.cost_ns.sum(dtype=np.float64)) > MAX_NS:
            raise ValueError("the costs add up to more than 2**63 - 1 ns; use a smaller scale")

    def _check_acyclic(self) -> None:
        if len(self._order) == len(self):
            return
        cycle = self._find_cycle()
        shown = [self.name(node) for node in cycle[:8]]
        middle = [f"... {len(cycle) - 8} more ..."] if len(cycle) > 8 else []
        raise ValueError(f"the graph has a cycle: {' -> '.join([*shown, *middle, self.name(cycle[0])])}; remove one of its edges")

    def _find_cycle(self) -> list[int]:
        # Nodes that Kahn's algorithm could not order each wait for another such node: walking back must repeat one.
        stuck = set(range(len(self))) - set(self._order)
        back: dict[int, int] = {}
        for node in sorted(stuck):
            for target in self.successors(node).tolist():
                back.setdefault(target, node)
        seen: dict[int, int] = {}
        path: list[int] = []
        node = min(stuck)
        while node not in seen:
            seen[node] = len(path)
            path.append(node)
            node = back[node]
        return path[seen[node] :][::-1]


def graph_from_edges(
    count: int, edges: Iterable[tuple[int, int]], cost_ns: npt.ArrayLike, names: Sequence[str] = ()
) -> TaskGraph:
    """A `TaskGraph` from (before, after) pairs; a pair that comes twice is one edge.

    Raises:
        ValueError: as `TaskGraph`; a pair that names no node.
    """
    unique = sorted(set(edges))
    for before, after in unique:
        if not (0 <= before < count and 0 <= after < count):
            raise ValueError(f"edge {before} -> {after}; need nodes in 0..{count - 1}")
    indptr = np.zeros(count + 1, dtype=np.int64)
    if unique:
        np.cumsum(np.bincount([before for before, _ in unique], minlength=count), out=indptr[1:])
    indices = np.fromiter((after for _, after in unique), dtype=np.int64, count=len(unique))
    return TaskGraph(indptr, indices, frozen_int64(cost_ns, "cost_ns"), tuple(names))


def frozen_int64(values: npt.ArrayLike, name: str) -> IntArray:
    """One-dimensional, C-contiguous, read-only int64; copied unless nobody could change it.

    Raises:
        TypeError: the values are not numbers, or are fractions.
        ValueError: not one-dimensional; NaN, infinite or outside int64.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; need one dimension")
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind == "f":
        array = _whole_floats(array, name)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} holds {array.dtype}; need integers")
    if array.dtype.kind == "u" and array.size and int(array.max()) > MAX_NS:
        raise ValueError(f"{name} holds {array.max()}; at most 2**63 - 1 fits")
    result: IntArray = np.ascontiguousarray(array, dtype=np.int64)
    if not _never_changes(result):
        result = result.copy()
        result.setflags(write=False)
    return result


def _whole_floats(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(f"{name}[{bad[0]}]={array[bad[0]]}; need a finite number")
    bad = np.flatnonzero(array != np.floor(array))
    if bad.size:
        raise TypeError(f"{name}[{bad[0]}]={array[bad[0]]}; need whole numbers (round them first)")
    bad = np.flatnonzero(np.abs(array) >= 2.0**63)
    if bad.size:
        raise ValueError(f"{name}[{bad[0]}]={array[bad[0]]}; at most 2**63 - 1 fits")
    return array.astype(np.int64)


def _never_changes(array: npt.NDArray[Any]) -> bool:
    # A read-only view of writable memory can still change under us; bytes and our own arrays cannot.
    level: object = array
    while isinstance(level, np.ndarray):
        if level.flags.writeable:
            return False
        level = level.base
    return level is None or isinstance(level, bytes)
