"""What can a report become? Files for other tools, and a workload: the methods of `Report` that do so.

Invariant: nothing here is needed to make or to print a report; each method loads what it needs. Read next: `report.py`,
`_recorded.py` (a workload), `_traces.py` (traces), `_export_tables.py` (tables), `_report_page.py` (HTML).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from ._export_tables import TableName
    from ._recorded import Joins
    from ._workload import Workload
    from .report import Report

__all__ = ["ReportExports"]


class ReportExports:
    """A base of `Report`: what it is written to and turned into."""

    def to_workload(self: Report, *, grain: float = 1e-6, joins: Joins = "children", gil: bool | None = None) -> Workload:  # type: ignore[misc]
        """The recorded tasks as a task graph, to be simulated, drawn or run again; Python tasks included.

        Each poll is a node that costs what it took, cut where it spawned or woke another task. A task's polls follow each other;
        a poll waits for the spawn or wake that it came from. What leaves no event is not known: a lock that was free, a value
        that lay in a channel already, a wait for a task that had ended. For the commonest of these there is `joins`.

        Args:
            grain: seconds; a poll is cut into pieces of at least that, so a spawned task may be ready late by so much.
            joins: ``"children"``: a poll that a child's end woke waits for all children of its task that had ended by then, as
                forks and task groups do; ``"wakes"``: only for the one that woke it.
            gil: whether Python polls run one after the other, in the recorded order; None: on threads, where there is a GIL.
                False is right for code that releases it.

        Warns:
            UserWarning: what the recording does not tell, such as how long a timer was waited for.

        Raises:
            ValueError: no timeline, or events were dropped, or a structured workload; the message says what to do.
        """
        from ._recorded import recorded
        from ._workload import Workload

        found = recorded(self, grain=grain, joins=joins, gil=gil)
        for note in found.notes:
            warnings.warn(f"to_workload(): {note}", stacklevel=2)
        return Workload("dag", graph=found.graph, label=f"recorded {self.workload}")

    def to_chrome_trace(self: Report, path: str | os.PathLike[str]) -> None:  # type: ignore[misc]
        """Write the timeline as JSON for Chrome's tracing and Perfetto's viewers.

        A thread a worker with its polls, GIL waits, searches and sleeps; arrows from spawn and wake to the poll that follows, and
        from victim to thief; a counter a queue. Times count from the first event. Ten million events take about half a minute
        and 1.5 GB of file; viewers get slow long before: `to_perfetto` makes half of that.

        Raises:
            ValueError: no timeline.
        """
        from ._chrome_trace import write_chrome_trace

        write_chrome_trace(self, path)

    def to_perfetto(self: Report, path: str | os.PathLike[str]) -> None:  # type: ignore[misc]
        """Write the timeline as a Perfetto trace, a protobuf: the same tracks, arrows and counters as `to_chrome_trace`.

        Raises:
            ValueError: no timeline.
        """
        from ._perfetto import write_perfetto

        write_perfetto(self, path)

    def to_arrow(self: Report, table: TableName = "timeline") -> Any:  # type: ignore[misc]
        """One of the report's tables as a `pyarrow.Table`; what is not there is null, times are ns.

        ``"timeline"``: every event (at, kind, worker, other, task, count). ``"polls"``: worker, begin, end, task.
        ``"latencies"``: ready, begin, task, worker. ``"states"``: worker, begin, end, state. ``"steals"``: at, thief, victim,
        taken, task. ``"queue_depths"``: queue (the shared one is number `workers`), at, depth. ``"workers"``: as `to_frame`,
        a row a worker, and the only one that needs no timeline. The schema's metadata says which run it was.

        Raises:
            ValueError: no such table; no timeline.
            MissingExtra: pyarrow is not installed.
        """
        from ._export_tables import arrow_table

        return arrow_table(self, table)

    def to_parquet(self: Report, path: str | os.PathLike[str], table: TableName = "timeline") -> None:  # type: ignore[misc]
        """Write a table of `to_arrow` as a Parquet file; errors as there."""
        from ._export_tables import write_parquet

        write_parquet(self, path, table)

    def to_csv(self: Report, path: str | os.PathLike[str], table: TableName = "timeline") -> None:  # type: ignore[misc]
        """Write a table of `to_arrow` as CSV with a line of names; errors as there."""
        from ._export_tables import write_csv

        write_csv(self, path, table)

    def to_html(self: Report, path: str | os.PathLike[str]) -> None:  # type: ignore[misc]
        """Write the report as one HTML page that needs nothing else: no script, no network.

        Summary, the figures (of a run with a timeline; without matplotlib a line instead), workers, metrics, manifest, replay line.
        """
        from ._report_page import write_page

        write_page(self, path)
