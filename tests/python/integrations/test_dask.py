"""Dask graphs on a runtime: answers as from Dask's own scheduler, in its order, whatever a node does; experiments on a Dask cluster."""

from __future__ import annotations

import contextvars
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import stealscope as ss

dask = pytest.importorskip("dask", reason="dask is not installed; the extra stealscope[dask] brings it")
array = pytest.importorskip("dask.array", reason="dask.array needs NumPy in a version that dask knows")

REQUESTED: contextvars.ContextVar[str] = contextvars.ContextVar("REQUESTED", default="nothing")


@pytest.fixture(scope="module")
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=2) as runtime:
        yield runtime


def add(*numbers: int) -> int:
    return sum(numbers)


def fail() -> None:
    raise KeyError("the node's own")


def chain_and_branch() -> dict[str, Any]:
    return {"a": 1, "b": (add, "a", 10), "c": (add, "a", 100), "d": (add, "b", "c"), "unused": (fail,)}


# ---- answers ----


def test_keys_of_any_shape_are_answered_in_that_shape(rt: ss.Runtime) -> None:
    assert rt.dask_get(chain_and_branch(), "d") == 112
    assert rt.dask_get(chain_and_branch(), [["d"], ["a", ["b"]]]) == ((112,), (1, (11,)))
    assert rt.dask_get({"a": 1}, "a") == 1
    assert rt.dask_get(chain_and_branch(), []) == ()


