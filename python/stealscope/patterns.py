"""Which task graphs have a name? Layers of tasks that depend on the layer before by a formula.

Task i of step t depends on tasks of step t - 1, by the formula of its pattern (W is the width; what falls outside 0 .. W - 1 is left
out, unless "mod W" is said):

=====================  =============================================================================================
trivial                nothing: W * steps tasks on their own
no_comm                i: W chains
stencil_1d             i - 1, i, i + 1
stencil_1d_periodic    the same mod W
dom                    i - 1, i: a wave that sweeps over the width
tree                   i // 2, where step t has min(W, 2**t) tasks
fft                    i, i - 2**k, i + 2**k with k = (t - 1) mod ceil(log2 W): a butterfly
all_to_all             all
nearest                the `radix` tasks around i: i - (radix - 1) // 2 .. i + radix // 2
spread                 i + j * W // radix + (t - 1 if j else 0) mod W, for j in range(radix): far apart, and they move
random_nearest         as nearest, but each with probability `fraction`
chain                  one chain of W * steps tasks
fork_join              a task, then per step W tasks that it releases and one that waits for them all
random_layered         each of the layer before with probability `fraction`, and at least one
=====================  =============================================================================================

Most are patterns that E. Slaughter et al. collect in "Task Bench: A Parameterized Benchmark for Evaluating Parallel Runtime
Performance" (SC 2020); the formulas here are our own, so results are not Task Bench results. Invariant: a graph is a function of its
description: random edges come from Philox words, which are the same in every NumPy. Read next: `graph.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .dist import Law
from .graph import IntArray, TaskGraph
from .units import MAX_NS, checked_count, checked_ns

__all__ = ["PATTERNS", "Pattern", "checked_pattern"]

_MAX_EDGES = 200_000_000
_RANDOM = ("random_nearest", "random_layered")

_Before: TypeAlias = "tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]"
"""Candidates in the layer before, and which of them count: arrays that broadcast to (steps - 1, W, k)."""


@dataclass(frozen=True)
class Pattern:
    """The description behind `workloads.pattern`, checked.

    Attributes:
        name: one of `PATTERNS`.
        width: tasks a step.
        steps: layers.
        cost_ns: ns a task, or a law to draw each from.
        seed: of random edges and of drawn costs.
        radix: of the patterns that have one.
        fraction: the same.
    """

    name: str
    width: int
    steps: int
    cost_ns: int | Law
    seed: int
    radix: int
    fraction: float

    @property
    def label(self) -> str:
        """The call that makes it."""
        more = f", seed={self.seed}" if self.is_random else ""
        return f"pattern({self.name!r}, {self.width}, {self.steps}{more})"

    @property
    def is_random(self) -> bool:
        """Another seed gives another graph."""
        return self.name in _RANDOM or isinstance(self.cost_ns, Law)

    def with_seed(self, seed: int) -> Pattern:
        """Other edges and costs of the same pattern."""
        return replace(self, seed=seed)

    def graph(self) -> TaskGraph:
        """The graph: tasks are numbered step by step."""
        widths = _widths(self)
        nodes = int(widths.sum())
        before, after = _edges(self, widths)
        # One number an edge: sorting it groups them by the task before, and shows those that a formula names twice.
        edges = np.unique(before * nodes + after)
        indptr = np.zeros(nodes + 1, dtype=np.int64)
        np.cumsum(np.bincount(edges // max(nodes, 1), minlength=nodes), out=indptr[1:])
        return TaskGraph(indptr, edges % max(nodes, 1), self._costs(nodes))

    def _costs(self, nodes: int) -> IntArray:
        if isinstance(self.cost_ns, Law):
            return self.cost_ns.draws(nodes, self.seed, column=1)
        return np.full(nodes, self.cost_ns, dtype=np.int64)

    def words(self, *shape: int) -> npt.NDArray[np.bool_]:
        """True with probability `fraction`, each on its own."""
        raw = np.random.Philox(key=np.array([self.seed, 1], dtype=np.uint64)).random_raw(int(np.prod(shape)))
        limit = round(self.fraction * 2**53)
        return ((raw >> np.uint64(11)) < np.uint64(limit)).reshape(shape)


def checked_pattern(
    name: str, width: int, steps: int, cost_ns: int | Law, seed: int, radix: int | None, fraction: float
) -> Pattern:
    """A `Pattern` from a user's arguments."""
    if name not in PATTERNS:
        raise ValueError(f"name={name!r}; need one of {', '.join(map(repr, PATTERNS))}")
    width = checked_count(width, "width", low=1, high=10**8)
    steps = checked_count(steps, "steps", low=1, high=10**8)
    cost = cost_ns if isinstance(cost_ns, Law) else checked_ns(cost_ns, "cost_ns")
    if isinstance(cost, int) and width * steps * cost > MAX_NS:
        raise ValueError(
            f"cost_ns={cost} for {width * steps:,} tasks is more than 2**63 - 1 ns in all; use fewer or shorter ones"
        )
    radix = checked_count(min(5, width) if radix is None else radix, "radix", low=1, high=width, hint="at most the width")
    if isinstance(fraction, bool) or not 0 <= fraction <= 1:
        raise ValueError(f"fraction={fraction!r}; need a probability, 0..1")
    per_task = {"all_to_all": width, "random_layered": width, "nearest": radix, "spread": radix, "random_nearest": radix}
    edges = width * steps * per_task.get(name, 3)
    if edges > _MAX_EDGES:
        raise ValueError(f"{name} of width={width} and steps={steps} has about {edges:,} edges; need at most {_MAX_EDGES:,}")
    return Pattern(name, width, steps, cost, checked_count(seed, "seed"), radix, float(fraction))


