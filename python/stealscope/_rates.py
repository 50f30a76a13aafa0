"""What did the workers do between two looks? Two snapshots of a runtime's metrics, as rates and shares of the time between them.

Invariant: pure. A worker publishes what it counted when it parks and every 61 turns, so the poll that it is in counts as busy time
before it has ended, and no more once it has. None where that build does not count it. Read next: `metrics.py`; `watch.py` and
`_commands/top_view.py`, which show them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .metrics import metrics_delta

__all__ = ["Rates"]

_A_SECOND = {"polls": "task_poll_count", "steals": "steal_operations", "stolen": "steal_count", "parks": "park_count"}
_TOTALS = {"spawned": "spawned_tasks_count", "from_outside": "remote_schedule_count"}


@dataclass(frozen=True)
class Rates:
    """A runtime between two looks.

    Attributes:
        window: between them, ns; rates are 0 if it is.
        totals: ``spawned`` and ``from_outside`` (tasks), ``polls``, ``steals``, ``stolen`` and ``parks``, a second.
        workers: by worker ``queue_depth``; the last four of these; ``busy`` and ``gil_wait`` (shares of the window, 0 to 1);
            ``task`` (its id) and ``polled_for`` (ns so far) of the poll that it is in, or None.
    """

    window: int
    totals: Mapping[str, float | None]
    workers: tuple[Mapping[str, Any], ...]

    @classmethod
    def between(cls, before: Mapping[str, Any], after: Mapping[str, Any]) -> Rates:
        """Of two results of `Handle.metrics` of one runtime."""
        delta = metrics_delta(before, after)
        window = delta["elapsed"]
        looks = zip(before["workers"], after["workers"], delta["workers"], strict=True)
        workers = tuple(_worker(old, new, changed, before["elapsed"], after["elapsed"]) for old, new, changed in looks)
        totals = {name: _a_second(delta.get(key), window) for name, key in _TOTALS.items()}
        return cls(window, totals | {name: _sum(worker[name] for worker in workers) for name in _A_SECOND}, workers)


def _worker(old: Mapping[str, Any], new: Mapping[str, Any], changed: Mapping[str, Any], then: int, now: int) -> dict[str, Any]:
    window, polled_for, busy = now - then, _polled_for(new, now), changed.get("busy_duration_total")
    if busy is not None:
        busy = max(0, busy + (polled_for or 0) - (_polled_for(old, then) or 0))
    return {
        "queue_depth": new.get("queue_depth"),
        **{name: _a_second(changed.get(key), window) for name, key in _A_SECOND.items()},
        "busy": _share(busy, window),
        "gil_wait": _share(changed.get("gil_wait_time"), window),
        "task": new.get("in_poll_task"),
        "polled_for": polled_for,
    }


def _polled_for(worker: Mapping[str, Any], now: int) -> int | None:
    begin = worker.get("in_poll_since")
    return None if begin is None else max(0, now - begin)


def _a_second(count: float | None, window: int) -> float | None:
    return None if count is None else count * 1e9 / window if window else 0.0


def _share(time: int | None, window: int) -> float | None:
    return None if time is None else min(1.0, time / window) if window else 0.0


def _sum(rates: Any) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None
