"""What does a Dask graph cost on a runtime, beside Dask's own threaded scheduler?

Method: the same optimised graph, as many workers for both, in turns; the answers are compared before anything is printed. Shown is the
median over the rounds of wall time and of processor time of the process, each by node, with the quartiles of the wall time. On a busy
machine believe the processor time. Run it with one BLAS thread: ``OMP_NUM_THREADS=1 python benchmarks/ecosystem/dask_graphs.py``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import stealscope as ss
from dask import threaded

Get = Callable[[Mapping[Any, Any], Any], Any]


def tiny_tree(leaves: int) -> Any:
    """A reduction of empty functions: the scheduler and nothing else."""
    add = dask.delayed(lambda *numbers: sum(numbers), pure=False)
    level = [add(i) for i in range(leaves)]
    while len(level) > 1:
        level = [add(a, b) for a, b in zip(level[::2], level[1::2], strict=True)]
    return level[0]


def graphs() -> dict[str, Any]:
    """By name: Dask objects whose answer is a number or a small table."""
    x = da.from_array(np.random.default_rng(1).random((1200, 1200)), chunks=(100, 100))
    small = da.ones((400, 400), chunks=(20, 20))
    rows = np.arange(200_000)
    table = dd.from_pandas(pd.DataFrame({"key": rows % 97, "value": rows * 0.5}), npartitions=32)
    return {
        "tree of empty nodes": tiny_tree(512),
        "array, 400 chunks of 3 KB": (small + small.T).mean(),
        "array, x @ x, 144 chunks of 80 KB": (x @ x).sum(),
        "data frame, group by, 32 partitions": table.groupby("key")["value"].mean(),
    }


def timed(get: Get, graph: Mapping[Any, Any], keys: Any) -> tuple[float, float, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    answer = get(graph, keys)
    return time.perf_counter() - wall, time.process_time() - cpu, answer


def agree(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, tuple):
        return len(mine) == len(theirs) and all(map(agree, mine, theirs))
    return bool(np.allclose(np.asarray(mine), np.asarray(theirs)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=11)
    given = parser.parse_args()
    print(f"dask {dask.__version__}, stealscope {ss.__version__}, {given.workers} workers, {given.rounds} rounds; us a node")
    print(f"{'graph':38}{'nodes':>6}  {'scheduler':12}{'wall':>8}{'quartiles':>18}{'processor':>11}")
    with ss.Runtime(workers=given.workers) as rt, ThreadPoolExecutor(given.workers) as pool:
        peers: dict[str, Get] = {"ours": rt.dask_get, "dask threads": partial(threaded.get, pool=pool)}
        for name, computed in graphs().items():
            optimised = computed.optimize() if isinstance(computed, dd.Series) else dask.optimize(computed)[0]
            graph, keys = dict(optimised.__dask_graph__()), optimised.__dask_keys__()
            runs: dict[str, list[tuple[float, float, Any]]] = {peer: [] for peer in peers}
            for _ in range(given.rounds + 1):  # the first round warms up
                for peer, get in peers.items():
                    runs[peer].append(timed(get, graph, keys))
            assert agree(*(tuple(runs[peer][-1][2]) if isinstance(keys, list) else runs[peer][-1][2] for peer in peers)), name
            for peer, measured in runs.items():
                scale = 1e6 / len(graph)
                walls = [wall * scale for wall, _, _ in measured[1:]]
                low, middle, high = statistics.quantiles(walls, n=4)
                processor = statistics.median(cpu * scale for _, cpu, _ in measured[1:])
                print(f"{name:38}{len(graph):>6}  {peer:12}{middle:>8.1f}{f'{low:.1f}..{high:.1f}':>18}{processor:>11.1f}")


if __name__ == "__main__":
    main()
