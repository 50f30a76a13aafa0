"""What happened between two snapshots of a runtime's metrics, and what do the numbers say?

Invariant: counters and histograms subtract, gauges keep the later value, and no difference is ever below zero: a
snapshot that would make it so belongs to another runtime or comes in the wrong order, which is a `ValueError`. Read
next: `report.py`, `tour.py`.
Source of the derived figures: tokio-metrics 0.5, `RuntimeIntervals`, whose vocabulary they keep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, overload

from ._figure import color_of, marker_of, new_axes
from .errors import import_extra
from .units import ns_to_seconds

__all__ = ["MetricsSamples", "derived_figures", "histogram_quantile", "metrics_delta"]

WORKER_COUNTERS = (
    "busy_duration_total",
    "park_count",
    "park_unpark_count",
    "noop_count",
    "steal_count",
    "steal_operations",
    "poll_count",
    "task_poll_count",
    "local_schedule_count",
    "overflow_count",
    "gil_wait_count",
    "gil_wait_time",
    "searching_duration_total",
    "parked_duration_total",
)
WORKER_HISTOGRAMS = ("poll_count_histogram", "task_poll_histogram", "schedule_latency_histogram")
RUNTIME_COUNTERS = ("elapsed", "spawned_tasks_count", "remote_schedule_count", "budget_forced_yield_count")
RUNTIME_GAUGES = (
    "num_workers",
    "num_alive_tasks",
    "injection_queue_depth",
    "num_blocking_threads",
    "num_idle_blocking_threads",
    "blocking_queue_depth",
)
_MOST_LINES = 8

DURATIONS = frozenset(
    {
        *("busy_duration_total", "searching_duration_total", "parked_duration_total", "gil_wait_time", "mean_poll_time"),
        *("elapsed", "in_poll_since"),
    }
)
"""Keys whose values are ns; all others are counts."""


def metrics_delta(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What happened between two results of `Handle.metrics()` of one runtime.

    Returns:
        A dict of the same shape, JSON-serialisable: counters and histogram counts are differences, gauges are those of
        `after`, keys that only `after` has are kept. ``mean_poll_time`` of a worker is its total poll time / turns, ns,
        where the poll histogram is on, else None (the running mean of a snapshot cannot be subtracted). ``"derived"``
        holds `derived_figures`.

    Raises:
        TypeError: not metrics.
        ValueError: snapshots of two runtimes, or in the wrong order.
    """
    _check_pair(before, after)
    result = _subtract(before, after, RUNTIME_COUNTERS, (), "the runtime")
    result["workers"] = [
        _worker_delta(old, new, index) for index, (old, new) in enumerate(zip(before["workers"], after["workers"], strict=True))
    ]
    result["derived"] = derived_figures(result)
    return result


