"""Which workloads can be run, on threads or in virtual time?

Each function makes a `Workload`: a value that is described once and run by C++ without the GIL. In a simulation a task takes its
declared cost; on threads `fib`, `skynet`, `nqueens`, `matmul`, `uts` and `function` take what their computation takes, and others
keep a worker busy for their cost. Invariant: bad arguments are refused here, at the call. Read next: `_workload.py` (the class),
`patterns.py`, `open_system.py`, `uts.py`, `program.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ._workload import Native, Result, Workload
from .compiled import checked_dag_calls, checked_function
from .graph import TaskGraph, graph_from_edges
from .ninja import read_build
from .open_system import Place, checked_open_system
from .patterns import checked_pattern
from .program import Instruction, checked_program
from .shapes import DEFAULT_COST_NS, MAX_QUEENS, MAX_TASKS, checked_tree
from .units import MAX_NS, checked_count, checked_flag, checked_ns
from .uts import TREES, UtsTree
from .wfformat import read_workflow

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from .dist import Law

__all__ = [
    "Native",
    "Place",
    "Result",
    "UtsTree",
    "Workload",
    "chained_spawn",
    "dag",
    "fib",
    "fork_join",
    "from_networkx",
    "from_ninja",
    "from_wfcommons",
    "function",
    "matmul",
    "nqueens",
    "open_system",
    "pattern",
    "ping_pong",
    "program",
    "sequence",
    "skynet",
    "spawn_many",
    "together",
    "uts",
    "yield_many",
]

Origin = Literal["worker", "local", "remote"]


def fib(n: int, *, cost_ns: int | None = None, structured: bool = False) -> Workload:
    """The n-th Fibonacci number by a fork and a join at every level: about ``1.6**n`` tasks.

    Args:
        n: 0 .. 50.
        cost_ns: ns that a task takes in a simulation; None: what the call alone takes without a scheduler, about 2 ns. On threads
            the computation itself takes the time.
        structured: a call is a branch of its caller, and a task of its own only when another worker takes it; else each call is a
            task with a join handle, and the policy's `fork` has a say in who runs first.

    Examples:
        >>> fib(20).expected, fib(20, cost_ns=1_000).span
        (6765, 20000)
    """
    n = checked_count(n, "n", high=50, hint="fib(50) would already be 40 billion tasks")
    return _charged("fib", cost_ns, structured=structured, n=n)


def skynet(depth: int = 6, fanout: int = 10, *, cost_ns: int | None = None, structured: bool = False) -> Workload:
    """A tree of ``fanout**depth`` leaves that are numbered from 0; the answer is their sum. `cost_ns`, `structured` as for `fib`."""
    checked_tree(depth, fanout)
    return _charged("skynet", cost_ns, structured=structured, depth=depth, fanout=fanout)


def fork_join(depth: int, fanout: int, work_ns: int, *, structured: bool = False) -> Workload:
    """A tree of ``fanout**depth`` leaves, each busy for `work_ns` (ns); the answer is their number. `structured` as for `fib`."""
    leaves = checked_tree(depth, fanout)
    work = checked_ns(work_ns, "work_ns")
    if leaves * work > MAX_NS:
        raise ValueError(f"work_ns={work} for {leaves:,} leaves is more than 2**63 - 1 ns in all; use fewer or shorter ones")
    tree = _made("fork_join", depth=depth, fanout=fanout, work_ns=work)
    return replace(tree, structured=checked_flag(structured, "structured"))


def nqueens(n: int, *, cost_ns: int | None = None, structured: bool = False) -> Workload:
    """All ways to put n queens on an n by n board, a task a board; the answer is their number. `cost_ns`, `structured` as for `fib`."""
    n = checked_count(n, "n", low=1, high=MAX_QUEENS, hint="larger boards take too long to check")
    return _charged("nqueens", cost_ns, structured=structured, n=n)


def matmul(n: int, *, cost_ns: int | None = None) -> Workload:
    """The product C of two n by n int64 matrices; the answer is the sum of its elements.

    ``A[i, j] = (3 * i + 7 * j) % 11``, ``B[i, j] = (5 * i + 2 * j) % 13``. `cost_ns`, as for `fib`, is that of a block of 64 by 64
    by 64 elements; smaller blocks cost their share.
    """
    return _charged(
        "matmul", cost_ns, n=checked_count(n, "n", low=1, high=8192, hint="three matrices of n * n * 8 bytes must fit")
    )


def uts(tree: str | UtsTree, *, cost_ns: int | None = None) -> Workload:
    """Unbalanced Tree Search: a task a node; the answer is the number of nodes.

    Args:
        tree: ``"T1"``, ``"T1L"``, ``"T3"``, ``"T3L"`` (published trees of 4 to 111 million nodes), or a `UtsTree` of your own, whose
            size is found by walking it when it is first asked for.
        cost_ns: ns of a node in a simulation; None: about what its SHA-1 takes. On threads the hash itself takes the time.

    Raises:
        ValueError: no such tree.

    Examples:
        >>> uts("T3").expected
        4112897
    """
    if isinstance(tree, str):
        if tree not in TREES:
            raise ValueError(f"tree={tree!r}; need one of {', '.join(map(repr, TREES))}, or a UtsTree")
        return _charged("uts", cost_ns, label=f"uts({tree})", spec=TREES[tree])
    if not isinstance(tree, UtsTree):
        raise TypeError(f"tree={tree!r} is a {type(tree).__name__}; need a name such as 'T1', or a UtsTree")
    return _charged("uts", cost_ns, spec=tree)


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
    indptr: npt.ArrayLike,
    indices: npt.ArrayLike,
    cost_ns: npt.ArrayLike,
    *,
    names: Sequence[str] = (),
    label: str = "",
    body: Any = None,
    args: npt.ArrayLike | None = None,
    data: Any = None,
    unsafe: bool = False,
) -> Workload:
    """Any task graph: node i runs for ``cost_ns[i]`` once all that have an edge to it have ended; the answer is their number.

    Args:
        indptr: where each node's successors begin in `indices`, and the end of all; shape ``(n + 1,)``.
        indices: those of node i are ``indices[indptr[i]:indptr[i + 1]]``; an edge that is there twice counts twice.
        cost_ns: ns, shape ``(n,)``.
        names: one a node, or none.
        label: what to call the whole in a report.
        body: a compiled function that node i calls, with ``args[i]`` (None: i) and `data`, instead of being busy, as of `function`;
            it sees what those before it wrote. The answer is the sum of its results modulo 2**64. A simulation takes the costs.

    int64 arrays that are read-only are used in place; others are copied once, so that the value cannot change later.

    Raises:
        TypeError: arrays that hold no integers, or a `body` as `function` refuses it.
        ValueError: an unsound graph: a wrong length, a node out of range, a negative or infinite cost, a cycle (it is named).
    """
    # TaskGraph freezes whatever it is given; its annotations describe what it then holds.
    graph = TaskGraph(np.asarray(indptr), np.asarray(indices), np.asarray(cost_ns), tuple(names))
    return Workload("dag", graph=graph, label=str(label), spec=checked_dag_calls(len(graph), body, args, data, unsafe=unsafe))


def pattern(
    name: str,
    width: int,
    steps: int,
    *,
    cost_ns: int | Law = 1_000,
    seed: int = 0,
    radix: int | None = None,
    fraction: float = 0.5,
) -> Workload:
    """A `dag` in layers that has a name: a stencil, a butterfly, a tree; `stealscope.patterns` has their formulas.

    Args:
        name: ``trivial``, ``no_comm``, ``stencil_1d``, ``stencil_1d_periodic``, ``dom``, ``tree``, ``fft``, ``all_to_all``,
            ``nearest``, ``spread``, ``random_nearest``, ``chain``, ``fork_join`` or ``random_layered``.
        width: tasks a step, at least 1.
        steps: layers, at least 1.
        cost_ns: ns a task, or a law of `stealscope.dist` from which each task's cost is drawn.
        seed: of random edges and drawn costs.
        radix: how many tasks of the layer before, for ``nearest``, ``spread`` and ``random_nearest``; None: 5, or the width.
        fraction: probability of an edge, for ``random_nearest`` and ``random_layered``.

    Raises:
        ValueError: out of range, or more than 200 million edges.

    Examples:
        >>> pattern("fft", 8, 4, cost_ns=100).span
        400
    """
    spec = checked_pattern(name, width, steps, cost_ns, seed, radix, fraction)
    return Workload("dag", graph=spec.graph(), label=spec.label, spec=spec)


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


def open_system(
    arrivals: Law,
    service: Law,
    *,
    n: int,
    place: Place = "inject",
    slice: float | None = None,  # noqa: A002
    seed: int = 0,
) -> Workload:
    """Jobs that arrive whether the workers keep up or not; `Report.sojourns` says how long each was in the system.

    Args:
        arrivals: the gap between arrivals to the whole system; a law of `stealscope.dist`.
        service: how long a job keeps a worker busy.
        n: how many jobs arrive; the run ends when all have ended.
        place: where a job starts, whatever the policy's `placement` is: ``"inject"`` (the shared queue), ``"worker"`` (a uniformly
            random one), ``("jsq", d)`` (the least loaded of d random ones); None: as the policy says.
        slice: seconds of work after which a job yields; None: it runs to its end.
        seed: of gaps and sizes; those of job i depend on it and on i alone.

    A sojourn is the time from the planned arrival to the end, ns, in the order of arrivals. On threads an arrival may come some
    microseconds late, which counts. Work is the sum of all sizes; span the latest arrival plus size.

    Raises:
        TypeError: no law.
        ValueError: out of range.

    Examples:
        >>> from stealscope import dist
        >>> open_system(dist.deterministic(2e-6), dist.deterministic(1e-6), n=3).span
        7000
    """
    return Workload("open_system", spec=checked_open_system(arrivals, service, n, place, slice, seed))


def program(ops: Sequence[Sequence[Instruction]], *, capacity: int = 1) -> Workload:
    """A small list of instructions for each task; `stealscope.program` has the instructions.

    Args:
        ops: the instructions of task 0, the root, then of task 1, and so on. Each other task is spawned by one `Spawn` at most.
        capacity: how many values each channel holds.

    The answer is how many tasks reach their last instruction. A program that waits for itself never ends; in a simulation it is a
    `DeadlockError`.

    Raises:
        TypeError: no instruction.
        ValueError: one that no run can follow; the message names the task.

    Examples:
        >>> from stealscope.program import Join, Spawn, Work
        >>> program([[Spawn(1), Join(1)], [Work(500)]]).expected
        2
    """
    return Workload("program", spec=checked_program(ops, capacity))


def function(cfunc: Any, args: npt.ArrayLike, *, cost_ns: int | None = None, data: Any = None, unsafe: bool = False) -> Workload:
    """A compiled function, called by one task for each element of an array; the answer is the sum of its results modulo 2**64.

    Args:
        cfunc: an ``int64(int64)``: a numba ``@cfunc``, a ctypes function with `argtypes` and `restype`, a cffi function pointer, or
            its address. It is called on several workers at once, without the GIL, and must not throw.
        args: int64, shape ``(n,)``; used in place if read-only, else copied once.
        cost_ns: ns that a call takes in a simulation, which cannot know it (and calls the function all the same).
        data: a NumPy array, or anything with a C-contiguous buffer; its address is the second argument of an ``int64(int64, pointer)``.
            It is not copied, and cannot be resized while the workload lives or runs; nobody checks who writes where.
        unsafe: take a bare address, whose signature nobody can check.

    Raises:
        TypeError: another signature, or a bare address without `unsafe`. Pickling it is a TypeError too.
        ValueError: `data` is empty or not contiguous.
    """
    cost = None if cost_ns is None else checked_ns(cost_ns, "cost_ns")
    return Workload("function", spec=checked_function(cfunc, args, cost, data, unsafe=unsafe))


def sequence(*workloads: Workload) -> Workload:
    """One after the other; the answer is the tuple of theirs."""
    return _combined("sequence", workloads)


def together(*workloads: Workload) -> Workload:
    """All at the same time; the answer is the tuple of theirs."""
    return _combined("together", workloads)


def _made(kind: str, **params: int | str) -> Workload:
    return Workload(kind, tuple((key, value if isinstance(value, str) else int(value)) for key, value in params.items()))


def _charged(
    kind: str, cost_ns: int | None, *, label: str = "", spec: UtsTree | None = None, structured: bool = False, **params: int
) -> Workload:
    """A kind whose tasks compute on threads, and take a declared time in a simulation."""
    cost = DEFAULT_COST_NS[kind] if cost_ns is None else checked_ns(cost_ns, "cost_ns")
    plain = tuple((key, int(value)) for key, value in params.items())
    return Workload(kind, plain, cost_ns=cost, label=label, spec=spec, structured=checked_flag(structured, "structured"))


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
    return checked_count(value, name, high=MAX_TASKS, hint="more tasks would not fit in memory")
