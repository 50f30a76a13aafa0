"""What is Unbalanced Tree Search? Trees whose shape nobody knows before walking them, and whose size is then known exactly.

A node is a SHA-1 digest; child i's is that of its parent's digest followed by i. Source: S. Olivier et al., "UTS: An Unbalanced Tree
Search Benchmark" (LCPC 2006), with its named trees and their sizes. Invariant: a tree is a value, and the C++ side walks the same
one. Read next: `workloads.py`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Literal

from . import _core
from .units import checked_count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .shapes import TaskName

__all__ = ["TREES", "UtsSize", "UtsTree"]

_MAX_CHILDREN = 100
"""No node has more, but for a binomial root. Source: the benchmark's own limit."""
_MAX_INT32 = 2**31 - 1


@dataclass(frozen=True)
class UtsSize:
    """How large a tree is.

    Attributes:
        nodes: all of them.
        leaves: those without children.
        depth: of the deepest; the root's is 0.
    """

    nodes: int
    leaves: int
    depth: int


@dataclass(frozen=True)
class UtsTree:
    """The parameters of one tree.

    Args:
        shape: ``"binomial"``: the root has ``floor(branching)`` children, every other node `children` with probability `probability`,
            else none. ``"geometric"``: a node has a geometric number of children, `branching` on average, above depth `depth`.
        seed: of the root, 0 .. 2**31 - 1.
        branching: see above; above 0, at most 10,000.
        children: of a binomial tree.
        probability: the same; the further their product is above 1, the likelier a tree has no end, so at most 1.01.
        depth: of a geometric tree.

    Raises:
        ValueError: out of range.

    Examples:
        >>> UtsTree("geometric", seed=19, branching=4.0, depth=5).size().nodes
        3987
    """

    shape: Literal["binomial", "geometric"]
    seed: int
    branching: float
    children: int = 0
    probability: float = 0.0
    depth: int = 0

    kind = "uts"

    def __post_init__(self) -> None:
        if self.shape not in ("binomial", "geometric"):
            raise ValueError(f"shape={self.shape!r}; need 'binomial' or 'geometric'")
        checked_count(self.seed, "seed", high=_MAX_INT32)
        checked_count(self.children, "children", high=_MAX_CHILDREN)
        checked_count(self.depth, "depth", high=_MAX_INT32)
        if not 0 < self.branching <= 10_000:
            raise ValueError(f"branching={self.branching!r}; need more than 0, at most 10000")
        if not 0 <= self.probability <= 1 or (self.shape == "binomial" and self.children * self.probability > 1.01):
            raise ValueError(f"children={self.children}, probability={self.probability!r}; need a product of at most 1.01")

    def with_seed(self, seed: int) -> UtsTree:
        """The tree of another root; of a larger seed its 31 low bits count."""
        return replace(self, seed=seed % 2**31)

    def size(self) -> UtsSize:
        """Nodes, leaves and depth: of a named tree as published, else by walking it (C++, about 5 million nodes a second)."""
        return _SIZES.get(self) or _measured(self)

    def ints(self) -> tuple[int, ...]:
        """As the C++ side takes it; see ``rt/workload/uts.hpp``."""
        if self.shape == "binomial":
            return 0, self.seed, math.floor(self.branching), self.children, math.ceil(Fraction(self.probability) * 2**31), 0
        ratio = Fraction(self.branching) / (1 + Fraction(self.branching))
        return 1, self.seed, 0, 0, round(ratio * 2**63), self.depth

    def edges(self) -> Iterator[tuple[TaskName, TaskName]]:
        """From each node to its children; lazily."""
        open_nodes: list[tuple[TaskName, bytes]] = [(("root",), hashlib.sha1(bytes(16) + self.seed.to_bytes(4, "big")).digest())]
        while open_nodes:
            name, digest = open_nodes.pop()
            for i in range(self._children_of(digest, len(name) - 1)):
                child = (*name, i)
                yield name, child
                open_nodes.append((child, hashlib.sha1(digest + i.to_bytes(4, "big")).digest()))

    def _children_of(self, digest: bytes, depth: int) -> int:
        shape, _, root_children, children, threshold, limit = self.ints()
        number = int.from_bytes(digest[16:], "big") & _MAX_INT32
        if shape == 0:
            return root_children if depth == 0 else children if number < threshold else 0
        count, power = 0, threshold
        while depth < limit and power >= 2**63 - (number << 32) and count < _MAX_CHILDREN:
            count, power = count + 1, power * threshold >> 63
        return count


@cache
def _measured(tree: UtsTree) -> UtsSize:
    return UtsSize(*_core._measure_uts(tree.ints()))


TREES: dict[str, UtsTree] = {
    "T1": UtsTree("geometric", seed=19, branching=4.0, depth=10),
    "T1L": UtsTree("geometric", seed=29, branching=4.0, depth=13),
    "T3": UtsTree("binomial", seed=42, branching=2000.0, children=8, probability=0.124875),
    "T3L": UtsTree("binomial", seed=7, branching=2000.0, children=5, probability=0.200014),
}
"""The benchmark's trees that are in wide use, by name."""

_SIZES: dict[UtsTree, UtsSize] = {
    TREES["T1"]: UtsSize(4_130_071, 3_305_118, 10),
    TREES["T1L"]: UtsSize(102_181_082, 81_746_377, 13),
    TREES["T3"]: UtsSize(4_112_897, 3_599_034, 1572),
    TREES["T3L"]: UtsSize(111_345_631, 89_076_904, 17_844),
}