def _widths(pattern: Pattern) -> IntArray:
    """Tasks in each layer."""
    width, steps = pattern.width, pattern.steps
    match pattern.name:
        case "tree":
            return np.array([min(width, 1 << min(step, 62)) for step in range(steps)], dtype=np.int64)
        case "chain":
            return np.ones(width * steps, dtype=np.int64)
        case "fork_join":
            return np.array([1] + [width, 1] * steps, dtype=np.int64)
    return np.full(steps, width, dtype=np.int64)


def _edges(pattern: Pattern, widths: IntArray) -> tuple[IntArray, IntArray]:
    starts = np.concatenate([[0], np.cumsum(widths)])
    if pattern.name == "chain":
        nodes = np.arange(int(starts[-1]) - 1, dtype=np.int64)
        return nodes, nodes + 1
    if pattern.name == "fork_join":
        forks = np.repeat(starts[:-1:2][:-1], pattern.width)
        tasks = (starts[1:-1:2][:, None] + np.arange(pattern.width)).ravel()
        joins = np.repeat(starts[2:-1:2], pattern.width)
        return np.concatenate([forks, tasks]), np.concatenate([tasks, joins])
    steps = np.arange(1, pattern.steps, dtype=np.int64)[:, None, None]
    here = np.arange(pattern.width, dtype=np.int64)[None, :, None]
    before, counts = PATTERNS[pattern.name](pattern, steps, here)
    counts = counts & (before >= 0) & (before < widths[steps - 1]) & (here < widths[steps])
    before, after = np.broadcast_arrays(starts[steps - 1] + before, starts[steps] + here)
    counts = np.broadcast_to(counts, before.shape)
    return before[counts], after[counts]


_ALL = np.ones((1, 1, 1), dtype=np.bool_)


def _offsets(*offsets: int) -> Callable[[Pattern, IntArray, IntArray], _Before]:
    return lambda pattern, steps, here: (here + np.array(offsets, dtype=np.int64), _ALL)


def _none(pattern: Pattern, steps: IntArray, here: IntArray) -> _Before:
    return here, ~_ALL


def _periodic(pattern: Pattern, steps: IntArray, here: IntArray) -> _Before:
    return (here + np.array([-1, 0, 1])) % pattern.width, _ALL


def _tree(pattern: Pattern, steps: IntArray, here: IntArray) -> _Before:
    return here // 2, np.broadcast_to(_ALL, (steps.size, 1, 1))


def _fft(pattern: Pattern, steps: IntArray, here: IntArray) -> _Before:
    distance = np.int64(1) << ((steps - 1) % max(1, (pattern.width - 1).bit_length()))
    return here + np.concatenate([-distance, np.zeros_like(distance), distance], axis=2), _ALL


def _all_to_all(pattern: Pattern, steps: IntArray, here: IntArray) -> _Before:
    everybody = np.arange(pattern.width, dtype=np.int64)[None, None, :]
    return everybody, np.broadcast_to(_ALL, (steps.size, pattern.width, 1))


def _nearest(pattern: Pattern, steps: IntArray, here: IntArray) -> _Before:
    return here + np.arange(-((pattern.radix - 1) // 2), pattern.radix // 2 + 1, dtype=np.int64), _ALL


def _spread(pattern: Pattern, steps: IntArray, here: IntArray) -> _Before:
    j = np.arange(pattern.radix, dtype=np.int64)[None, None, :]
    return (here + j * pattern.width // pattern.radix + np.where(j > 0, steps - 1, 0)) % pattern.width, _ALL


def _random_nearest(pattern: Pattern, steps: IntArray, here: IntArray) -> _Before:
    before, _ = _nearest(pattern, steps, here)
    return before, pattern.words(steps.size, pattern.width, pattern.radix)


def _random_layered(pattern: Pattern, steps: IntArray, here: IntArray) -> _Before:
    before, _ = _all_to_all(pattern, steps, here)
    chosen = pattern.words(steps.size, pattern.width, pattern.width)
    raw = np.random.Philox(key=np.array([pattern.seed, 2], dtype=np.uint64)).random_raw(steps.size * pattern.width)
    at_least = ((raw >> np.uint64(32)) * np.uint64(pattern.width) >> np.uint64(32)).astype(np.int64)
    return before, chosen | (before == at_least.reshape(steps.size, pattern.width, 1))


PATTERNS: dict[str, Callable[[Pattern, IntArray, IntArray], _Before]] = {
    "trivial": _none,
    "no_comm": _offsets(0),
    "stencil_1d": _offsets(-1, 0, 1),
    "stencil_1d_periodic": _periodic,
    "dom": _offsets(-1, 0),
    "tree": _tree,
    "fft": _fft,
    "all_to_all": _all_to_all,
    "nearest": _nearest,
    "spread": _spread,
    "random_nearest": _random_nearest,
    "chain": _none,
    "fork_join": _none,
    "random_layered": _random_layered,
}
"""By name: what a task of step t may depend on. `chain` and `fork_join` have layers of their own."""
