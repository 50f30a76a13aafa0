"""What came out of one run of a workload, and how close was it to the best possible?

Invariant: a report is a frozen value; durations are integer ns; what a run did not measure or a workload does not
declare is None, never a made-up number. Read next: `metrics.py` (the delta it carries), `workloads.py` (work, span,
expected).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import _html
from ._report_exports import ReportExports
from .errors import import_extra
from .tables import bar, key_values, table
from .timeline import counts as timeline_counts
from .units import format_ns

if TYPE_CHECKING:
    import os

    from ._report_figures import Window
    from .estimate import Estimate
    from .workloads import Result, Workload

__all__ = ["Report", "shares_of_time"]

_WORKER_HEADS = ("worker", "busy", "share", "polls", "stolen", "parks")
_OPEN_ROWS = 8
"""Workers of a report whose table a notebook shows at once."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Report(ReportExports):
    """The result of one run, on threads or in a simulation.

    Attributes:
        engine: ``"threads"`` or ``"sim"``.
        workload: what ran, as text.
        policy: the name of the policy, or its fields as text.
        workers: number of workers.
        seed: the scheduler's seed, or None.
        result: the workload's answer.
        makespan: from start to end, ns (wall clock on threads, virtual time in a simulation).
        work: T1, the sum of the declared costs, ns, or None.
        span: T-infinity, their longest path, ns, or None.
        busy: share of the makespan that each worker ran tasks, or None where it was not measured.
        searching: the same of looking for tasks.
        parked: the same of sleeping.
        metrics: `metrics_delta` over the run.
        exclusive: False if other tasks ran in the runtime meanwhile, so that busy and metrics are theirs too.
        sojourns: ns a job, or None.
        timeline: what happened on the workers, in time order (`stealscope.timeline` reads it), over the time that `metrics` is
            about: a structured array, ``at`` in ns of virtual time, on threads from the makespan's start (the spawn before it
            is negative). None without ``timeline=``.
        timeline_dropped: events that found no room; None without ``timeline=``.
        choices: of a simulation, where it left its seed's answers (`Choices`).
        trace_hash: of a simulation; two runs with the same one took the same steps.
        replay_line: of a simulation, one line of Python that runs the same again.
        validated: False in a simulation beyond the worker count that its costs were checked for.
        manifest: versions, build options, machine: JSON-serialisable.
    """

    engine: str
    workload: str
    policy: str
    workers: int
    seed: int | None
    result: Result
    makespan: int
    work: int | None = None
    span: int | None = None
    busy: tuple[float, ...] | None = None
    searching: tuple[float, ...] | None = None
    parked: tuple[float, ...] | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    exclusive: bool = True
    sojourns: Any = None
    timeline: Any = None
    timeline_dropped: int | None = None
    choices: Any = None
    trace_hash: str | None = None
    replay_line: str | None = None
    validated: bool = True
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_run(cls, workload: Workload, /, *, makespan: int, metrics: Mapping[str, Any], **fields: Any) -> Report:
        """A report of `workload`: name, work and span are filled in, and the shares of time from the metrics' delta."""
        known: dict[str, Any] = {"workload": workload.name, "work": workload.work, "span": workload.span}
        return cls.from_metrics(makespan=makespan, metrics=metrics, **(known | fields))

    @classmethod
    def from_metrics(cls, *, metrics: Mapping[str, Any], **fields: Any) -> Report:
        """A report with the shares of time filled in from the metrics' delta."""
        return cls(metrics=metrics, **(shares_of_time(metrics) | fields))

    @property
    def lower_bound(self) -> int | None:
        """No schedule is shorter: the larger of work / workers (rounded up) and span, ns."""
        if self.work is None or self.span is None:
            return None
        return max(-(-self.work // self.workers), self.span)

    @property
    def ratio(self) -> float | None:
        """Makespan / lower_bound; 1.0 is perfect."""
        return self.makespan / self.lower_bound if self.lower_bound else None

    @property
    def speedup(self) -> float | None:
        """Work / makespan."""
        return self.work / self.makespan if self.work and self.makespan else None

    @property
    def efficiency(self) -> float | None:
        """Speedup / workers."""
        return None if self.speedup is None else self.speedup / self.workers

    def sojourn(self, warmup: Literal["mser5"] | int = "mser5", batches: int = 20) -> Estimate:
        """The steady-state mean of the sojourns, ns, with a 95 % interval from batch means.

        Args:
            warmup: ``"mser5"`` finds the run-in that is left out; a number is that of jobs to leave out.
            batches: how many; 10 to 30 is usual.

        Warns:
            UserWarning: batch means correlate, or the run may still be running in: the interval is too narrow.

        Raises:
            ValueError: the run has no sojourns, or too few.
            MissingExtra: scipy is not installed.
        """
        if self.sojourns is None:
            raise ValueError(f"{self.workload} has no sojourns; an open_system has one for each job")
        from .estimate import steady_state

        return steady_state(self.sojourns, warmup=warmup, batches=batches)

    def plot_timeline(self, *, window: Window | None = None, arrows: int = 80, ax: Any = None) -> Any:
        """Each worker's row of polls, searches and sleeps over time, with an arrow from victim to thief for each steal.

        Args:
            window: (begin, end) to look at, seconds; None is the whole makespan.
            arrows: at most so many are drawn; the figure says how many are left out.
            ax: matplotlib Axes to draw on; None makes one. Here and in the other plots times on it are seconds.

        Returns:
            The Axes.

        Raises:
            ValueError: no timeline; the message says how to get one.
            MissingExtra: matplotlib is not installed.
        """
        from ._timeline_figure import draw_timeline

        return draw_timeline(self, window, arrows, ax)

    def plot_utilization(self, *, window: Window | None = None, ax: Any = None) -> Any:
        """How many workers were busy, waited for the GIL, searched and slept over time; otherwise as `plot_timeline`."""
        from ._report_figures import draw_utilization

        return draw_utilization(self, window, ax)

    def plot_queue_depths(self, *, window: Window | None = None, ax: Any = None) -> Any:
        """How many ready tasks lay in each worker's queue and in the shared one over time; otherwise as `plot_timeline`."""
        from ._report_figures import draw_queue_depths

        return draw_queue_depths(self, window, ax)

    def plot_poll_times(self, *, ax: Any = None) -> Any:
        """A histogram of how long polls took, with quantiles; otherwise as `plot_timeline`.

        Without a timeline that of the metrics is drawn, if the runtime keeps one (``Runtime(histograms="default")``).
        """
        from ._report_figures import draw_poll_times

        return draw_poll_times(self, "polls", ax)

    def plot_latencies(self, *, ax: Any = None) -> Any:
        """A histogram of how long tasks were ready before they were polled; otherwise as `plot_poll_times`."""
        from ._report_figures import draw_poll_times

        return draw_poll_times(self, "latencies", ax)

    def plot_steals(self, *, of: Literal["tasks", "steals"] = "tasks", ax: Any = None) -> Any:
        """Who took how much from whom: thieves by victims, in stolen tasks or in steals; otherwise as `plot_timeline`."""
        from ._report_figures import draw_steals

        return draw_steals(self, of, ax)

    def timeline_html(self, path: str | os.PathLike[str] | None = None, *, window: Window | None = None) -> str | None:
        """The timeline as one HTML page to zoom and move in, also of millions of events; the page loads nothing.

        Args:
            path: where to write it; None returns it as text.
            window: (begin, end) to look at, seconds; None is the whole makespan. A page that cannot hold each event says so, and
                one of a shorter window can.

        Raises:
            ValueError: no timeline; the message says how to get one.
        """
        from ._timeline_page import timeline_page

        page = timeline_page(self, window)
        if path is None:
            return page
        Path(path).write_text(page, encoding="utf-8")
        return None

    def to_dict(self) -> dict[str, Any]:
        """All fields and the derived figures, JSON-serialisable: arrays become lists, the timeline its number of events by kind."""
        values = {entry.name: _plain(getattr(self, entry.name)) for entry in dataclasses.fields(self) if entry.name != "timeline"}
        values["timeline"] = None if self.timeline is None else timeline_counts(self.timeline)
        derived = {name: getattr(self, name) for name in ("lower_bound", "ratio", "speedup", "efficiency")}
        return values | derived

    def to_frame(self) -> Any:
        """A pandas frame, one row a worker: shares of time and the metrics' delta; ``attrs`` has scalars and units.

        Raises:
            MissingExtra: pandas is not installed.
        """
        pandas = import_extra("pandas", "frame")
        rows = [dict(row) for row in self.metrics.get("workers", [{} for _ in range(self.workers)])]
        for name in ("parked", "searching", "busy"):
            for row, share in zip(rows, getattr(self, name) or (), strict=False):
                row[name] = share
        frame = pandas.DataFrame(rows, index=pandas.RangeIndex(len(rows), name="worker"))
        scalars = {key: value for key, value in self.to_dict().items() if isinstance(value, str | int | float | None)}
        frame.attrs |= scalars | {"units": {"makespan": "ns", "busy_duration_total": "ns", "busy": "share of makespan"}}
        return frame

    def __str__(self) -> str:
        text = key_values(self._summary())
        rows = [
            (index, None if share is None else f"{share:.0%}", "" if share is None else bar(share), *counts)
            for index, share, *counts in self._worker_rows()
        ]
        return f"{text}\n\n{table(('worker', 'busy', '', 'polls', 'stolen', 'parks'), rows)}" if rows else text

    def __repr__(self) -> str:
        return f"<Report {self.workload} on {self.workers} workers ({self.engine}): {format_ns(self.makespan)}>"

    def _repr_html_(self) -> str:
        count = len(self._worker_rows())
        metrics = _html.preformatted(json.dumps(_plain(self.metrics), indent=1))
        return (
            _html.pairs(self._summary())
            + _html.section(f"{count} workers", self._workers_html(), is_open=count <= _OPEN_ROWS)
            + _html.section("metrics over the run", metrics)
        )

    def _workers_html(self) -> str:
        rows = (
            (index, None if share is None else f"{share:.0%}", share, *counts) for index, share, *counts in self._worker_rows()
        )
        return _html.table(_WORKER_HEADS, rows, drawn=("share",))

    def _summary(self) -> list[tuple[str, object]]:
        lines: list[tuple[str, object]] = [
            ("workload", self.workload),
            ("engine", f"{self.engine}, {self.workers} workers, policy {self.policy}"),
            ("result", self.result),
            ("makespan", format_ns(self.makespan)),
        ]
        if self.work is not None and self.span is not None:
            lines += [("work, span", f"{format_ns(self.work)}, {format_ns(self.span)} (declared)")]
        if self.lower_bound and self.ratio and self.speedup and self.efficiency:
            lines += [
                ("lower bound", f"{format_ns(self.lower_bound)}: the makespan is {self.ratio:.3g} times that"),
                ("speedup", f"{self.speedup:.3g} ({self.efficiency:.0%} of {self.workers})"),
            ]
        if self.timeline is not None:
            lost = f"; {self.timeline_dropped:,} more found no room" if self.timeline_dropped else ""
            lines.append(("timeline", f"{len(self.timeline):,} events{lost}"))
        if not self.exclusive:
            lines.append(("note", "other tasks ran meanwhile: shares and metrics count them too"))
        if not self.validated:
            lines.append(("note", "beyond the worker count that the simulation's costs were checked for"))
        return lines

    def _worker_rows(self) -> list[tuple[int, float | None, int | None, int | None, int | None]]:
        workers = self.metrics.get("workers") or []
        shares: tuple[float | None, ...] = self.busy or (None,) * len(workers)
        return [
            (index, share, worker.get("task_poll_count"), worker.get("steal_count"), worker.get("park_count"))
            for index, (worker, share) in enumerate(zip(workers, shares, strict=False))
        ]


def shares_of_time(metrics: Mapping[str, Any]) -> dict[str, tuple[float, ...] | None]:
    """The fields ``busy``, ``searching`` and ``parked`` of a report, from the metrics' delta."""
    return {name: _shares(metrics, f"{name}_duration_total") for name in ("busy", "searching", "parked")}


def _shares(metrics: Mapping[str, Any], key: str) -> tuple[float, ...] | None:
    """By worker, of the time between the two snapshots; None where this build does not measure it."""
    elapsed = metrics.get("elapsed") or 0
    if not elapsed or any(key not in worker for worker in metrics["workers"]):
        return None
    return tuple(min(1.0, worker[key] / elapsed) for worker in metrics["workers"])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, bytes):
        return value.hex()
    return _plain(value.tolist()) if hasattr(value, "tolist") else str(value)
