"""Where do the runs of an experiment take place? In processes of this machine, on a given executor, or here one by one.

Invariant: every cell gives exactly one row, whatever happens to the process it ran in. Cells travel in batches, so that a workload
that many of them share is sent once a batch. Read next: `_cells.py`.
"""

from __future__ import annotations

import multiprocessing
import pickle
import pickletools
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import groupby
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType

from . import _core
from ._cells import Cell, Row, failed_row, run_cell, run_cells
from ._streams import shuffled, stream_key

__all__ = ["in_blocks", "in_processes", "on_executor"]

Batch = list[Cell]

_MAX_BATCH = 32
_AHEAD = 2
"""Batches sent to the local pool for each process: enough that none waits for work, few enough to find who broke it."""

_START_LIMIT = 600.0
"""How long a process waits for the others to start: if this one is killed meanwhile, they must not stay behind.  [s]"""


def in_processes(cells: Sequence[Cell]) -> Iterator[list[Row]]:
    """Rows of the cells, by batch and in the order in which they end, from fresh processes, one a CPU."""
    if len(cells) == 1:
        yield run_cells(cells)
        return
    processes = min(len(_core.usable_cpus()), len(cells))
    waiting = deque(_batches(cells, processes))
    with_main = _needs_main(cells)
    while waiting:
        suspects: list[Batch] = []
        with _pool(processes, with_main) as pool:
            for batch, future in _ended(pool, waiting, _AHEAD * processes):
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects.append(batch)
                else:
                    yield _rows(batch, future)
        # A process died, and with it every batch that was sent: each of them runs in a process of its own.
        for batch in suspects:
            yield _alone(batch, with_main)


def on_executor(cells: Sequence[Cell], executor: Executor) -> Iterator[list[Row]]:
    """Rows of the cells, by batch and in the order in which they end, from any `concurrent.futures.Executor`."""
    waiting = deque(_batches(cells, processes=len(_core.usable_cpus())))
    for batch, future in _ended(executor, waiting, ahead=len(waiting)):
        yield _rows(batch, future)


def in_blocks(cells: Sequence[Cell]) -> Iterator[list[Row]]:
    """Rows of the cells on real threads, one run at a time in this process.

    Cells that share workload and workers form a group: first one warm-up run of each policy, discarded; then block after block,
    each with every policy once, in an order that its seed decides.
    """
    for _, group in groupby(cells, key=lambda cell: (cell.workload_name, cell.workers)):
        blocks = [list(block) for _, block in groupby(group, key=lambda cell: cell.replication)]
        warmed: set[str] = set()
        for block in blocks:
            for cell in block:
                if cell.policy_name not in warmed:
                    warmed.add(cell.policy_name)
                    run_cell(cell)
            for position in shuffled(len(block), stream_key(block[0].seed, "order")):
                yield [run_cell(block[position])]


def _batches(cells: Sequence[Cell], processes: int) -> Iterator[Batch]:
    size = max(1, min(_MAX_BATCH, len(cells) // (4 * processes)))
    return (list(cells[start : start + size]) for start in range(0, len(cells), size))


def _ended(pool: Executor, waiting: deque[Batch], ahead: int) -> Iterator[tuple[Batch, Future[list[Row]]]]:
    """Sends batches, at most `ahead` at a time, and yields them as they end; stops sending once the pool is broken."""
    running: dict[Future[list[Row]], Batch] = {}
    broken = False
    while running or (waiting and not broken):
        while waiting and len(running) < ahead and not broken:
            try:
                running[pool.submit(run_cells, waiting[0])] = waiting[0]
                waiting.popleft()
            except BrokenProcessPool:
                broken = True
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            broken = broken or isinstance(future.exception(), BrokenProcessPool)
            yield running.pop(future), future


def _rows(batch: Batch, future: Future[list[Row]]) -> list[Row]:
    error = future.exception()
    return future.result() if error is None else [failed_row(cell, error) for cell in batch]


def _alone(batch: Batch, with_main: bool) -> list[Row]:
    with _pool(1, with_main) as pool:
        future = pool.submit(run_cells, batch)
        if len(batch) == 1 or not isinstance(future.exception(), BrokenProcessPool):
            return _rows(batch, future)
    return [row for cell in batch for row in _alone([cell], with_main)]


@contextmanager
def _pool(processes: int, with_main: bool) -> Iterator[ProcessPoolExecutor]:
    # Spawned, because a fork would copy locks that this process's threads hold.
    context = multiprocessing.get_context("spawn") if with_main else _ContextWithoutMain()
    # All processes start before the first cell, each waiting for the last: one that is started while another dies would never be
    # told to end, and the pool would wait for it for ever.
    together = context.Barrier(processes, timeout=_START_LIMIT)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=together.wait) as pool:
        try:
            for ready in [pool.submit(_ready) for _ in range(processes)]:
                ready.result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "the processes of the experiment cannot start; if the script that calls experiment() also defines what its "
                "policies hold, call it under `if __name__ == '__main__':`, because each process imports the script"
            ) from error
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _ProcessWithoutMain(SpawnProcess):
    """A process that does not import the running script, so that one without a ``__main__`` guard is not run again."""

    def start(self) -> None:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            super().start()
        finally:
            sys.modules["__main__"] = script


class _ContextWithoutMain(SpawnContext):
    Process = _ProcessWithoutMain


def _needs_main(cells: Sequence[Cell]) -> bool:
    """Whether any input names something that the running script defines, so that a process must import the script.

    Raises:
        ValueError: it does, and the script is a prompt or a notebook, which cannot be imported.
    """
    main = sys.modules["__main__"]
    importable = getattr(main, "__spec__", None) is not None or hasattr(main, "__file__")
    for value in {id(value): value for cell in cells for value in (cell.workload, cell.policy, cell.costs)}.values():
        data = pickle.dumps(value)
        if b"__main__" in data and any(argument == "__main__" for _, argument, _ in pickletools.genops(data)):
            if not importable:
                first = next(cell for cell in cells if value in (cell.workload, cell.policy, cell.costs))
                raise ValueError(
                    f"{first}: it holds a function typed at a prompt, which other processes cannot import; write it to a module"
                )
            return True
    return False


def _ready() -> None:
    """Ends once a process has started."""
