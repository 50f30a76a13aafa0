"""What does each step of the scheduler take in virtual time, and where is each number from?

Invariant: a `Costs` is a frozen value of seconds by kind of step; the order of its kinds is that of ``rt::Cost``. Read
next: `calibration.py` (measures them), `simulation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

from . import _html
from .tables import key_values
from .units import checked_scale, format_ns, seconds_to_ns

__all__ = ["Cost", "Costs"]

Cost: TypeAlias = float | tuple[float, ...]
"""A constant, or at least two ascending quantiles of a distribution; each gap between two of them is equally likely, and
evenly so within.  [s]"""

_ABOUT = ("name", "version", "source", "machine", "date", "validated_workers")


@dataclass(frozen=True, kw_only=True)
class Costs:
    """A named table of what scheduling takes. Each cost is a number of seconds or a tuple of quantiles, see `Cost`.

    The defaults were measured with `calibrate` on the machine that `machine` names; `source` says how. They were checked for
    one worker only: a report of two or more says ``validated=False``.

    Attributes:
        pop: a task out of a worker's own slot or queue.
        push: a task into one.
        spawn: making a task.
        poll: entering and leaving a poll, with the task's way back into the scheduler.
        steal_hit: a look at a victim that brought something, without the tasks moved.
        steal_miss: a look at one that brought nothing.
        move: one task moved between queues.
        inject: one visit to the shared queue, without waiting for its lock (that comes from who else is there).
        park: going to rest.
        unpark: waking another worker, on the waker's side.
        wake_latency: from there to the first step of the woken worker.
        timers: one look at the timers.
        name: what the table is called.
        version: of the table.
        source: how the numbers were measured.
        machine: where.
        date: when.
        validated_workers: up to so many workers predicted makespans were compared with real ones.
    """

    pop: Cost = 4.8e-9
    push: Cost = 3.3e-9
    spawn: Cost = 54e-9
    poll: Cost = 22e-9
    steal_hit: Cost = 230e-9
    steal_miss: Cost = 6e-9
    move: Cost = 2.9e-9
    inject: Cost = 13.7e-9
    park: Cost = 6.6e-6
    unpark: Cost = 2.7e-6
    wake_latency: Cost = (2.2e-6, 2.5e-6, 2.6e-6, 2.9e-6, 3.2e-6, 3.4e-6, 3.9e-6, 4.3e-6, 4.7e-6, 12e-6, 44e-6)
    timers: Cost = 4.9e-9
    name: str = "default"
    version: int = 1
    source: str = (
        "medians of runs of `stealscope calibrate` (300 rounds) on a loaded virtual machine with 2 cores; steal_hit and move from one "
        "run whose threads were not tied to cores; wake_latency put together from those runs and an earlier one with 12 to 44 us"
    )
    machine: str = "AMD EPYC, a virtual machine with 2 CPUs"
    date: str = "2026-11-28"
    validated_workers: int = 1

    def __post_init__(self) -> None:
        for kind in self.kinds():
            value = getattr(self, kind)
            if isinstance(value, list):  # as JSON gives it
                object.__setattr__(self, kind, tuple(value))
        self._native()

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """The kinds of step, in their order."""
        return tuple(entry.name for entry in fields(cls) if entry.name not in _ABOUT)

    @classmethod
    def zero(cls) -> Costs:
        """Scheduling takes no time: for theory."""
        free: dict[str, Any] = dict.fromkeys(cls.kinds(), 0.0)
        return cls(**free, name="zero", source="by definition", validated_workers=65_535)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Costs:
        """What `to_dict` gave, perhaps by way of JSON."""
        return cls(**values)

    def scaled(self, field: str, factor: float) -> Costs:
        """The same table with one cost multiplied.

        Raises:
            ValueError: no such cost, or a factor that is negative or not finite.
        """
        if field not in self.kinds():
            raise ValueError(f"field={field!r}; need one of {', '.join(self.kinds())}")
        by, old = checked_scale(factor, "factor"), getattr(self, field)
        changed: dict[str, Any] = {field: tuple(q * by for q in old) if isinstance(old, tuple) else old * by}
        return replace(self, **changed, name=f"{self.name}, {field} x {factor:g}")

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, JSON-serialisable (quantiles are lists)."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def shown(self, kind: str) -> str:
        """One cost as text."""
        cost = getattr(self, kind)
        if isinstance(cost, tuple):
            return f"{format_ns(cost[0] * 1e9)} .. {format_ns(cost[len(cost) // 2] * 1e9)} .. {format_ns(cost[-1] * 1e9)}"
        return format_ns(cost * 1e9)

    def __str__(self) -> str:
        return f"{self._head()}\n\n{key_values(self._shown())}"

    def _repr_html_(self) -> str:
        about = _html.pairs((name, getattr(self, name)) for name in _ABOUT)
        costs = _html.pairs(self._shown(), marked=[kind for kind in self.kinds() if getattr(self, kind) != _default(kind)])
        return costs + _html.section(self._head(), about)

    def _head(self) -> str:
        return f"costs {self.name}, version {self.version}, of {self.machine}, {self.date}"

    def _shown(self) -> list[tuple[str, object]]:
        return [(kind, self.shown(kind)) for kind in self.kinds()]

    def _native(self) -> list[int | tuple[int, ...]]:
        return [_to_ns(getattr(self, kind), kind) for kind in self.kinds()]


def _default(kind: str) -> object:
    return next(entry.default for entry in fields(Costs) if entry.name == kind)


def _to_ns(cost: Cost, kind: str) -> int | tuple[int, ...]:
    if not isinstance(cost, tuple):
        return seconds_to_ns(cost, kind)
    if len(cost) < 2 or list(cost) != sorted(cost):
        raise ValueError(f"{kind}={cost!r}; need a number, or at least two ascending quantiles")
    return tuple(seconds_to_ns(q, kind) for q in cost)
