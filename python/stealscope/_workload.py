"""What is a workload: a value that can be run, on threads or in virtual time, and the answer that it must give?

Invariant: a `Workload` is immutable, hashable, printable, picklable (but for a `function`), checked when it is made; running it needs
no Python at all, because it turns into ``(kind, ints, arrays)`` triples that the C++ side knows by `kind`. Read next: `workloads.py`
(the constructors), `shapes.py` (answers and costs), `graph.py` (dag), `report.py` (the result).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from . import _html
from .compiled import DagCalls
from .errors import InvariantError, import_extra
from .graph import IntArray, TaskGraph
from .patterns import Pattern
from .shapes import DEFAULT_COST_NS, ORIGINS, TaskName, declared_cost, drawn_edges, expected_answer
from .units import checked_count, format_ns
from .uts import UtsTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Native", "Result", "Workload"]

Native: TypeAlias = tuple[str, tuple[int, ...], tuple[IntArray, ...]]
"""What the C++ side takes: the kind, its integers, its read-only int64 arrays."""

Result: TypeAlias = "int | tuple[Result, ...]"
"""An answer: an integer, or for `sequence` and `together` one a part, in their order."""

_MAX_DRAWN = 100_000
_MOST_PARTS = 20


class Description(Protocol):
    """What a kind with more than integers says of itself: `OpenSystem`, `Program`, `FunctionCalls`."""

    @property
    def work(self) -> int | None: ...
    @property
    def span(self) -> int | None: ...
    @property
    def expected(self) -> int | None: ...
    def native(self) -> Native: ...
    def edges(self) -> Iterator[tuple[TaskName, TaskName]]: ...


@dataclass(frozen=True, eq=False, repr=False)
class Workload:
    """Something to run; make one with the functions of `stealscope.workloads`.

    Attributes:
        kind: the constructor's name; of every task graph ``"dag"``.
        params: its arguments by name, where they are plain.
        graph: the task graph of a `dag`, else None.
        parts: the workloads that `sequence` and `together` combine.
        label: what to call it in a report.
        cost_ns: of `fib`, `skynet`, `nqueens`, `matmul` and `uts`, ns that a task takes in a simulation; else None.
        spec: the description of a `pattern`, `uts`, `open_system`, `program` or `function`, or of the body of a `dag`; else None.
        structured: of `fib`, `skynet`, `nqueens` and `fork_join`, whether a call is a branch of its caller instead of a task with a
            join handle: a task of its own only when another worker takes it.
    """

    kind: str
    params: tuple[tuple[str, int | str], ...] = ()
    graph: TaskGraph | None = None
    parts: tuple[Workload, ...] = ()
    label: str = ""
    cost_ns: int | None = None
    spec: Pattern | UtsTree | DagCalls | Description | None = None
    structured: bool = False

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
        if isinstance(self.spec, UtsTree):
            return f"workloads.uts({self.spec!r}, cost_ns={self.cost_ns})"
        if self.spec is not None:
            return repr(self.spec)
        shown = [f"{key}={value!r}" for key, value in self.params]
        if self.cost_ns not in (None, DEFAULT_COST_NS.get(self.kind)):
            shown.append(f"cost_ns={self.cost_ns}")
        if self.structured:
            shown.append("structured=True")
        return f"workloads.{self.kind}({', '.join(shown)})"

    def _repr_html_(self) -> str:
        costs = [("work, T1", self.work), ("span, T\N{INFINITY}", self.span)]
        rows: list[tuple[str, object]] = [(name, None if ns is None else format_ns(ns)) for name, ns in costs]
        if self.work and self.span:
            rows.append(("parallelism, work / span", self.work / self.span))
        if self.graph is not None:
            rows += [("nodes", len(self.graph)), ("edges", self.graph.edge_count)]
        rows += [("answer", "not known beforehand" if self.expected is None else str(self.expected)), ("seed", self.seed)]
        parts = "".join(part._repr_html_() for part in self.parts[:_MOST_PARTS])
        left_out = _html.paragraph(f"{len(self.parts) - _MOST_PARTS:,} more parts") if len(self.parts) > _MOST_PARTS else ""
        return _html.section(repr(self), _html.pairs(rows) + parts + left_out, is_open=True)

    @property
    def name(self) -> str:
        """Short text for tables: the label, or the call that makes it."""
        return self.label or repr(self).removeprefix("workloads.")

    @property
    def work(self) -> int | None:
        """T1, the declared cost of all tasks, ns; 0 for a kind whose tasks are empty; None where nothing is declared."""
        return self._costs[0]

    @property
    def span(self) -> int | None:
        """T-infinity, the declared cost of the longest chain, ns; no run is shorter. 0 and None as for `work`."""
        return self._costs[1]

    @cached_property
    def expected(self) -> Result | None:
        """The answer that every run must give: `Report.result` equals it. None where it is not known beforehand."""
        if self.parts:
            answers = tuple(part.expected for part in self.parts)
            return None if None in answers else tuple(answer for answer in answers if answer is not None)
        if isinstance(self.spec, DagCalls):
            return None
        if self.graph is not None:
            return len(self.graph)
        if isinstance(self.spec, UtsTree):
            return self.spec.size().nodes
        if self.spec is not None and not isinstance(self.spec, Pattern):
            return self.spec.expected
        return expected_answer(self.kind, dict(self.params))

    @property
    def seed(self) -> int | None:
        """The seed of a random workload; None for others, and for combined ones."""
        if isinstance(self.spec, Pattern) and not self.spec.is_random:
            return None
        return getattr(self.spec, "seed", None)

    def with_seed(self, seed: int) -> Workload:
        """The same workload with other random numbers; one without any is returned as it is.

        Parts of a combined workload get a seed each, which follow from this one.

        Examples:
            >>> from stealscope import workloads
            >>> workloads.uts("T1").with_seed(7).seed
            7
        """
        seed = checked_count(seed, "seed")
        if self.parts:
            return replace(self, parts=tuple(part.with_seed(_seed_of_part(seed, i)) for i, part in enumerate(self.parts)))
        if self.seed is None:
            return self
        spec = self.spec.with_seed(seed)  # type: ignore[union-attr]  # what has a seed has it
        if isinstance(spec, Pattern):
            return replace(self, spec=spec, graph=spec.graph(), label=spec.label)
        return replace(self, spec=spec, label="")  # the label of a named tree is that of its own seed

    def native(self) -> Native:
        """``(kind, ints, arrays)``; of a combined workload only its head, whose one integer is the number of its parts."""
        if self.parts:
            return self.kind, (len(self.parts),), ()
        if self.graph is not None:
            arrays = (self.graph.indptr, self.graph.indices, self.graph.cost_ns)
            return self.spec.native(arrays) if isinstance(self.spec, DagCalls) else (self.kind, (len(self.graph),), arrays)
        cost = () if self.cost_ns is None else (self.cost_ns,)
        if isinstance(self.spec, UtsTree):
            return self.kind, (*self.spec.ints(), *cost), ()
        if self.spec is not None and not isinstance(self.spec, Pattern | DagCalls):
            return self.spec.native()
        kind = f"{self.kind}_structured" if self.structured else self.kind
        return kind, (*(_as_int(key, value) for key, value in self.params), *cost), ()

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
        """Raise `InvariantError` unless `result` is the expected answer, where one is known."""
        if self.expected is not None and result != self.expected:
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
        for before, after in self._edges():
            names.update({before: None, after: None})
            edges.append((before, after))
            if len(names) > _MAX_DRAWN:
                raise ValueError(f"{self.name} has more than {_MAX_DRAWN:,} tasks; draw a smaller one")
        number = {name: position for position, name in enumerate(names)} or {("root",): 0}
        result.add_nodes_from((position, {"name": "/".join(map(str, name))}) for name, position in number.items())
        result.add_edges_from((number[before], number[after]) for before, after in edges)
        return result

    def to_dot(self) -> str:
        """The task graph in Graphviz's language: nodes with their cost, the critical path marked (``critical=true``).

        Of a kind that declares no graph with costs, such as `fib`, the tasks without costs and a longest chain.

        Raises:
            ValueError: more than 100,000 nodes, or a kind without a fixed graph.
            MissingExtra: networkx is not installed (not needed for a `dag`).
        """
        from ._dot import dot_of

        return dot_of(self)

    def check_simulation(self) -> None:
        """Raise ValueError if a simulation cannot know how long its tasks take: a `function` without `cost_ns`."""
        for part in self.parts:
            part.check_simulation()
        if self.kind == "function" and self.work is None:
            raise ValueError(f"{self!r}: a simulation cannot know how long a call takes; pass cost_ns=..., ns a call")

    @cached_property
    def _costs(self) -> tuple[int | None, int | None]:
        """T1 and T-infinity."""
        if self.parts:
            spans = [part.span for part in self.parts]
            longest = None if None in spans else max(span for span in spans if span is not None)
            return _total([part.work for part in self.parts]), _total(spans) if self.kind == "sequence" else longest
        if self.graph is not None:
            return self.graph.work, self.graph.span
        if isinstance(self.spec, UtsTree):
            size, cost = self.spec.size(), self.cost_ns or 0
            return size.nodes * cost, (size.depth + 1) * cost
        if self.spec is not None and not isinstance(self.spec, Pattern | DagCalls):
            return self.spec.work, self.spec.span
        return declared_cost(self.kind, dict(self.params), self.cost_ns or 0)

    def _edges(self) -> Iterator[tuple[TaskName, TaskName]]:
        if self.spec is not None and not isinstance(self.spec, Pattern | DagCalls):
            return self.spec.edges()
        return drawn_edges(self.kind, dict(self.params))

    def _collect(self, answers: Iterator[int]) -> Result:
        if self.parts:
            return tuple(part._collect(answers) for part in self.parts)
        try:
            return int(next(answers))
        except StopIteration:
            raise ValueError(f"no answer for {self!r}") from None

    def _key(self) -> tuple[Any, ...]:
        return self.kind, self.params, self.graph, self.parts, self.label, self.cost_ns, self.spec, self.structured

    @cached_property
    def _hash(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        # Cached hashes of strings differ between processes, so only the fields travel.
        return Workload, self._key()


def _seed_of_part(seed: int, part: int) -> int:
    """Unrelated seeds for the parts of a combined workload, below 2**63."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{part}".encode()).digest()[:8], "big") >> 1


def _as_int(key: str, value: int | str) -> int:
    return ORIGINS.index(str(value)) if key == "origin" else int(value)


def _total(values: Sequence[int | None]) -> int | None:
    return None if None in values else sum(value for value in values if value is not None)
