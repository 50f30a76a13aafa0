"""joblib's parallel calls on a runtime: answers, how many run at a time, calls inside calls, errors, generators, ends."""

from __future__ import annotations

import multiprocessing
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import stealscope as ss

joblib = pytest.importorskip("joblib", reason="joblib is not installed; the extra stealscope[joblib] brings it")
from joblib import Parallel, delayed, parallel_config  # noqa: E402
from stealscope.integrations import joblib as ours  # noqa: E402


@pytest.fixture(autouse=True)
def _registered() -> None:
    ours.register()


@pytest.fixture(scope="module")
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=3) as runtime:
        yield runtime


def square(x: int) -> int:
    return x * x


def threads_named(prefix: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]


def runtime_name() -> str:
    return str(ss.current().metrics()["runtime"])


# ---- answers and places ----


def test_results_come_in_the_order_of_the_calls(rt: ss.Runtime) -> None:
    with parallel_config("stealscope", runtime=rt):
        assert Parallel()(delayed(square)(i) for i in range(200)) == [i * i for i in range(200)]
        assert Parallel()([]) == []


def test_calls_run_as_tasks_of_the_given_runtime(rt: ss.Runtime) -> None:
    with parallel_config(backend="stealscope", runtime=rt):
        assert set(Parallel()(delayed(runtime_name)() for _ in range(10))) == {rt.handle.metrics()["runtime"]}


def test_without_a_runtime_a_call_makes_one_and_closes_it() -> None:
    with parallel_config("stealscope", n_jobs=2):
        (name,) = set(Parallel()(delayed(runtime_name)() for _ in range(4)))
    assert name.startswith("joblib#")
    assert not [runtime for runtime in list(ss.dump_signal.live_runtimes) if runtime.handle.metrics()["runtime"] == name]


def test_the_backend_can_be_named_in_the_call_itself() -> None:
    assert Parallel(n_jobs=2, backend="stealscope")(delayed(square)(i) for i in range(5)) == [0, 1, 4, 9, 16]


def test_a_context_of_several_calls_keeps_one_runtime() -> None:
    with Parallel(n_jobs=2, backend="stealscope") as parallel:
        names = [name for _ in range(3) for name in parallel(delayed(runtime_name)() for _ in range(2))]
    assert len(set(names)) == 1


def test_something_else_than_a_runtime_is_refused() -> None:
    with pytest.raises(TypeError, match="runtime=3; need a Runtime"):
        parallel_config("stealscope", runtime=3)


# ---- how many at a time ----


@pytest.mark.parametrize(("asked", "got"), [(None, 1), (1, 1), (2, 2), (3, 3), (50, 3), (-1, 3), (-2, 2), (-9, 1)])
def test_n_jobs_counts_the_runtimes_workers(rt: ss.Runtime, asked: int | None, got: int) -> None:
    assert ours.StealscopeBackend(runtime=rt).effective_n_jobs(asked) == got


def test_n_jobs_0_is_refused(rt: ss.Runtime) -> None:
    with parallel_config("stealscope", runtime=rt), pytest.raises(ValueError, match="n_jobs=0; need 1 or more, or -1"):
        Parallel(n_jobs=0)([])


def test_with_one_job_there_is_no_task_at_all(rt: ss.Runtime) -> None:
    with parallel_config("stealscope", runtime=rt):
        assert set(Parallel(n_jobs=1)(delayed(threading.get_ident)() for _ in range(3))) == {threading.get_ident()}


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_as_many_calls_run_at_a_time_as_n_jobs_says(rt: ss.Runtime, n_jobs: int) -> None:
    """A barrier of `n_jobs` shows that so many are together; the count that no more are."""
    together, lock, now, most = threading.Barrier(n_jobs, timeout=60), threading.Lock(), 0, 0

    def call() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait()
        with lock:
            now -= 1
        together.wait()

    with parallel_config("stealscope", runtime=rt, n_jobs=n_jobs):
        Parallel(pre_dispatch="all")(delayed(call)() for _ in range(4 * n_jobs))
    assert most == n_jobs


# ---- calls inside calls ----


def test_calls_inside_calls_run_on_the_same_runtime_and_end(rt: ss.Runtime) -> None:
    def inner(i: int, depth: int) -> Any:
        if depth == 0:
            return i, runtime_name()
        return Parallel()(delayed(inner)(i, depth - 1) for i in range(4))

    with parallel_config("stealscope", runtime=rt):
        found = Parallel()(delayed(inner)(i, 3) for i in range(4))
    leaves = [leaf for a in found for b in a for c in b for leaf in c]
    assert leaves == [(i, rt.handle.metrics()["runtime"]) for i in range(4)] * 64


