"""Which runs does an experiment consist of? Its axes, checked and named, and their product.

Invariant: every name on an axis is there once; each cell can be pickled; a cell's key changes with anything its run depends on.
Read next: `_cells.py` (one run), `experiments.py`.
"""

from __future__ import annotations

import json
import pickle
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_args

from ._cells import ROW_FORMAT, Cell, Engine, is_random
from ._content import content_hash, described, scheduler_hash
from ._streams import STREAMS, stream_key
from .units import checked_count
from .workloads import Workload

if TYPE_CHECKING:
    from .costs import Costs
    from .policy import Policy

__all__ = ["Grid", "Policies", "Workloads", "make_grid"]

Workloads: TypeAlias = "Workload | Iterable[Workload] | Mapping[str, Workload]"
Policies: TypeAlias = "str | Policy | Iterable[str | Policy] | Mapping[str, str | Policy]"

K = TypeVar("K")
V = TypeVar("V")

_MAX_SEED = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The axes of an experiment, by name where they are not numbers."""

    workloads: Mapping[str, Workload]
    policies: Mapping[str, Policy]
    workers: tuple[int, ...]
    seeds: tuple[int, ...]
    costs: Mapping[str, Costs | None]
    engine: Engine

    def cells(self) -> list[Cell]:
        """All runs, those of a block (same workload, costs, workers, replication; every policy once) beside each other.

        Raises:
            ValueError: a workload, policy or cost table that cannot be pickled, so that no other process could run it.
        """
        hashes = {kind: self._hashes(kind) for kind in ("workload", "policy", "costs")}
        machine = platform.node() if self.engine == "threads" else ""
        return [
            Cell(
                workload_name=workload,
                workload=self.workloads[workload],
                policy_name=policy,
                policy=self.policies[policy],
                workers=workers,
                costs_name=costs,
                costs=self.costs[costs],
                replication=replication,
                seed=seed,
                engine=self.engine,
                key=_key(
                    (self.engine, machine, scheduler_hash(), workers, seed),
                    {"workload": workload, "policy": policy, "costs": costs},
                    hashes,
                ),
            )
            for workload in self.workloads
            for costs in self.costs
            for workers in self.workers
            for replication, seed in enumerate(self.seeds)
            for policy in self.policies
        ]

    def fixed_workloads(self) -> list[str]:
        """Names of the workloads that are the same in every replication."""
        return [name for name, workload in self.workloads.items() if not is_random(workload)]

    def to_dict(self) -> dict[str, Any]:
        """Every field and its content hash, the seeds and the keys of their streams; JSON-serialisable."""
        axes = {kind: self._axis(kind) for kind in ("workload", "policy", "costs")}
        return {
            "engine": self.engine,
            "workloads": _described_axis(axes["workload"]),
            "policies": _described_axis(axes["policy"]),
            "workers": list(self.workers),
            "costs": _described_axis(axes["costs"]),
            "seeds": [{"seed": seed} | {stream: stream_key(seed, stream) for stream in STREAMS} for seed in self.seeds],
        }

    def _axis(self, kind: str) -> Mapping[str, Any]:
        return {"workload": self.workloads, "policy": self.policies, "costs": self.costs}[kind]

    def _hashes(self, kind: str) -> dict[str, str]:
        hashes = {}
        for name, value in self._axis(kind).items():
            try:
                pickle.dumps(value)
            except Exception as error:
                first = self._first(kind, name)
                raise ValueError(
                    f"{kind} {name!r} cannot be pickled, so no other process could run its cells; the first is {first}; "
                    f"define what it holds at the top level of a module ({error})"
                ) from error
            hashes[name] = content_hash(value)
        return hashes

    def _first(self, kind: str, name: str) -> str:
        axes = {other: name if other == kind else next(iter(self._axis(other))) for other in ("workload", "policy", "costs")}
        return f"workload {axes['workload']!r}, policy {axes['policy']!r}, {self.workers[0]} workers, seed {self.seeds[0]}"


def make_grid(
    workloads: Workloads,
    policies: Policies,
    workers: int | Iterable[int],
    seeds: Iterable[int],
    *,
    engine: Engine,
    costs: Costs | Mapping[str, Costs] | None,
) -> Grid:
    """The axes as the user gave them, checked.

    Raises:
        TypeError, ValueError: as `experiment`.
    """
    if engine not in get_args(Engine):
        raise ValueError(f"engine={engine!r}; need 'sim' or 'threads'")
    return Grid(
        workloads=_named_workloads(workloads),
        policies=_named_policies(policies),
        workers=_numbers(workers, "workers", low=1, high=65535),
        seeds=_seeds(seeds),
        costs=_named_costs(costs, engine),
        engine=engine,
    )


def _named_workloads(workloads: Workloads) -> dict[str, Workload]:
    if isinstance(workloads, Workload):
        workloads = [workloads]
    named = (
        list(workloads.items()) if isinstance(workloads, Mapping) else [(getattr(item, "name", "?"), item) for item in workloads]
    )
    for name, workload in named:
        if not isinstance(workload, Workload):
            raise TypeError(f"workloads[{name!r}] is a {type(workload).__name__}; need a workload, such as workloads.fib(20)")
    return _unique(named, "workloads")


def _named_policies(policies: Policies) -> dict[str, Policy]:
    from .policy import Policy

    if isinstance(policies, str | Policy):
        policies = [policies]
    if isinstance(policies, Mapping):
        named = [(name, Policy.resolve(policy)) for name, policy in policies.items()]
    else:
        named = [(str(policy), policy) for policy in map(Policy.resolve, policies)]
    return _unique(named, "policies")


def _named_costs(costs: Costs | Mapping[str, Costs] | None, engine: Engine) -> dict[str, Costs | None]:
    if engine == "threads":
        if costs is not None:
            raise ValueError(f"costs={costs!r} with engine='threads'; costs are of a simulation: leave them out")
        return {"real": None}
    from .costs import Costs

    if costs is None or isinstance(costs, Costs):
        return {"default" if costs is None else "given": costs or Costs()}
    for name, table in costs.items():
        if not isinstance(table, Costs):
            raise TypeError(f"costs[{name!r}] is a {type(table).__name__}; need Costs")
    return _unique(list(costs.items()), "costs")


def _seeds(seeds: Iterable[int]) -> tuple[int, ...]:
    if isinstance(seeds, int):
        raise TypeError(f"seeds={seeds} is one number; need the seeds of all replications, such as range({max(seeds, 1)})")
    return _numbers(seeds, "seeds", low=0, high=_MAX_SEED)


def _numbers(values: int | Iterable[int], name: str, *, low: int, high: int) -> tuple[int, ...]:
    numbers = [checked_count(value, name, low=low, high=high) for value in ([values] if isinstance(values, int) else values)]
    return tuple(_unique([(number, None) for number in numbers], name))


def _unique(pairs: list[tuple[K, V]], axis: str) -> dict[K, V]:
    if not pairs:
        raise ValueError(f"{axis} is empty; give one or more")
    counts = Counter(name for name, _ in pairs)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"{axis} holds {twice[0]!r} {counts[twice[0]]} times; give each once, or names of their own in a dict")
    return dict(pairs)


def _described_axis(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"text": str(value), "sha256": content_hash(value), "fields": described(value)} for name, value in values.items()
    }


def _key(run: tuple[str | int, ...], names: Mapping[str, str], hashes: Mapping[str, Mapping[str, str]]) -> str:
    # Names count too: one policy under two names is measured twice on real threads.
    inputs = [ROW_FORMAT, *run, *((kind, name, hashes[kind][name]) for kind, name in names.items())]
    return sha256(json.dumps(inputs).encode()).hexdigest()
