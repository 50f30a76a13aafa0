"""What came out of an experiment, and what can be asked of it? One row a run, failed ones included.

Invariant: rows never change and none is dropped; what is computed from them says how many had failed. Read next:
`comparison.py`, `_sensitivity.py`, `_results_plot.py`, `_results_files.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal, overload

from . import _html
from ._cells import UNITS, Cell, Row, run_cell
from ._intervals import Method, checked_level
from ._progress import progress_bar
from ._results_files import load_results, save_results
from .comparison import Comparison, Estimand, compare_rows
from .errors import InvariantError, import_extra
from .tables import table
from .units import checked_count, format_ns

if TYPE_CHECKING:
    import os

    from ._grid import Grid
    from ._sensitivity import Sensitivity

__all__ = ["Results"]

_HEADS = ("workload", "policy", "workers", "costs", "runs", "failed", "mean makespan", "mean ratio")


class Results(Sequence[Row]):
    """The runs of an experiment, as a sequence of dicts; `to_frame` has the same as a tidy frame.

    Attributes:
        manifest: versions, build options, compiler, platform, load, every field and content hash of the inputs, the seeds.

    `sensitivity` and `verify` run cells again, and need the inputs themselves: results that were loaded have none, and
    ``experiment(..., resume=folder)`` with the same inputs gives them back without running anything twice.
    """

    def __init__(self, rows: Sequence[Row], manifest: Mapping[str, Any], grid: Grid | None = None) -> None:
        self._rows = tuple(rows)
        self.manifest = dict(manifest)
        self._grid = grid

    @overload
    def __getitem__(self, index: int, /) -> Row: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Row, ...]: ...
    def __getitem__(self, index: int | slice, /) -> Row | tuple[Row, ...]:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def failed(self) -> tuple[Row, ...]:
        """The rows of runs that failed; their ``error`` says why."""
        return tuple(row for row in self._rows if row["error"] is not None)

    def to_frame(self) -> Any:
        """A tidy pandas frame, one row a run; ``attrs["units"]`` has the unit of each figure.

        Columns: workload, policy, workers, costs, replication, seed, engine, oversubscribed, key; makespan, work, span,
        lower_bound, ratio, speedup, efficiency; busy, searching, parked; sojourn_mean, sojourn_p50, sojourn_p99 (run-in cut
        off); the counters of `METRICS`, summed over the workers; validated, exclusive, trace_hash, error. A figure that a run
        did not give is missing; whole numbers stay whole (``Int64``).

        Raises:
            MissingExtra: pandas is not installed.
        """
        pandas = import_extra("pandas", "frame")
        frame = pandas.DataFrame(list(self._rows))
        for name in frame.columns:
            values = [row[name] for row in self._rows]
            if None in values and any(type(value) is int for value in values):
                frame[name] = pandas.array(values, dtype="Int64")
        frame.attrs["units"] = dict(UNITS)
        return frame

    def compare(
        self,
        baseline: str,
        *,
        metric: str = "makespan",
        estimand: Estimand = "ratio",
        level: float = 0.95,
        method: Method = "t",
        adjust: Literal["holm"] | None = "holm",
    ) -> Comparison:
        """Each policy against one of them, from pairs of runs of the same replication.

        Args:
            baseline: name of a policy.
            metric: a column of `to_frame` that holds numbers.
            estimand: ``"ratio"``: geometric mean of policy / baseline; ``"difference"``: mean of policy - baseline.
            level: of the intervals, which are not adjusted for the number of comparisons.
            method: ``"t"``; ``"bootstrap-t"`` and ``"bca"`` for values that are far from normal (9,999 resamples, repeatable).
            adjust: ``"holm"``: p-values hold for all rows of the answer together; None: each for itself.

        Warns:
            UserWarning: fewer than 10 pairs somewhere.

        Raises:
            ValueError: an unknown baseline, metric, estimand, method or adjustment; a ratio of values that are not positive.
            MissingExtra: scipy is not installed.
        """
        unit = UNITS.get(metric, "")
        return compare_rows(
            self._rows, baseline, metric=metric, estimand=estimand, level=level, method=method, adjust=adjust, unit=unit
        )

    def plot(self, x: str = "workers", y: str = "ratio", *, level: float = 0.95, ax: Any = None) -> Any:
        """Means of `y` over the replications with Student intervals, a line a policy (and workload, and costs).

        Dashed where a simulation is beyond the worker count for which its costs were checked, or where threads share CPUs.

        Args:
            x: the axis of the experiment to go along: ``"workers"``, ``"workload"``, ``"policy"`` or ``"costs"``.
            y: a column of `to_frame` that holds numbers.
            level: confidence level.
            ax: matplotlib Axes to draw on; None makes one.

        Returns:
            The Axes.

        Raises:
            ValueError: x is no axis, or y was not measured.
            MissingExtra: matplotlib or scipy is not installed.
        """
        from ._results_plot import plot_rows

        return plot_rows(self._rows, x, y, checked_level(level), ax)

    def sensitivity(
        self, *, metric: str = "makespan", level: float = 0.95, executor: Executor | None = None, progress: bool = True
    ) -> Sensitivity:
        """Which orderings of policies survive each cost of the simulation being half, and twice, what the table says.

        Runs the grid again for each cost and factor. An ordering is a pair of policies whose ratio's interval, under the costs
        as given, leaves out 1; it survives if the interval still does, on the same side.

        Raises:
            RuntimeError: loaded results.
            ValueError: real threads; fewer than two policies.
            MissingExtra: scipy is not installed.
        """
        from ._sensitivity import sensitivity

        return sensitivity(self._rows, self._inputs("sensitivity"), metric, checked_level(level), executor, progress)

    def verify(self, sample: int = 3, *, progress: bool = False) -> tuple[str, ...]:
        """Run some simulated cells again and compare their trace hashes and makespans.

        Args:
            sample: how many, spread evenly over the runs that succeeded.
            progress: show on standard error how many have been run.

        Returns:
            The cells that were run, as text.

        Raises:
            InvariantError: a run gave something else than before; the message lists them.
            RuntimeError: loaded results.
            ValueError: real threads, which do not repeat; no run that succeeded.
        """
        cells = [cell for cell, row in zip(self._inputs("verify").cells(), self._rows, strict=True) if row["error"] is None]
        checked_count(sample, "sample", low=1)
        if not cells:
            raise ValueError("no run succeeded; nothing to verify")
        count = min(sample, len(cells))
        chosen = [cells[position * len(cells) // count] for position in range(count)]
        before = {row["key"]: row for row in self._rows}
        found = []
        with progress_bar(count, progress, what="verify") as advance:
            for cell in chosen:
                found.append(_change(cell, before[cell.key], run_cell(cell)))
                advance(1)
        if any(found):
            raise InvariantError("; ".join(filter(None, found)))
        return tuple(map(str, chosen))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``manifest.json`` and ``runs.parquet`` into a folder, which is made if need be.

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        save_results(folder, self._rows, self.manifest)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Results:
        """What `save` wrote; see the class for what loaded results cannot do.

        Raises:
            FileNotFoundError: no results there.
            ValueError: written by another version.
            MissingExtra: pyarrow is not installed.
        """
        return cls(*load_results(folder))

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"<Results of {len(self)} runs{failed}>"

    def __str__(self) -> str:
        return table(_HEADS, self._summary())

    def _repr_html_(self) -> str:
        summary = _html.table(_HEADS, self._summary(), caption=repr(self)[1:-1])
        errors = [(row["workload"], row["policy"], row["workers"], row["seed"], row["error"]) for row in self.failed]
        failed = _html.table(("workload", "policy", "workers", "seed", "error"), errors)
        manifest = _html.preformatted(json.dumps(self.manifest, indent=1, default=str))
        return (
            summary
            + _html.section(f"{len(errors)} failed", failed, is_open=True) * bool(errors)
            + _html.section("manifest: versions, machine, inputs, seeds", manifest)
        )

    def _summary(self) -> Iterator[list[object]]:
        groups: dict[tuple[object, ...], list[Row]] = {}
        for row in self._rows:
            groups.setdefault(tuple(row[name] for name in ("workload", "policy", "workers", "costs")), []).append(row)
        for place, rows in groups.items():
            good = [row for row in rows if row["error"] is None]
            makespan, ratio = (_mean([row[name] for row in good]) for name in ("makespan", "ratio"))
            yield [*place, len(rows), len(rows) - len(good), None if makespan is None else format_ns(makespan), ratio]

    def _inputs(self, call: str) -> Grid:
        if self._grid is None:
            raise RuntimeError(
                f"{call}() needs the workloads and policies, which loaded results do not have; "
                "call experiment(..., resume=folder) with the same inputs: nothing is run twice"
            )
        if self._grid.engine != "sim":
            raise ValueError(f"{call}() of runs on real threads; only simulations repeat")
        return self._grid


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _change(cell: Cell, before: Row, after: Row) -> str:
    for name in ("error", "trace_hash", "makespan"):
        if before[name] != after[name]:
            return f"{cell}: {name} was {before[name]!r} and is now {after[name]!r}"
    return ""