def test_a_call_in_a_task_ends_on_its_own_runtime_and_on_another() -> None:
    with ss.Runtime(workers=1) as one:

        def outer() -> list[int]:
            with parallel_config(ours.StealscopeBackend(runtime=two), n_jobs=2):
                return Parallel()(delayed(square)(i) for i in range(3))  # type: ignore[no-any-return]

        with ss.Runtime(workers=2) as two:
            assert one.spawn(outer).result() == [0, 1, 4]
            assert two.spawn(outer).result() == [0, 1, 4]


def test_in_a_coroutine_a_call_is_refused(rt: ss.Runtime) -> None:
    async def call() -> object:
        with parallel_config("stealscope", runtime=rt):
            return Parallel()(delayed(square)(i) for i in range(3))

    with pytest.raises(RuntimeError, match=r"joblib.Parallel\(\) in a coroutine would block"):
        rt.spawn(call).result()


# ---- errors ----


def test_the_exception_of_a_call_is_raised_and_the_backend_goes_on(rt: ss.Runtime) -> None:
    def reciprocal(x: int) -> float:
        return 1 / x

    with parallel_config("stealscope", runtime=rt):
        with pytest.raises(ZeroDivisionError):
            Parallel()(delayed(reciprocal)(i - 5) for i in range(10))
        with Parallel() as parallel:
            with pytest.raises(ZeroDivisionError):
                parallel(delayed(reciprocal)(0) for _ in range(3))
            assert parallel(delayed(reciprocal)(x) for x in (1, 2)) == [1.0, 0.5]


def test_an_exception_of_the_iterable_is_raised(rt: ss.Runtime) -> None:
    def calls() -> Iterator[Any]:
        yield delayed(square)(1)
        raise LookupError("the iterable's own")

    with parallel_config("stealscope", runtime=rt), pytest.raises(LookupError, match="the iterable's own"):
        Parallel()(calls())


@pytest.mark.parametrize("given", [True, False])
def test_a_call_that_takes_too_long_is_a_timeout_and_is_left_behind(rt: ss.Runtime, given: bool) -> None:
    release = threading.Event()
    options: dict[str, Any] = {"runtime": rt} if given else {}
    try:
        with parallel_config("stealscope", n_jobs=2, **options), pytest.raises(multiprocessing.TimeoutError):
            Parallel(timeout=0.05)(delayed(release.wait)(60) for _ in range(2))
    finally:
        release.set()


def test_a_cancelled_runtime_ends_the_call() -> None:
    runtime = ss.Runtime(workers=2)

    def stop() -> None:
        runtime.shutdown(wait=False, cancel=True)

    with parallel_config("stealscope", runtime=runtime), pytest.raises((ss.CancelledError, ss.RuntimeClosed)):
        Parallel(pre_dispatch="all")(delayed(stop)() for _ in range(50))
    assert runtime.shutdown()


# ---- generators ----


def test_a_generator_gives_the_first_result_while_later_calls_still_run(rt: ss.Runtime) -> None:
    release = threading.Event()

    def call(i: int) -> int:
        assert i == 0 or release.wait(60)
        return i

    with parallel_config("stealscope", runtime=rt):
        results = Parallel(return_as="generator")(delayed(call)(i) for i in range(6))
        assert next(results) == 0
        release.set()
        assert list(results) == [1, 2, 3, 4, 5]


def test_an_unordered_generator_gives_what_ends_first(rt: ss.Runtime) -> None:
    release = threading.Event()

    def call(i: int) -> int:
        assert i > 0 or release.wait(60)
        return i

    with parallel_config("stealscope", runtime=rt, n_jobs=2):
        results = Parallel(return_as="generator_unordered")(delayed(call)(i) for i in range(4))
        first = [next(results) for _ in range(3)]
        release.set()
        assert (sorted(first), list(results)) == ([1, 2, 3], [0])


def test_a_generator_may_be_given_up(rt: ss.Runtime) -> None:
    with parallel_config("stealscope", runtime=rt):
        results = Parallel(return_as="generator")(delayed(square)(i) for i in range(1000))
        assert next(results) == 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib says how many results nobody took
            results.close()
        assert Parallel()(delayed(square)(i) for i in range(3)) == [0, 1, 4]


# ---- what is imported ----


def test_making_it_the_default_is_asked_for() -> None:
    before = joblib.parallel.DEFAULT_BACKEND
    try:
        ours.register(make_default=True)
        assert Parallel(n_jobs=2)(delayed(runtime_name)() for _ in range(2))[0].startswith("joblib#")
    finally:
        joblib.parallel.DEFAULT_BACKEND = before
