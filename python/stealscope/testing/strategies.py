"""Which workloads, programs, policies, faults and schedules can be drawn for a property test?

Each function gives a Hypothesis strategy. A failing example shrinks towards the smallest program, the ordinary policy, no
faults, and the schedule that the seed alone gives. Invariant: every value that is drawn is one that `Simulation` takes, and
every workload ends under every schedule. Read next: `laws.py` (what must hold).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from .. import workloads as kinds
from .._workload import Workload
from ..faults import Fault, LateWake, Slow, Stall
from ..policy import Policy
from ..program import Block, Cancel, Instruction, Join, Lock, Sleep, Spawn, Work, Yield
from ..units import checked_count

__all__ = ["dags", "faults", "policies", "programs", "schedules", "topologies", "workloads"]

_LONG_NS = 500_000  # a task that is long beside every cost of scheduling
_TREES = ((1, 1), (1, 3), (1, 30), (2, 2), (2, 8), (3, 5), (6, 2))  # depth and fan-out


def _ns(most: int = _LONG_NS) -> st.SearchStrategy[int]:
    """What a task takes: nothing, or short, or long beside every cost of scheduling."""
    return st.sampled_from([0, most, most // 2, most // 500]) | st.integers(0, most)


def workloads(*, max_tasks: int = 200) -> st.SearchStrategy[Workload]:
    """Workloads of all kinds: trees, graphs, yields, messages, programs; from a single task on.

    Args:
        max_tasks: about how many tasks at most.
    """
    most = checked_count(max_tasks, "max_tasks", low=1)
    trees = [(depth, fanout) for depth, fanout in _TREES if fanout**depth <= most]

    def forks(*, structured: bool) -> st.SearchStrategy[Workload]:
        return st.builds(
            lambda tree, ns: kinds.fork_join(tree[0], tree[1], ns, structured=structured), st.sampled_from(trees), _ns()
        )

    return st.one_of(
        programs(max_tasks=min(most, 12)),
        forks(structured=False),
        forks(structured=False),  # twice: who may take what from whom matters most where much lies in one queue
        dags(max_nodes=min(most, 15)),
        st.integers(0, most).map(kinds.spawn_many),
        st.builds(kinds.yield_many, st.integers(0, min(most, 8)), st.integers(0, 8)),
        st.integers(0, min(most, 8)).map(kinds.ping_pong),
        st.integers(0, min(most, 50)).map(kinds.chained_spawn),
        forks(structured=True),
    )


@st.composite
def programs(draw: st.DrawFn, *, max_tasks: int = 12, cancel: bool = True) -> Workload:
    """A tree of tasks with a few instructions each; every one ends under every schedule.

    A lock is held for work and sleep only, and a task joins its own children only, so none can wait for itself.

    Args:
        max_tasks: tasks at most.
        cancel: a task may cancel a child that it has not joined.
    """
    count = draw(st.integers(1, checked_count(max_tasks, "max_tasks", low=1)))
    children: list[list[int]] = [[] for _ in range(count)]
    for task in range(1, count):
        children[draw(st.integers(0, task - 1))].append(task)
    return kinds.program([draw(_instructions(own, cancel)) for own in children])


def _instructions(children: list[int], cancel: bool) -> st.SearchStrategy[list[Instruction]]:
    ns = _ns()
    quiet: list[st.SearchStrategy[Any]] = [st.just(Yield()), ns.map(Work), ns.map(Sleep), ns.map(Block)]
    quiet.append(st.builds(Lock, st.integers(0, 1), st.lists(st.one_of(ns.map(Work), ns.map(Sleep)), max_size=2).map(tuple)))
    ends = st.sampled_from([None, Join, *([Cancel] if cancel else [])])
    between = st.lists(st.one_of(*quiet), max_size=2)
    family = st.tuples(*(st.tuples(between, ends) for _ in children)) if children else st.just(())

    def together(parts: tuple[Any, ...], before: list[Instruction], after: list[Instruction]) -> list[Instruction]:
        ops: list[Instruction] = list(before)
        for child, (quiet_ops, _) in zip(children, parts, strict=True):
            ops += [Spawn(child), *quiet_ops]
        for child, (_, end) in zip(children, parts, strict=True):
            if end is not None:
                ops.append(end(child))
        return ops + after

    return st.builds(together, family, between, between)


@st.composite
def dags(draw: st.DrawFn, *, max_nodes: int = 40, max_ns: int = _LONG_NS) -> Workload:
    """A random task graph, edges from earlier to later nodes.

    Args:
        max_nodes: nodes at most.
        max_ns: cost of a node at most, ns.
    """
    nodes = draw(st.integers(1, checked_count(max_nodes, "max_nodes", low=1)))
    costs = draw(st.lists(_ns(max_ns), min_size=nodes, max_size=nodes))
    indptr, indices = [0], list[int]()
    for node in range(nodes):
        later = st.lists(st.integers(node + 1, nodes - 1), max_size=4, unique=True) if node + 1 < nodes else st.just([])
        indices += sorted(draw(later))
        indptr.append(len(indices))
    return kinds.dag(indptr, indices, costs)


def policies(own: Policy | Callable[..., Any] | None = None, *, presets: bool = True) -> st.SearchStrategy[Policy]:
    """Policies; the ordinary one first.

    Args:
        own: a policy to vary in everything that it leaves as it is by default, or a `victims` function: then every policy drawn
            has it.
        presets: the named ones too; not beside `own`.
    """
    fields: dict[str, st.SearchStrategy[Any]] = {
        "lifo_polls": st.sampled_from([3, 1, 5]),
        "lifo_steal_after": st.sampled_from([None, 1, 2]),
        "local_order": st.sampled_from(["fifo", "lifo"]),
        "local_capacity": st.sampled_from([256, 2, 4, 64]),
        "placement": st.sampled_from(["local", "random", ("jsq", 2)]),
        "steal": st.sampled_from(["half", "one", "all", 3, 0.3]),
        "victims": st.sampled_from(["random-start-scan", "uniform", "round-robin", "last-victim", "two-choices", "longest"]),
        "attempts": st.none() | st.integers(1, 5),
        "global_interval": st.just("adaptive") | st.integers(1, 100),
        "inject": st.sampled_from(["single", "sharded"]),
        "inject_batch": st.just("share") | st.integers(1, 10),
        "max_searching": st.sampled_from([0.5, 0.1, 1.0]),
        "spin": st.integers(0, 3),
        "notify": st.sampled_from(["baton", "per-task", "all", "never"]),
        "fork": st.sampled_from(["help-first", "work-first"]),
        "event_interval": st.integers(1, 100),
    }
    kept: dict[str, Any] = {"victims": own} if callable(own) else own.changed if own is not None else {}
    varied = st.fixed_dictionaries({}, optional={name: values for name, values in fields.items() if name not in kept})
    drawn = varied.map(lambda given: _policy_or_none(kept | given)).filter(lambda policy: policy is not None)
    named = [Policy(**kept)] if own is not None or not presets else list(Policy.presets().values())
    return st.one_of(st.sampled_from(named), drawn)


def _policy_or_none(fields: dict[str, Any]) -> Policy | None:
    """None where a field would have no effect beside another, which a policy refuses."""
    try:
        return Policy(**fields)
    except ValueError:
        return None


def faults(workers: int, *, max_faults: int = 3, horizon: float = 1e-3) -> st.SearchStrategy[list[Fault]]:
    """Stalled, slow and late workers; no fault first.

    Args:
        workers: of the simulation.
        max_faults: at most so many.
        horizon: when and for how long at most, seconds.
    """
    worker = st.integers(0, checked_count(workers, "workers", low=1) - 1)
    seconds = st.integers(0, 1000).map(lambda part: part * horizon / 1000)
    one: st.SearchStrategy[Fault] = st.one_of(
        st.builds(Stall, worker, seconds, seconds),
        st.builds(Slow, worker, seconds, seconds, st.sampled_from([2.0, 10.0])),
        st.builds(LateWake, worker, seconds, seconds),
    )
    return st.lists(one, max_size=max_faults)


def topologies(workers: int, *, furthest: float = 1e-6) -> st.SearchStrategy[list[list[float]] | None]:
    """What a look at a victim takes besides, by thief and victim: a uniform machine (None) first, then groups of workers.

    Args:
        workers: of the simulation.
        furthest: between two groups, seconds; within one it is nothing.
    """
    count = checked_count(workers, "workers", low=1)

    def groups(size: int) -> list[list[float]]:
        return [[furthest if thief // size != victim // size else 0.0 for victim in range(count)] for thief in range(count)]

    return st.none() | st.integers(1, count).map(groups)


def schedules(*, max_decisions: int = 60, max_deviations: int = 4) -> st.SearchStrategy[bytes | dict[int, int]]:
    """What ``Simulation(choices=)`` takes: how open choices are answered; the ordinary schedule first.

    As bytes, one a decision, or as a few single deviations, which reach further into a run. It is drawn in one go, so a long run
    costs no more than a short one.

    Args:
        max_decisions: bytes at most.
        max_deviations: single deviations at most; they lie within the first ``10 * max_decisions`` decisions.
    """
    most = checked_count(max_decisions, "max_decisions")
    sparse = st.dictionaries(st.integers(0, 10 * most), st.integers(1, 7), max_size=max_deviations)
    return st.one_of(st.binary(max_size=most), sparse)
