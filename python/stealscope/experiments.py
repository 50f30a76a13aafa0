"""How do policies compare over workloads, worker counts and costs? Run the whole grid and keep every run.

Invariant: common random numbers: replication r uses the same workload draws under every policy, worker count and cost table, so
runs can be compared in pairs. Nothing runs before every cell has been checked. Read next: `_grid.py` (the cells), `_pools.py`
(where they run), `results.py` (what comes out).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ._cells import Cell, Engine, Row
from ._grid import Grid, Policies, Workloads, make_grid
from ._manifest import experiment_manifest
from ._progress import progress_bar
from ._results_files import appended_rows, stored_rows
from .results import Results

if TYPE_CHECKING:
    import os
    from concurrent.futures import Executor

    from .costs import Costs

__all__ = ["experiment"]


def experiment(
    workloads: Workloads,
    policies: Policies,
    workers: int | Iterable[int],
    seeds: Iterable[int],
    *,
    engine: Engine = "sim",
    costs: Costs | Mapping[str, Costs] | None = None,
    executor: Executor | None = None,
    progress: bool = True,
    resume: str | os.PathLike[str] | None = None,
) -> Results:
    """Run every combination of workload, policy, worker count, cost table and seed.

    ```python
    results = ss.experiment({"montage": flow}, ["tokio", "rayon_like"], workers=[1, 4, 16, 64], seeds=range(30))
    print(results.compare("tokio"))
    ```

    Args:
        workloads: one, several, or by name. A random one is drawn anew in each replication, from the seed's own stream.
        policies: one, several, or by name; each a `Policy` or the name of a preset.
        workers: one number or several.
        seeds: one a replication; 10 or more for intervals that say something.
        engine: ``"sim"`` runs in virtual time. ``"threads"`` runs on real threads in this process, one run at a time: one
            warm-up run of each combination is discarded, and then every replication runs all policies once, in random order.
            More workers than CPUs are marked in the column ``oversubscribed``.
        costs: cost table of the simulation, or several by name: an axis of its own. None: ``Costs()``.
        executor: any `concurrent.futures.Executor`, such as Dask's ``client.get_executor()``, for simulations. None: processes
            on this machine, one a CPU.
        progress: show it on standard error.
        resume: a folder. Runs found there, by all their inputs and the scheduler's build, are not repeated unless they
            failed; each new run is added as it ends.

    Returns:
        One row a run. A run that fails is a row with its error.

    Warns:
        UserWarning: a workload that is the same in every replication (intervals then describe the scheduler's randomness
            only); runs that failed.

    Raises:
        TypeError: something on an axis is of another type.
        ValueError: an empty axis, a name or number twice, an unknown preset, a cell that cannot be pickled (it is named),
            ``executor`` or ``costs`` with real threads.
    """
    if engine == "threads" and executor is not None:
        raise ValueError(
            f"executor={executor!r} with engine='threads'; real threads need this process to themselves: leave it out"
        )
    grid = make_grid(workloads, policies, workers, seeds, engine=engine, costs=costs)
    cells = grid.cells()
    _warn_of_fixed_workloads(grid)
    known = {} if resume is None else stored_rows(resume)
    manifest = experiment_manifest(grid)
    rows = {cell.key: known[cell.key] for cell in cells if cell.key in known and known[cell.key]["error"] is None}
    missing = [cell for cell in cells if cell.key not in rows]
    with progress_bar(len(missing), progress) as advance, appended_rows(resume) as append:
        for ended in _run(missing, engine, executor):
            append(ended)
            rows |= {row["key"]: row for row in ended}
            advance(len(ended), sum(row["error"] is not None for row in ended))
    # Names and numbers are those of this grid: a stored row may have been another replication of its own.
    results = Results([rows[cell.key] | cell.identity() for cell in cells], manifest, grid)
    _warn_of_failures(results)
    return results


def _run(cells: list[Cell], engine: Engine, executor: Executor | None) -> Iterator[list[Row]]:
    # Starting processes takes a fifth of the package's import time: only those who do it pay for it.
    from ._pools import in_blocks, in_processes, on_executor

    if not cells:
        return iter(())
    if engine == "threads":
        return in_blocks(cells)
    return in_processes(cells) if executor is None else on_executor(cells, executor)


def _warn_of_fixed_workloads(grid: Grid) -> None:
    fixed = grid.fixed_workloads()
    if fixed and len(grid.seeds) > 1:
        names = ", ".join(map(repr, fixed))
        warnings.warn(
            f"the same in every replication: {names}; intervals describe the scheduler's randomness only, not other such workloads",
            stacklevel=3,
        )


def _warn_of_failures(results: Results) -> None:
    failed = [row for row in results if row["error"] is not None]
    if failed:
        warnings.warn(
            f"{len(failed)} of {len(results)} runs failed; the first, {failed[0]['workload']!r} under {failed[0]['policy']!r} "
            f"with seed {failed[0]['seed']}: {failed[0]['error']}",
            stacklevel=3,
        )
