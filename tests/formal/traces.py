"""What did a run record, in the words of trace.pml?

Invariant: a kind of event that the model does not know is refused by name, never left out; only waits for a lane are no steps of
the model. Read next: trace.pml (who reads the log), README.md (how the order is treated).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from stealscope.timeline import KINDS, NOBODY

_NUMBERS = {
    "wake": 1, "spawn": 2, "park": 3, "unpark": 4, "poll_begin": 5, "poll_end": 6, "steal": 7, "steal_try": 8,
    "inject_pop": 9, "inject_push": 10, "dump": 11,
}  # fmt: skip
_NAMES = {number: name for name, number in KINDS.items()}


@dataclass(frozen=True)
class Event:
    """One event; `lane` is the worker, or the number of workers for those who are none."""

    lane: int
    kind: str
    count: int = 0
    other: int = 0


def read(events: Any, *, workers: int) -> list[Event]:
    """The events of a timeline, in its order.

    A task that yields is woken by its worker between two polls: its poll's end gets count 1, so that the model knows.

    Raises:
        ValueError: a kind that the model does not have.
    """
    found: list[Event] = []
    tasks: list[int] = []
    last_end: dict[int, int] = {}
    inside: dict[int, bool] = {}
    for event in events:
        kind = _NAMES[int(event["kind"])]
        if kind in ("lane_wait", "none"):
            continue
        if kind not in _NUMBERS:
            raise ValueError(f"{kind}: not in the model; choose a program without it")
        worker, task = int(event["worker"]), int(event["task"])
        lane = workers if worker == NOBODY else worker
        other = int(event["other"])
        if kind == "poll_begin":
            inside[lane] = True
        if kind == "poll_end":
            inside[lane] = False
            last_end[task] = len(found)
        if kind == "wake" and lane < workers and not inside.get(lane) and last_end.get(task) is not None:
            place = last_end[task]
            found[place] = replace(found[place], count=1)
        counted = kind in ("wake", "steal", "inject_pop", "inject_push")
        found.append(Event(lane, kind, int(event["count"]) if counted else 0, other if kind.startswith("steal") else 0))
        tasks.append(task)
    return found


def as_header(log: list[Event], *, workers: int) -> str:
    """The log as log.h: a row a lane, and zeros behind its last event."""
    lanes = [[(rank, event) for rank, event in enumerate(log) if event.lane == lane] for lane in range(workers + 1)]
    width = max(map(len, lanes)) + 1

    def table(name: str, rows: list[list[int]]) -> str:
        filled = (", ".join(map(str, row + [0] * (width - len(row)))) for row in rows)
        return f"static const int {name}[{workers + 1}][{width}] = {{{{{'}, {'.join(filled)}}}}};\n"

    codes = [[_NUMBERS[e.kind] + 16 * e.count + 4096 * e.other for _, e in own] for own in lanes]
    ranks = [[rank for rank, _ in own] for own in lanes]
    return table("code", codes) + table("rank", ranks) + f"static const int events_in_all = {len(log)};\n"