def test_an_array_graph_gives_what_numpy_gives(rt: ss.Runtime) -> None:
    values = np.random.default_rng(3).integers(0, 100, (60, 60))
    x = array.from_array(values, chunks=(13, 20))
    graphs = [(x + x.T).sum(axis=0), x @ x, array.percentile(x.ravel(), [10, 50]), x[::-3, 5:].cumsum(axis=1)]
    own = dask.compute(*graphs, scheduler="threads")
    ours = dask.compute(*graphs, scheduler=rt.dask_get)
    for mine, theirs in zip(ours, own, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(ours[1], values @ values)


def test_a_data_frame_graph_gives_what_pandas_gives(rt: ss.Runtime) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed; the extra stealscope[frame] brings it")
    frames = pytest.importorskip(
        "dask.dataframe", reason="dask.dataframe needs pandas and pyarrow: pip install 'dask[dataframe]'"
    )
    numbers = np.arange(500)
    table = pandas.DataFrame({"key": numbers % 7, "value": numbers * 3})
    other = pandas.DataFrame({"key": range(7), "factor": range(0, 70, 10)})
    split = frames.from_pandas(table, npartitions=6).merge(frames.from_pandas(other, npartitions=2), on="key")
    totals = split.assign(product=split.value * split.factor).groupby("key")["product"].sum()
    merged = table.merge(other, on="key")
    expected = merged.assign(product=merged.value * merged.factor).groupby("key")["product"].sum()
    ours = totals.compute(scheduler=rt.dask_get).sort_index()
    pandas.testing.assert_series_equal(ours, expected, check_dtype=False)


def test_a_graph_of_thousands_of_small_nodes_is_right(rt: ss.Runtime) -> None:
    graph: dict[Any, Any] = {("x", 0, i): i for i in range(1024)}
    for level in range(1, 11):
        graph |= {("x", level, i): (add, ("x", level - 1, 2 * i), ("x", level - 1, 2 * i + 1)) for i in range(1024 >> level)}
    assert rt.dask_get(graph, ("x", 10, 0)) == 1023 * 512


def test_it_can_be_the_default_scheduler(rt: ss.Runtime) -> None:
    with dask.config.set(scheduler=rt.dask_get):
        assert array.ones((40, 40), chunks=10).sum().compute() == 1600


# ---- how nodes run ----


def test_each_node_is_a_task_that_bears_its_key(rt: ss.Runtime) -> None:
    graph = {("x", 1): (lambda: ss.current_task().name,)}
    assert rt.dask_get(graph, ("x", 1)) == "('x', 1)"


@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_nodes_are_out_than_num_workers(rt: ss.Runtime, limit: int) -> None:
    out: list[int] = []
    callback = (None, None, lambda _key, _dsk, state: out.append(len(state["running"])), None, None)
    graph: dict[str, Any] = {f"n{i}": (add, i) for i in range(50)}
    rt.dask_get(graph, list(graph), num_workers=limit, callbacks=[callback])
    assert max(out) == limit


def test_with_one_worker_nodes_run_in_dasks_own_order() -> None:
    x = array.ones((8, 8), chunks=2)
    graph = dict((x + x.T).sum().__dask_graph__())
    keys = [key for key in graph if key[0].startswith("sum")][-1:]
    orders = []
    with ss.Runtime(workers=1) as one:
        for get in (one.dask_get, dask.local.get_sync):
            ran: list[Any] = []
            get(graph, keys, callbacks=[(None, None, lambda key, _dsk, _state, ran=ran: ran.append(key), None, None)])
            orders.append(ran)
    assert orders[0] == orders[1]
    assert len(orders[0]) > 30


def test_context_variables_are_the_callers_in_every_node(rt: ss.Runtime) -> None:
    def read(_: object = None) -> str:
        found = REQUESTED.get()
        REQUESTED.set("by a node")
        return found

    token = REQUESTED.set("by the caller")
    try:
        assert rt.dask_get({"a": (read,), "b": (read, "a"), "c": (read, "b")}, ["a", "b", "c"]) == ("by the caller",) * 3
    finally:
        REQUESTED.reset(token)


def test_a_node_may_compute_a_graph_of_its_own(rt: ss.Runtime) -> None:
    def inner(i: int) -> int:
        return rt.dask_get({"x": (add, i, 1), "y": (add, "x", "x")}, "y")  # type: ignore[no-any-return]

    graph: dict[str, Any] = {f"n{i}": (inner, i) for i in range(8)} | {"sum": (add, *(f"n{i}" for i in range(8)))}
    assert rt.dask_get(graph, "sum") == 2 * (28 + 8)


def test_in_a_coroutine_it_is_refused_and_in_a_blocking_job_it_is_not(rt: ss.Runtime) -> None:
    async def compute() -> object:
        return rt.dask_get(chain_and_branch(), "d")

    with pytest.raises(RuntimeError, match=r"dask_get\(\) in a coroutine would block"):
        rt.spawn(compute).result()
    assert rt.spawn_blocking(rt.dask_get, chain_and_branch(), "d").result() == 112


def test_a_result_that_nobody_needs_any_more_is_let_go(rt: ss.Runtime) -> None:
    kept: dict[str, Any] = {}

    def note(key: str, _value: object, _dsk: object, state: dict[str, Any], _worker: int) -> None:
        kept[key] = set(state["cache"])

    rt.dask_get(
        {f"n{i}": (add, f"n{i - 1}", 1) if i else (add, 0) for i in range(6)}, "n5", callbacks=[(None,) * 3 + (note, None)]
    )
    assert kept["n5"] == {"n5"}


# ---- callbacks ----


def test_dasks_callbacks_hear_of_every_node(rt: ss.Runtime) -> None:
    from dask.callbacks import Callback

    heard: list[Any] = []
    with Callback(
        start=lambda _dsk: heard.append("start"),
        pretask=lambda key, _dsk, _state: heard.append(("before", key)),
        posttask=lambda key, value, _dsk, _state, _worker: heard.append(("after", key, value)),
        finish=lambda _dsk, _state, failed: heard.append(("finish", failed)),
    ):
        rt.dask_get(chain_and_branch(), "d")
    assert heard[0] == "start"
    assert heard[-1] == ("finish", False)
    assert sorted(heard[1:-1]) == sorted(
        [("before", "b"), ("before", "c"), ("before", "d"), ("after", "b", 11), ("after", "c", 101), ("after", "d", 112)]
    )


def test_an_error_of_a_callback_reaches_the_caller(rt: ss.Runtime) -> None:
    def broken(*_: object) -> None:
        raise ValueError("the callback's own")

    for place in (2, 3):
        callback = tuple(broken if i == place else None for i in range(5))
        with pytest.raises(ValueError, match="the callback's own"):
            rt.dask_get(chain_and_branch(), "d", callbacks=[callback])


# ---- errors ----


def test_what_a_node_raises_reaches_the_caller_with_the_nodes_line(rt: ss.Runtime) -> None:
    with pytest.raises(KeyError, match="the node's own") as caught:
        rt.dask_get({"a": (fail,), "b": (add, "a")}, "b")
    assert caught.traceback[-1].name == "fail"


def test_after_an_error_no_further_node_begins(rt: ss.Runtime) -> None:
    ran: list[int] = []
    graph: dict[str, Any] = {"bad": (fail,)} | {f"n{i}": (lambda i, _bad: ran.append(i), i, "bad") for i in range(20)}
    with pytest.raises(KeyError):
        rt.dask_get(graph, list(graph))
    assert not ran


def test_a_failed_node_can_be_called_again_here(rt: ss.Runtime) -> None:
    where: list[threading.Thread] = []

    def bad() -> None:
        where.append(threading.current_thread())
        raise KeyError("again")

    with pytest.raises(KeyError, match="again"):
        rt.dask_get({"a": (bad,)}, "a", rerun_exceptions_locally=True)
    assert where[0] is not where[1]
    assert where[1] is threading.current_thread()


def test_a_cycle_and_a_bad_limit_are_refused(rt: ss.Runtime) -> None:
    with pytest.raises(RuntimeError, match=r"[Cc]ycle"):  # Dask finds it while it puts the nodes in order
        rt.dask_get({"a": (add, "b"), "b": (add, "a")}, "a")
    with pytest.raises(ValueError, match="num_workers=0; need"):
        rt.dask_get({"a": 1}, "a", num_workers=0)


def test_a_cancelled_runtime_ends_the_wait() -> None:
    runtime = ss.Runtime(workers=1)

    def stop() -> None:
        runtime.shutdown(wait=False, cancel=True)

    with pytest.raises((ss.CancelledError, ss.RuntimeClosed)):
        runtime.dask_get({"a": (stop,), "b": (add, "a", 1)}, "b")
    assert runtime.shutdown()
    with pytest.raises(ss.RuntimeClosed):
        runtime.dask_get(chain_and_branch(), "d")


# ---- experiments on a cluster ----


class KillsOne(Executor):
    """Hands batches on, and kills a worker process of the cluster as soon as the first has ended."""

    def __init__(self, pool: Executor, victim: int) -> None:
        self._pool, self._victim = pool, victim
        self.unfinished_then: int | None = None
        self._futures: list[Future[Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = self._pool.submit(fn, *args, **kwargs)
        self._futures.append(future)
        future.add_done_callback(self._kill)
        return future

    def _kill(self, _: object) -> None:
        if self.unfinished_then is None:
            self.unfinished_then = sum(not future.done() for future in self._futures)
            os.kill(self._victim, signal.SIGKILL)


@pytest.mark.timeout(600)  # starts processes, which each import Dask and the package
@pytest.mark.filterwarnings("ignore:the same in every replication")
def test_a_dask_worker_killed_in_the_middle_costs_no_row() -> None:
    distributed = pytest.importorskip("distributed", reason="dask's distributed is not installed; stealscope[dask] brings it")
    grid: dict[str, Any] = {
        "workloads": {"tree": ss.workloads.fork_join(8, 2, 500)},
        "policies": ["tokio", "no_stealing"],
        "workers": 2,
        "seeds": range(16),
        "progress": False,
    }
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        warnings.simplefilter("ignore")
        victim = next(iter(client.run(os.getpid).values()))
        pool = KillsOne(client.get_executor(), victim)
        results = ss.experiment(**grid, executor=pool)
    assert pool.unfinished_then
    assert not results.failed
    with ThreadPoolExecutor(1) as here:
        assert list(results) == list(ss.experiment(**grid, executor=here))
