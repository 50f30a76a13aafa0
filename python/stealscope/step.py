"""What happened in one step of a simulation, for a lecture: one line, or a small drawing.

Invariant: a step is a frozen value; it was taken before it is shown. Read next: `simulation.py`, `Simulation.steps`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from . import _html
from .units import format_ns

__all__ = ["Step"]

_MOST_DRAWN = 64

_WORDS = {
    "poll": "polls task {task}",
    "work": "goes on with its task",
    "look": "looks at worker {victim}, in vain",
    "turn": "looks after its queues and timers",
    "rest": "rests",
    "stand": "stands still for a dump",
    "leave": "leaves",
    "outside": "something arrives from outside",
}


@dataclass(frozen=True)
class Step:
    """One move of the world.

    Attributes:
        now: when it began, ns of virtual time.
        worker: who moved; None: something from outside the workers.
        action: ``"poll"``, ``"work"`` (went on inside work()), ``"look"`` (at one victim, in vain), ``"turn"``, ``"rest"``,
            ``"stand"``, ``"leave"`` or ``"outside"``.
        task: the last task polled in it, or None.
        victim: whom it looked at or stole from, or None.
        queues: length of each worker's queue after it.
        inject: length of the shared queue after it.
        sleepers: the workers asleep after it.
    """

    now: int
    worker: int | None
    action: str
    task: int | None
    victim: int | None
    queues: tuple[int, ...]
    inject: int
    sleepers: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, JSON-serialisable."""
        return asdict(self)

    def __str__(self) -> str:
        who = "" if self.worker is None else f"worker {self.worker} "
        what = _WORDS[self.action].format(task=self.task, victim=self.victim)
        if self.action == "work" and self.task is not None:
            what += f", then polls task {self.task}"
        if self.victim is not None and self.action != "look":
            what = f"steals from worker {self.victim}, {what}"
        queues = " ".join("z" if index in self.sleepers else str(length) for index, length in enumerate(self.queues))
        return f"{format_ns(self.now):>8}  {who}{what}  [{queues} | {self.inject}]"

    def _repr_html_(self) -> str:
        queues: list[tuple[str, object]] = [
            (f"worker {index}", "asleep" if index in self.sleepers else _drawn(length))
            for index, length in enumerate(self.queues)
        ]
        drawn = _html.pairs([*queues, ("shared", _drawn(self.inject))], marked={f"worker {self.worker}"})
        return f"<div>{_html.preformatted(str(self))}{drawn}</div>"


def _drawn(length: int) -> str:
    return "\N{BLACK SQUARE}" * min(length, _MOST_DRAWN) + f" ({length:,})" * (length > _MOST_DRAWN) or "\N{MIDDLE DOT}"
