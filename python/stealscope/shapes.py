"""What is the answer of each classic workload, and what does its task tree look like?

Invariant: pure arithmetic on the parameters; nothing here runs a task. Read next: `workloads.py`, which makes and
checks the parameters.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .units import checked_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "DEFAULT_COST_NS",
    "MAX_QUEENS",
    "MAX_TASKS",
    "ORIGINS",
    "TaskName",
    "checked_tree",
    "declared_cost",
    "drawn_edges",
    "expected_answer",
]

MAX_TASKS = 10**9
"""More tasks than these would not fit in memory."""

TaskName: TypeAlias = tuple[Any, ...]
"""The path from the root to a task."""

_QUEENS = (1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2_680, 14_200, 73_712, 365_596, 2_279_184, 14_772_512)
"""Solutions for 1 .. 16 queens. Source: OEIS A000170."""

MAX_QUEENS = len(_QUEENS)
"""Largest board with a known answer here."""

_BOARDS = (
    *(2, 3, 6, 17, 54, 153, 552, 2_057, 8_394, 35_539, 166_926, 856_189, 4_674_890, 27_358_553),
    *(171_129_072, 1_141_190_303),
)
"""Boards of the search for 1 .. 16 queens, the empty and the full ones included: tasks of `nqueens`. Source: counted by walking."""

ORIGINS = ("worker", "local", "remote")
"""Where `spawn_many` spawns from, in the order of the C++ side's numbers."""

DEFAULT_COST_NS = {"fib": 2, "skynet": 2, "nqueens": 9, "matmul": 80_000, "uts": 150}
"""What a task's own computation takes without a scheduler; of `matmul` a full block.  [ns]"""

_BLOCK_SIDE = 64
"""Longest side of a block that `matmul` does not split, as in ``rt/workload/matmul.cpp``."""


def expected_answer(kind: str, params: Mapping[str, int | str]) -> int:
    """The answer of a workload that is neither a graph nor combined.

    Raises:
        ValueError: no such kind.
    """
    values = {key: value for key, value in params.items() if isinstance(value, int)}
    match kind:
        case "fib":
            return _fib(values["n"])
        case "skynet":
            leaves: int = values["fanout"] ** values["depth"]
            return leaves * (leaves - 1) // 2
        case "fork_join":
            return int(values["fanout"] ** values["depth"])
        case "nqueens":
            return _QUEENS[values["n"] - 1]
        case "matmul":
            return _matmul_sum(values["n"])
        case "yield_many":
            return values["tasks"] * values["yields"]
        case "ping_pong":
            return values["pairs"]
        case "spawn_many" | "chained_spawn":
            return values["n"]
    raise ValueError(f"kind={kind!r} is not a workload; make one with the functions of stealscope.workloads")


def declared_cost(kind: str, params: Mapping[str, int | str], cost_ns: int) -> tuple[int, int]:
    """T1 and T-infinity of a workload that is neither a graph nor combined, ns: what its tasks take in a simulation.

    Raises:
        ValueError: no such kind.
    """
    values = {key: value for key, value in params.items() if isinstance(value, int)}
    match kind:
        case "fib":
            n = values["n"]
            return (2 * _fib(n + 1) - 1) * cost_ns, max(n, 1) * cost_ns
        case "skynet":
            depth, fanout = values["depth"], values["fanout"]
            return sum(fanout**level for level in range(depth + 1)) * cost_ns, (depth + 1) * cost_ns
        case "fork_join":
            return int(values["fanout"] ** values["depth"]) * values["work_ns"], values["work_ns"]
        case "nqueens":
            n = values["n"]
            rows = n if _QUEENS[n - 1] else n - 1  # on the two boards without a solution the last row stays empty
            return _BOARDS[n - 1] * cost_ns, (rows + 1) * cost_ns
        case "matmul":
            n = values["n"]
            return _product_cost(n, n, n, cost_ns)
        case "spawn_many" | "yield_many" | "ping_pong" | "chained_spawn":
            return 0, 0
    raise ValueError(f"kind={kind!r} is not a workload; make one with the functions of stealscope.workloads")


