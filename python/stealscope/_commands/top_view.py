"""What does ``stealscope top`` show? Two snapshots of a runtime's metrics as rates, and those as text.

Invariant: pure: data in, data or text out. Read next: `_rates.py`, `top.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._rates import Rates
from ..tables import bar, cell, key_values, table
from ..units import format_ns

__all__ = ["as_text", "rates"]

_COLUMNS = ("worker", "state", "busy", "", "queue", "polls/s", "steals/s", "GIL", "polls now")
_BAR = 10
_WIDTH_WITH_BARS = 96


def rates(info: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], slow_ns: int) -> dict[str, Any]:
    """What happened between two snapshots of one runtime, by the second; JSON-serialisable.

    Args:
        info: of the runtime, as `Attached.info`.
        before, after: as `Handle.metrics` gives them.
        slow_ns: a poll that has lasted so long is slow.

    Returns:
        ``info``; ``elapsed`` (ns since the runtime's start), ``window`` (ns between the snapshots); ``totals``; ``workers``: by
        worker ``state`` (busy, searching, parked), ``queue_depth``, ``polls``, ``steals``, ``stolen`` (tasks) and ``parks`` a
        second, ``busy`` and ``gil_wait`` (shares of the window), ``task`` and ``polled_for`` (ns) of the poll it is in, ``slow``.
        None where that build does not count it.
    """
    found = Rates.between(before, after)
    parked = [worker["park_unpark_count"] % 2 == 1 for worker in after["workers"]]
    workers = [
        {"worker": index, "state": _state(worker, is_parked), **worker, "slow": _is_slow(worker["polled_for"], slow_ns)}
        for index, (worker, is_parked) in enumerate(zip(found.workers, parked, strict=True))
    ]
    totals = {name: after.get(name) for name in _GAUGES} | {name: found.totals[name] for name in _TOTALS}
    totals["slow"] = sum(worker["slow"] for worker in workers)
    return {"info": dict(info), "elapsed": after["elapsed"], "window": found.window, "totals": totals, "workers": workers}


def as_text(data: Mapping[str, Any], width: int | None = None, height: int | None = None) -> str:
    """The same for a terminal of so many columns and lines; workers that do not fit are summed up in one line."""
    info, totals, workers = data["info"], data["totals"], data["workers"]
    program = f"pid {info['pid']} ({info['program']})"
    title = f"{info['runtime']}, {program}: {info['workers']} workers, policy {info['policy']}, up {format_ns(data['elapsed'])}"
    head = f"{title}\n\n{key_values(_total_lines(totals, data['window']))}"
    gil = any(worker["gil_wait"] for worker in workers)
    room = len(workers) if height is None else max(3, height - len(head.splitlines()) - 4)
    shown = workers if len(workers) <= room else _slow_first(workers, room - 1)
    columns = [name for name in _COLUMNS if (name != "GIL" or gil) and (name or width is None or width >= _WIDTH_WITH_BARS)]
    cells = [_cells(worker) for worker in shown]
    text = f"{head}\n\n{table(columns, [[row[name] for name in columns] for row in cells])}"
    if len(shown) < len(workers):
        text += f"\n{_rest_line([worker for worker in workers if worker not in shown])}"
    return "\n".join(line[:width] for line in text.splitlines())


_TOTALS = ("spawned", "from_outside", "polls", "steals")
_GAUGES = (
    "num_alive_tasks",
    "injection_queue_depth",
    "num_blocking_threads",
    "num_idle_blocking_threads",
    "blocking_queue_depth",
)


def _state(worker: Mapping[str, Any], is_parked: bool) -> str:
    return "busy" if worker["polled_for"] is not None else "parked" if is_parked else "searching"


def _is_slow(polled_for: int | None, slow_ns: int) -> bool:
    return polled_for is not None and polled_for >= slow_ns


def _total_lines(totals: Mapping[str, Any], window: int) -> list[tuple[str, str]]:
    alive, shared = f"{totals['num_alive_tasks']:,} alive", f"{totals['injection_queue_depth']:,} tasks"
    if totals["spawned"] is None:  # a build without the unstable metrics
        return [("tasks", alive), ("shared queue", shared)]
    threads, idle = totals["num_blocking_threads"], totals["num_idle_blocking_threads"]
    over = f", over the last {format_ns(window)}"
    return [
        ("tasks", f"{alive}, {_rate(totals['spawned'])} spawned/s"),
        ("polls", f"{_rate(totals['polls'])}/s, {_rate(totals['steals'])} steals/s{_slow_text(totals['slow'])}{over}"),
        ("shared queue", f"{shared}, {_rate(totals['from_outside'])}/s from outside"),
        ("blocking pool", f"{threads:,} threads, {idle:,} idle, {totals['blocking_queue_depth']:,} jobs wait"),
    ]


def _slow_text(count: int) -> str:
    return f", {count} slow" if count else ""


def _cells(worker: Mapping[str, Any]) -> dict[str, object]:
    poll = ""
    if worker["task"] is not None and worker["polled_for"] is not None:
        poll = f"task {worker['task']}, {format_ns(worker['polled_for'])}{' slow' if worker['slow'] else ''}"
    return {
        "worker": worker["worker"],
        "state": worker["state"],
        "busy": f"{worker['busy']:.0%}",
        "": bar(worker["busy"], _BAR),
        "queue": worker["queue_depth"],
        "polls/s": _rate(worker["polls"]),
        "steals/s": _rate(worker["steals"]),
        "GIL": f"{worker['gil_wait'] or 0:.0%}",
        "polls now": poll,
    }


def _rate(value: float | None) -> str:
    return cell(None if value is None else round(value) if value >= 10 else round(value, 1) or 0)


def _slow_first(workers: Sequence[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    """Those in a slow poll, then the first others, in the order of the indices, so that a line does not jump about."""
    chosen = sorted(workers, key=lambda worker: not worker["slow"])[:room]
    return sorted(chosen, key=lambda worker: int(worker["worker"]))


def _rest_line(rest: Sequence[Mapping[str, Any]]) -> str:
    states = ", ".join(
        f"{count} {state}" for state in ("busy", "searching", "parked") if (count := sum(w["state"] == state for w in rest))
    )
    polls = _rate(sum(worker["polls"] or 0 for worker in rest))
    return f"and {len(rest)} more: {states}, {sum(w['busy'] for w in rest) / len(rest):.0%} busy, {polls} polls/s"