def derived_figures(delta: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Figures in tokio-metrics' vocabulary from a delta (or from a snapshot: since the start).

    For each worker counter ``total_``, ``min_`` and ``max_`` over the workers; then

    * ``busy_ratio``: busy time / elapsed, summed over workers, so up to their number; ``mean_busy_ratio``: the same by
      worker.
    * ``mean_polls_per_park``: turns / parks that followed work; ``mean_tasks_per_turn``: polls / turns, above 1 by the
      LIFO slot.
    * ``mean_poll_duration``: ns, weighted by each worker's turns; None without the poll histogram.
    * ``mean_tasks_per_steal``; ``steal_success``: steals / (steals + parks that found nothing to do before).
    * ``local_schedule_share``, ``remote_schedule_share``, ``overflow_share``: of all schedules, where they went.

    A ratio is 0.0 where nothing happened to divide by, and None where this build does not count what it needs.
    """
    workers = delta["workers"]
    result: dict[str, float | int | None] = {}
    for key in WORKER_COUNTERS:
        values = [worker[key] for worker in workers if worker.get(key) is not None]
        if values:
            result |= {f"total_{key}": sum(values), f"min_{key}": min(values), f"max_{key}": max(values)}

    def total(key: str) -> float | None:
        return result.get(f"total_{key}")

    polls, steals, noops = total("poll_count"), total("steal_operations"), total("noop_count")
    schedules = _sum(total("local_schedule_count"), delta.get("remote_schedule_count"))
    busy = _ratio(total("busy_duration_total"), delta.get("elapsed"))
    return result | {
        "busy_ratio": busy,
        "mean_busy_ratio": _ratio(busy, len(workers)),
        "mean_polls_per_park": _ratio(polls, _sum(total("park_count"), None if noops is None else -noops)),
        "mean_tasks_per_turn": _ratio(total("task_poll_count"), polls),
        "mean_poll_duration": _weighted_poll_time(workers),
        "mean_tasks_per_steal": _ratio(total("steal_count"), steals),
        "steal_success": _ratio(steals, _sum(steals, noops)),
        "local_schedule_share": _ratio(total("local_schedule_count"), schedules),
        "remote_schedule_share": _ratio(delta.get("remote_schedule_count"), schedules),
        "overflow_share": _ratio(total("overflow_count"), schedules),
    }


def histogram_quantile(histogram: Mapping[str, Any], q: float) -> float | None:
    """The q-th quantile, ns: the upper edge of its bucket (of the last bucket, which has no end, the lower one).

    Raises:
        ValueError: q outside 0..1.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q={q!r}; need 0..1")
    counts, edges = histogram["counts"], histogram["edges_ns"]
    wanted, seen = q * sum(counts), 0
    for bucket, count in enumerate(counts):
        seen += count
        if count and seen >= wanted:
            return float(edges[bucket] if bucket == len(counts) - 1 else edges[bucket + 1])
    return None


class MetricsSamples(Sequence[dict[str, Any]]):
    """Snapshots in the order they were taken, as `Handle.record` fills them; each is a `Handle.metrics()` dict."""

    def __init__(self, snapshots: Sequence[Mapping[str, Any]] = ()) -> None:
        self._snapshots: list[dict[str, Any]] = []
        self.extend(snapshots)

    def extend(self, snapshots: Sequence[Mapping[str, Any]]) -> None:
        """Add later snapshots of the same runtime.

        Raises:
            ValueError: another runtime's, or earlier than the last one.
        """
        for snapshot in snapshots:
            if self._snapshots:
                _check_pair(self._snapshots[-1], snapshot)
            self._snapshots.append(dict(snapshot))

    def deltas(self) -> Iterator[dict[str, Any]]:
        """`metrics_delta` of each two neighbours."""
        return (metrics_delta(before, after) for before, after in pairwise(self._snapshots))

    def to_frame(self, *, by: str = "runtime") -> Any:
        """A pandas frame: one row a sample (``by="runtime"``), or one a sample and worker (``by="worker"``).

        The index ``elapsed`` is seconds since the runtime's start; values stay as sampled (ns, counts);
        ``attrs["units"]`` names them.

        Raises:
            MissingExtra: pandas is not installed.
        """
        if by not in ("runtime", "worker"):
            raise ValueError(f"by={by!r}; need 'runtime' or 'worker'")
        pandas = import_extra("pandas", "frame")
        rows = [row for snapshot in self._snapshots for row in (_runtime_rows if by == "runtime" else _worker_rows)(snapshot)]
        keys = ["elapsed"] if by == "runtime" else ["elapsed", "worker"]
        frame = pandas.DataFrame(rows, columns=list(dict.fromkeys([*keys, *(key for row in rows for key in row)]))).set_index(
            keys
        )
        frame.attrs["units"] = {key: _unit(key) for key in frame.columns} | {"elapsed": "s"}
        return frame

    def plot(self, *, ax: Any = None) -> Any:
        """Busy share of the workers over time (seconds), a line each; of more than eight, their mean and range.

        Takes and returns a matplotlib `Axes`.

        Raises:
            MissingExtra: matplotlib is not installed.
        """
        ax = new_axes(ax)
        ends = [ns_to_seconds(snapshot["elapsed"]) for snapshot in self._snapshots[1:]]
        shares = [
            [_ratio(worker["busy_duration_total"], delta["elapsed"]) or 0.0 for worker in delta["workers"]]
            for delta in self.deltas()
        ]
        if shares and len(shares[0]) > _MOST_LINES:
            lows, highs = [min(row) for row in shares], [max(row) for row in shares]
            ax.fill_between(ends, lows, highs, color=color_of(0), alpha=0.25, linewidth=0, label=f"{len(shares[0])} workers")
            ax.plot(ends, [sum(row) / len(row) for row in shares], color=color_of(0), label="mean")
        else:
            for index, values in enumerate(zip(*shares, strict=True)):
                ax.plot(ends, values, color=color_of(index), marker=marker_of(index), markersize=3, label=f"worker {index}")
        ax.set(xlabel="time since start (s)", ylabel="busy share", ylim=(0, 1.05))
        if shares:
            ax.legend()
        return ax

    def __len__(self) -> int:
        return len(self._snapshots)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> MetricsSamples: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | MetricsSamples:
        return MetricsSamples(self._snapshots[index]) if isinstance(index, slice) else self._snapshots[index]

    def __repr__(self) -> str:
        return f"MetricsSamples({len(self)} snapshots)"


def _check_pair(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    snapshots: tuple[tuple[str, object], ...] = (("before", before), ("after", after))
    for name, snapshot in snapshots:
        if not isinstance(snapshot, Mapping) or "workers" not in snapshot or "runtime" not in snapshot:
            raise TypeError(f"{name} is {type(snapshot).__name__}, not metrics; pass what handle.metrics() returned")
    if before["runtime"] != after["runtime"] or len(before["workers"]) != len(after["workers"]):
        raise ValueError(f"snapshots of two runtimes, {before['runtime']!r} and {after['runtime']!r}; pass two of one runtime")
    if before["elapsed"] > after["elapsed"]:
        raise ValueError(
            f"before was taken at {before['elapsed']} ns, after at {after['elapsed']} ns; pass the earlier snapshot first"
        )


def _worker_delta(before: Mapping[str, Any], after: Mapping[str, Any], index: int) -> dict[str, Any]:
    result = _subtract(before, after, WORKER_COUNTERS, WORKER_HISTOGRAMS, f"worker {index}")
    if "mean_poll_time" in after:
        result["mean_poll_time"] = _histogram_mean(result.get("poll_count_histogram"))
    return result


def _subtract(
    before: Mapping[str, Any], after: Mapping[str, Any], counters: Sequence[str], histograms: Sequence[str], where: str
) -> dict[str, Any]:
    result = dict(after)
    for key in counters:
        if after.get(key) is not None and before.get(key) is not None:
            result[key] = _difference(before[key], after[key], f"{key} of {where}")
    for key in histograms:
        if after.get(key) is not None and before.get(key) is not None:
            result[key] = _histogram_difference(before[key], after[key], f"{key} of {where}")
    return result


def _difference(before: int, after: int, name: str) -> int:
    if before > after:
        raise ValueError(
            f"{name} fell from {before} to {after}; a counter only rises: pass two snapshots of one runtime, in order"
        )
    return after - before


def _histogram_difference(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> dict[str, Any]:
    if list(before["edges_ns"]) != list(after["edges_ns"]):
        raise ValueError(f"{name} has other bucket edges in the two snapshots; pass two of one runtime")
    result = dict(after)
    result["counts"] = [_difference(old, new, name) for old, new in zip(before["counts"], after["counts"], strict=True)]
    if "total_ns" in before and "total_ns" in after:
        result["total_ns"] = _difference(before["total_ns"], after["total_ns"], f"total_ns of {name}")
    return result


def _histogram_mean(histogram: Mapping[str, Any] | None) -> float | None:
    """Mean in ns: exact where the histogram keeps its total, else from the middle of each bucket."""
    if histogram is None or not any(histogram["counts"]):
        return None
    counts, edges = histogram["counts"], histogram["edges_ns"]
    if "total_ns" in histogram:
        return float(histogram["total_ns"] / sum(counts))
    last = len(counts) - 1  # open-ended: its lower edge is the only honest number
    middles = [edges[i] if i == last else (edges[i] + edges[i + 1]) / 2 for i in range(len(counts))]
    return float(sum(middle * count for middle, count in zip(middles, counts, strict=True)) / sum(counts))


def _weighted_poll_time(workers: Sequence[Mapping[str, Any]]) -> float | None:
    known = [(worker["mean_poll_time"], worker["poll_count"]) for worker in workers if worker.get("mean_poll_time") is not None]
    turns = sum(count for _, count in known)
    return sum(mean * count for mean, count in known) / turns if turns else None


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    if numerator is None or denominator is None:
        return None
    # Snapshots lag by a flush: a denominator that is a difference may briefly be negative, and no figure may be.
    return numerator / denominator if denominator > 0 else 0.0


def _sum(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b


def _runtime_rows(snapshot: Mapping[str, Any]) -> list[dict[str, Any]]:
    row: dict[str, Any] = {"elapsed": ns_to_seconds(snapshot["elapsed"])}
    row |= {key: snapshot[key] for key in (*RUNTIME_GAUGES, *RUNTIME_COUNTERS[1:]) if key in snapshot}
    row |= {key: value for key, value in derived_figures(snapshot).items() if key.startswith("total_")}
    return [row]


def _worker_rows(snapshot: Mapping[str, Any]) -> list[dict[str, Any]]:
    elapsed = ns_to_seconds(snapshot["elapsed"])
    return [
        {"elapsed": elapsed, "worker": index} | {key: value for key, value in worker.items() if key not in WORKER_HISTOGRAMS}
        for index, worker in enumerate(snapshot["workers"])
    ]


def _unit(key: str) -> str:
    if key in ("thread_id", "in_poll_task"):
        return "id"
    return "ns" if key.removeprefix("total_") in DURATIONS else "count"