@cache
def _product_cost(rows: int, columns: int, inner: int, cost_ns: int) -> tuple[int, int]:
    """Of a block that is halved as ``rt/workload/matmul.cpp`` does: halves of rows or columns side by side, of inner in order."""
    longest = max(rows, columns, inner)
    if longest <= _BLOCK_SIDE:
        cost = cost_ns * rows * columns * inner // _BLOCK_SIDE**3
        return cost, cost
    halves = (longest // 2, longest - longest // 2)
    if rows == longest:
        (work, span), (more, other) = (_product_cost(half, columns, inner, cost_ns) for half in halves)
    elif columns == longest:
        (work, span), (more, other) = (_product_cost(rows, half, inner, cost_ns) for half in halves)
    else:
        (work, span), (more, other) = (_product_cost(rows, columns, half, cost_ns) for half in halves)
        return work + more, span + other
    return work + more, max(span, other)


def _fib(n: int) -> int:
    before, now = 0, 1
    for _ in range(n):
        before, now = now, before + now
    return before


def _matmul_sum(n: int) -> int:
    # The sum over i, j, k of A[i, k] * B[k, j] is that over k of A's column sums times B's row sums: n**2 steps, not n**3.
    i = np.arange(n, dtype=np.int64)[:, None]
    j = np.arange(n, dtype=np.int64)[None, :]
    columns = ((3 * i + 7 * j) % 11).sum(axis=0)
    rows = ((5 * i + 2 * j) % 13).sum(axis=1)
    return int(columns @ rows)


def drawn_edges(kind: str, params: Mapping[str, int | str]) -> Iterator[tuple[TaskName, TaskName]]:
    """Edges of the task tree, from a task to one that it makes ready; lazily, since trees grow fast.

    Raises:
        ValueError: the kind has no fixed graph: the engine decides how finely it is split.
    """
    match kind:
        case "fib":
            yield from _fib_edges(("root",), int(params["n"]))
        case "skynet" | "fork_join":
            yield from _tree_edges(("root",), int(params["depth"]), int(params["fanout"]))
        case "spawn_many":
            yield from ((("root",), (i,)) for i in range(int(params["n"])))
        case "yield_many":
            yield from ((("root",), (i,)) for i in range(int(params["tasks"])))
        case "ping_pong":
            yield from (edge for i in range(int(params["pairs"])) for edge in pairwise((("root",), (i, "ping"), (i, "pong"))))
        case "chained_spawn":
            yield from pairwise((i,) for i in range(int(params["n"])))
        case "nqueens":
            yield from _queens_edges(("root",), int(params["n"]), ())
        case _:
            raise ValueError(f"{kind} has no fixed task graph; draw a dag, a tree or a chain")


def _fib_edges(here: TaskName, n: int) -> Iterator[tuple[TaskName, TaskName]]:
    if n >= 2:
        for less in (1, 2):
            child = (*here, n - less)
            yield here, child
            yield from _fib_edges(child, n - less)


def _tree_edges(here: TaskName, depth: int, fanout: int) -> Iterator[tuple[TaskName, TaskName]]:
    if depth:
        for i in range(fanout):
            yield here, (*here, i)
            yield from _tree_edges((*here, i), depth - 1, fanout)


def _queens_edges(here: TaskName, n: int, columns: tuple[int, ...]) -> Iterator[tuple[TaskName, TaskName]]:
    row = len(columns)
    for column in range(n if row < n else 0):
        if all(column != other and abs(column - other) != row - earlier for earlier, other in enumerate(columns)):
            yield here, (*here, column)
            yield from _queens_edges((*here, column), n, (*columns, column))


def checked_tree(depth: int, fanout: int) -> int:
    """The leaves of a full tree.

    Raises:
        ValueError: no such tree, or one of more than a billion leaves.
    """
    depth = checked_count(depth, "depth", high=64)
    fanout = checked_count(fanout, "fanout", low=1, high=MAX_TASKS)
    leaves: int = fanout**depth
    if leaves > MAX_TASKS:
        raise ValueError(f"depth={depth}, fanout={fanout} would be {leaves:,} leaves; at most {MAX_TASKS:,}: reduce one of them")
    return leaves
