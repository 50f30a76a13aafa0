"""Which workloads can be run, on threads or in virtual time, and what answer does each have?

Invariant: a `Workload` is a value: immutable, hashable, picklable, checked when it is made; running it needs no Python
at all, because it turns into ``(kind, ints, arrays)`` triples that the C++ side knows by `kind`. Read next: `shapes.py`
(answers), `graph.py` (dag), `report.py` (the result).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from .errors import InvariantError, import_extra
from .graph import IntArray, TaskGraph, graph_from_edges
from .ninja import read_build
from .shapes import MAX_QUEENS, drawn_edges, expected_answer
from .units import MAX_NS, checked_count, checked_ns
from .wfformat import read_workflow

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

__all__ = [
    "Native",
    "Result",
    "Workload",
    "chained_spawn",
    "dag",
    "fib",
    "fork_join",
    "from_networkx",
    "from_ninja",
    "from_wfcommons",
    "matmul",
    "nqueens",
    "ping_pong",
    "sequence",
    "skynet",
    "spawn_many",
    "together",
    "yield_many",
]

Native: TypeAlias = tuple[str, tuple[int, ...], tuple[IntArray, ...]]
"""What the C++ side takes: the kind, its integers, its read-only int64 arrays."""

Result: TypeAlias = "int | tuple[Result, ...]"
"""An answer: an integer, or for `sequence` and `together` one a part, in their order."""

Origin = Literal["worker", "local", "remote"]

_MAX_TASKS = 10**9
_MAX_DRAWN = 100_000


@dataclass(frozen=True, eq=False, repr=False)
class Workload:
    """Something to run; make one with the functions of this module.

    Attributes:
        kind: the constructor's name.
        params: its arguments by name, those of `dag` left out.
        graph: the task graph of a `dag`, else None.
        parts: the workloads that `sequence` and `together` combine.
        label: what to call it in a report.
    """

    kind: str
    params: tuple[tuple[str, int | str], ...] = ()
    graph: TaskGraph | None = None
    parts: tuple[Workload, ...] = ()
    label: str = ""

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Workload) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        if self.parts:
            return f"workloads.{self.kind}({', '.join(map(repr, self.parts))})"
        if self.graph is not None:
            label = f"{self.label}: " if self.label else ""
            return f"<workloads.dag {label}{len(self.graph):,} nodes, {self.graph.edge_count:,} edges>"
        return f"workloads.{self.kind}({', '.join(f'{key}={value!r}' for key, value in self.params)})"

    @property
    def name(self) -> str:
        """Short text for tables: the label, or the call that makes it."""
        return self.label or repr(self).removeprefix("workloads.")

    @cached_property
    def work(self) -> int | None:
        """T1, the declared cost of all tasks, ns; None for a kind that declares none."""
        if self.parts:
            return _total([part.work for part in self.parts])
        if self.graph is not None:
            return self.graph.work
        if self.kind == "fork_join":
            leaves: int = self._int("fanout") ** self._int("depth")
            return leaves * self._int("work_ns")
        return None

    @cached_property
    def span(self) -> int | None:
        """T-infinity, the declared cost of the longest chain, ns; None for a kind that declares none."""
        if self.parts:
            spans = [part.span for part in self.parts]
            if self.kind == "sequence":
                return _total(spans)
            return None if None in spans else max(span for span in spans if span is not None)
        if self.graph is not None:
            return self.graph.span
        return self._int("work_ns") if self.kind == "fork_join" else None

    @cached_property
    def expected(self) -> Result:
        """The answer that every run must give: `Report.result` equals it."""
        if self.parts:
            return tuple(part.expected for part in self.parts)
        if self.graph is not None:
            return len(self.graph)
        return expected_answer(self.kind, dict(self.params))

    def native(self) -> Native:
        """``(kind, ints, arrays)``; of a combined workload only its head, whose one integer is the number of its parts."""
        if self.parts:
            return self.kind, (len(self.parts),), ()
        if self.graph is not None:
            return self.kind, (len(self.graph),), (self.graph.indptr, self.graph.indices, self.graph.cost_ns)
        return self.kind, tuple(_as_int(key, value) for key, value in self.params), ()

    def preorder(self) -> tuple[Native, ...]:
        """All triples, each head before its parts: the whole workload, for the C++ side."""
        return (self.native(), *(triple for part in self.parts for triple in part.preorder()))

    def collect(self, answers: Sequence[int]) -> Result:
        """The C++ side's answers, one a part that is not combined and in that order, in the shape of `expected`."""
        remaining = iter(answers)
        result = self._collect(remaining)
        if next(remaining, None) is not None:
            raise ValueError(f"{len(answers)} answers are too many for {self!r}")
        return result

    def check(self, result: Result) -> None:
        """Raise `InvariantError` unless `result` is the expected answer."""
        if result != self.expected:
            raise InvariantError(f"{self.name} gave {result!r}; expected {self.expected!r}")

    def to_networkx(self) -> Any:
        """The task graph as a `networkx.DiGraph`: from a task to what it makes ready.

        Raises:
            MissingExtra: networkx is not installed.
            ValueError: more than 100,000 nodes, or a kind without a fixed graph.
        """
        if self.graph is not None:
            return self.graph.to_networkx()
        result = import_extra("networkx", "networkx").DiGraph()
        names: dict[Any, None] = {}
        edges = []
        for before, after in drawn_edges(self.kind, dict(self.params)):
            names.update({before: None, after: None})
            edges.append((before, after))
            if len(names) > _MAX_DRAWN:
                raise ValueError(f"{self.name} has more than {_MAX_DRAWN:,} tasks; draw a smaller one")
        number = {name: position for position, name in enumerate(names)} or {("root",): 0}
        result.add_nodes_from((position, {"name": "/".join(map(str, name))}) for name, position in number.items())
        result.add_edges_from((number[before], number[after]) for before, after in edges)
        return result

    def _collect(self, answers: Iterator[int]) -> Result:
        if self.parts:
            return tuple(part._collect(answers) for part in self.parts)
        try:
            return int(next(answers))
        except StopIteration:
            raise ValueError(f"no answer for {self!r}") from None

    def _int(self, key: str) -> int:
        return int(dict(self.params)[key])

    def _key(self) -> tuple[Any, ...]:
        return self.kind, self.params, self.graph, self.parts, self.label

    @cached_property
    def _hash(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        # Cached hashes of strings differ between processes, so only the fields travel.
        return Workload, self._key()


def fib(n: int) -> Workload:
    """The n-th Fibonacci number by a fork and a join at every level: about ``1.6**n`` tasks."""
    return _made("fib", n=checked_count(n, "n", high=50, hint="fib(50) would already be 40 billion tasks"))


def skynet(depth: int = 6, fanout: int = 10) -> Workload:
    """A tree of ``fanout**depth`` leaves that are numbered from 0; the answer is their sum."""
    _checked_tree(depth, fanout)
    return _made("skynet", depth=depth, fanout=fanout)


def fork_join(depth: int, fanout: int, work_ns: int) -> Workload:
    """A tree of ``fanout**depth`` leaves, each busy for `work_ns` (ns); the answer is their number."""
    leaves = _checked_tree(depth, fanout)
    work = checked_ns(work_ns, "work_ns")
    if leaves * work > MAX_NS:
        raise ValueError(f"work_ns={work} for {leaves:,} leaves is more than 2**63 - 1 ns in all; use fewer or shorter ones")
    return _made("fork_join", depth=depth, fanout=fanout, work_ns=work)


def nqueens(n: int) -> Workload:
    """All ways to put n queens on an n by n board; the answer is their number."""
    return _made("nqueens", n=checked_count(n, "n", low=1, high=MAX_QUEENS, hint="larger boards take too long to check"))


def matmul(n: int) -> Workload:
    """The product C of two n by n int64 matrices; the answer is the sum of its elements.

    ``A[i, j] = (3 * i + 7 * j) % 11``, ``B[i, j] = (5 * i + 2 * j) % 13``.
    """
    return _made("matmul", n=checked_count(n, "n", low=1, high=8192, hint="three matrices of n * n * 8 bytes must fit"))


def spawn_many(n: int, origin: Origin = "worker") -> Workload:
    """Empty tasks, `n` of them: spawned by a task, by the thread that waits (``"local"``) or by another (``"remote"``)."""
    if origin not in get_args(Origin):
        raise ValueError(f"origin={origin!r}; need one of {', '.join(map(repr, get_args(Origin)))}")
    return _made("spawn_many", n=_tasks(n, "n"), origin=origin)


def yield_many(tasks: int, yields: int) -> Workload:
    """`tasks` tasks that yield `yields` times each; the answer is the number of yields."""
    _tasks(tasks, "tasks")
    checked_count(yields, "yields")
    checked_count(int(tasks) * int(yields), "tasks * yields")
    return _made("yield_many", tasks=tasks, yields=yields)


def ping_pong(pairs: int) -> Workload:
    """`pairs` pairs of tasks that send each other one message each way; the answer is the number of pairs."""
    return _made("ping_pong", pairs=_tasks(pairs, "pairs"))


def chained_spawn(n: int) -> Workload:
    """A chain of n tasks in which each spawns the next; the answer is n."""
    return _made("chained_spawn", n=_tasks(n, "n"))


def dag(
    indptr: npt.ArrayLike, indices: npt.ArrayLike, cost_ns: npt.ArrayLike, *, names: Sequence[str] = (), label: str = ""
) -> Workload:
    """Any task graph: node i runs for ``cost_ns[i]`` once all that have an edge to it have ended; the answer is their number.

    Args:
        indptr: where each node's successors begin in `indices`, and the end of all; shape ``(n + 1,)``.
        indices: those of node i are ``indices[indptr[i]:indptr[i + 1]]``; an edge that is there twice counts twice.
        cost_ns: ns, shape ``(n,)``.
        names: one a node, or none.
        label: what to call the whole in a report.

    int64 arrays that are read-only are used in place; others are copied once, so that the value cannot change later.

    Raises:
        TypeError: arrays that hold no integers.
        ValueError: an unsound graph: a wrong length, a node out of range, a negative or non-finite cost, a cycle (it is
            named).
    """
    # TaskGraph freezes whatever it is given; its annotations describe what it then holds.
    return _from_graph(TaskGraph(np.asarray(indptr), np.asarray(indices), np.asarray(cost_ns), tuple(names)), label)


def from_networkx(graph: Any, *, cost: str = "cost_ns", default_ns: int | None = None, label: str = "") -> Workload:
    """A `dag` from a `networkx.DiGraph`, in the order of its nodes.

    Args:
        graph: a directed graph without cycles.
        cost: the node attribute that holds the cost, ns.
        default_ns: cost of a node that has none; None: such a node is an error.
        label: what to call the whole in a report.

    Raises:
        TypeError: not a directed graph.
        ValueError: a node without a cost, or as `dag`.
    """
    if not hasattr(graph, "is_directed") or not graph.is_directed():
        raise TypeError(f"graph is a {type(graph).__name__}; need a networkx.DiGraph")
    number = {node: position for position, node in enumerate(graph.nodes)}
    costs = []
    for node, attributes in graph.nodes(data=True):
        value = attributes.get(cost, default_ns)
        if value is None:
            raise ValueError(f"node {node!r} has no {cost!r}; set it, or pass default_ns")
        costs.append(value)
    edges = ((number[before], number[after]) for before, after in graph.edges())
    names = [str(attributes.get("name", node)) for node, attributes in graph.nodes(data=True)]
    return _from_graph(graph_from_edges(len(number), edges, costs, names), label)


def from_wfcommons(path: str | os.PathLike[str], scale: float = 1.0) -> Workload:
    """A `dag` from a recorded workflow in WfFormat (1.5, or 1.4), the JSON of the WfCommons project.

    Args:
        path: the JSON file.
        scale: factor on the recorded run times: ``1e-6`` makes a recorded second a microsecond of work.

    Raises:
        OSError: the file cannot be read.
        ValueError: not WfFormat, or an unsound graph.
    """
    workflow = read_workflow(path, scale=scale)
    return _from_graph(workflow.graph, workflow.name)


def from_ninja(build_dir: str | os.PathLike[str], scale: float = 1.0) -> Workload:
    """A `dag` from a build that ninja has run: its own graph, with the durations in its log.

    Raises:
        FileNotFoundError: no ``build.ninja`` or no ``.ninja_log`` there.
        ValueError: files that are not ninja's, or nothing built yet.
    """
    build = read_build(build_dir, scale=scale)
    return _from_graph(build.graph, f"build of {build.directory.resolve().name}")


def sequence(*workloads: Workload) -> Workload:
    """One after the other; the answer is the tuple of theirs."""
    return _combined("sequence", workloads)


def together(*workloads: Workload) -> Workload:
    """All at the same time; the answer is the tuple of theirs."""
    return _combined("together", workloads)


def _made(kind: str, **params: int | str) -> Workload:
    return Workload(kind, tuple((key, value if isinstance(value, str) else int(value)) for key, value in params.items()))


def _from_graph(graph: TaskGraph, label: str) -> Workload:
    return Workload("dag", graph=graph, label=str(label))


def _combined(kind: str, workloads: Sequence[Workload]) -> Workload:
    if not workloads:
        raise ValueError(f"{kind}() of nothing; give one workload or more")
    for part in workloads:
        if not isinstance(part, Workload):
            raise TypeError(f"{kind}() got {part!r}; need workloads, such as workloads.fib(20)")
    return Workload(kind, parts=tuple(workloads))


def _tasks(value: int, name: str) -> int:
    return checked_count(value, name, high=_MAX_TASKS, hint="more tasks would not fit in memory")


def _checked_tree(depth: int, fanout: int) -> int:
    depth = checked_count(depth, "depth", high=64)
    fanout = checked_count(fanout, "fanout", low=1, high=_MAX_TASKS)
    leaves: int = fanout**depth
    if leaves > _MAX_TASKS:
        raise ValueError(f"depth={depth}, fanout={fanout} would be {leaves:,} leaves; at most {_MAX_TASKS:,}: reduce one of them")
    return leaves


def _as_int(key: str, value: int | str) -> int:
    return get_args(Origin).index(value) if key == "origin" else int(value)


def _total(values: Sequence[int | None]) -> int | None:
    return None if None in values else sum(value for value in values if value is not None)
