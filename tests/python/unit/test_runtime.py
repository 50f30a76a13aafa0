"""What a `Runtime` takes and refuses when it is made, and what its options then do."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from typing import Any

import numpy as np
import pytest
import stealscope as ss

LIMIT = 20.0  # seconds: only a test that fails waits so long


# ---- what is refused ----


@pytest.mark.parametrize("value", [0, -1, 65_536, 10**30])
def test_a_number_of_workers_out_of_range_is_named_with_what_is_allowed(value: int) -> None:
    with pytest.raises(ValueError, match=rf"workers={value}; need 1\.\.65535; leave it out for one per CPU"):
        ss.Runtime(workers=value)


@pytest.mark.parametrize("value", [True, 1.5, "2", float("nan"), [1]])
def test_workers_must_be_an_integer(value: Any) -> None:
    with pytest.raises(TypeError, match=r"workers=.*need an int in 1\.\.65535"):
        ss.Runtime(workers=value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5])
def test_a_keep_alive_must_be_finite_and_not_negative(value: float) -> None:
    with pytest.raises(ValueError, match=r"thread_keep_alive=.*need finite seconds >= 0"):
        ss.Runtime(workers=1, thread_keep_alive=value)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"thread_keep_alive": "1"}, TypeError, "thread_keep_alive='1' is a str; need seconds"),
        ({"policy": "go"}, ValueError, "policy='go'; need one of tokio"),
        ({"policy": None}, TypeError, "policy=None; need a Policy or the name of a preset"),
        ({"hooks": {"on_thread_start": print}}, TypeError, r"hooks=\{.*need Hooks\(...\) or None"),
        ({"histograms": "all"}, TypeError, r"histograms='all'; need Histograms\(...\)"),
        ({"name": ""}, ValueError, "name=''; need text"),
        ({"name": "a\0b"}, ValueError, "without null characters"),
        ({"name": 7}, ValueError, "name=7; need text"),
        ({"seed": -1}, ValueError, r"seed=-1; need 0\.\."),
        ({"seed": 2**64}, ValueError, r"seed=18446744073709551616; need 0\.\."),
        ({"seed": 1.0}, TypeError, "seed=1.0 is a float"),
        ({"max_blocking_threads": -1}, ValueError, r"max_blocking_threads=-1; need 1\.\.65535"),
        ({"max_blocking_threads": 0}, ValueError, r"max_blocking_threads=0; need 1\.\.65535; threads are made only when"),
        ({"max_blocking_threads": 1e3}, TypeError, "max_blocking_threads=1000.0 is a float"),
        ({"unhandled_exception": "ignore"}, ValueError, "unhandled_exception='ignore'; need 'report', 'shutdown' or a callable"),
        ({"colour": "red"}, TypeError, "colour"),
    ],
)
def test_a_bad_option_is_named_with_what_is_allowed(options: dict[str, Any], error: type[Exception], message: str) -> None:
    before = threading.active_count()
    with pytest.raises(error, match=message):
        ss.Runtime(workers=1, **options)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ss.Hooks(on_thread_start=3), TypeError, "on_thread_start=3; need a callable or None"),
        (lambda: ss.Histograms(poll=10), TypeError, r"poll=10; need H2\(...\), Linear\(...\) or None"),
        (lambda: ss.Linear(width=0), ValueError, "width=0; need at least 1 ns"),
        (lambda: ss.Linear(buckets=0), ValueError, r"buckets=0; need 1\.\."),
        (lambda: ss.H2(low=1.0, high=0.5), ValueError, r"low=1.0, high=0.5; need 0 < low < high"),
        (lambda: ss.H2(precision=11), ValueError, r"precision=11; need 0\.\.10"),
        (lambda: ss.H2(low=float("nan")), ValueError, "low=nan"),
    ],
)
def test_hooks_and_histograms_are_checked_when_they_are_made(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


# ---- what the options do ----


def test_by_default_there_is_one_worker_for_each_usable_cpu() -> None:
    with ss.Runtime() as rt:
        assert rt.handle.num_workers() == len(os.sched_getaffinity(0))


def test_an_integer_of_another_type_counts_workers_too() -> None:
    with ss.Runtime(workers=np.int32(3)) as rt:
        assert rt.handle.num_workers() == 3


def test_the_name_begins_the_names_of_the_threads() -> None:
    def name_of_thread() -> str:
        with open(f"/proc/self/task/{threading.get_native_id()}/comm") as file:  # noqa: PTH123
            return file.read().strip()

    with ss.Runtime(workers=1, name="a-rather-long-name") as rt:
        assert rt.spawn(name_of_thread).result(LIMIT) == "a-rather-long-name"[:15]
    with ss.Runtime(workers=1, name="few") as rt:
        assert rt.spawn(name_of_thread).result(LIMIT) == "few-0"
        assert "'few'" in repr(rt)
        assert "1 workers, running" in repr(rt)
    assert "closed" in repr(rt)


def test_pinned_workers_stay_on_one_cpu() -> None:
    with ss.Runtime(workers=1, pin=True) as rt:
        assert rt.spawn(os.sched_getaffinity, 0).result(LIMIT) == {min(os.sched_getaffinity(0))}


def test_a_callable_runs_on_a_thread_of_the_runtime_and_a_blocking_one_on_another() -> None:
    with ss.Runtime(workers=1) as rt:
        worker = rt.spawn(threading.get_ident).result(LIMIT)
        blocking = rt.spawn_blocking(threading.get_ident).result(LIMIT)
        assert len({worker, blocking, threading.get_ident()}) == 3


def test_hooks_are_called_around_threads_and_tasks() -> None:
    seen: list[tuple[str, Any]] = []

    def note(name: str) -> Any:
        return lambda what: seen.append((name, what))

    names = [f"on_thread_{what}" for what in ("start", "stop", "park", "unpark")]
    names += ["on_task_spawn", "on_before_task_poll", "on_after_task_poll", "on_task_terminate"]

    async def two_polls() -> None:
        await ss.inside.yield_now()

    with ss.Runtime(workers=2, hooks=ss.Hooks(**{name: note(name) for name in names})) as rt:
        handle = rt.spawn(two_polls, name="it")
        handle.result(LIMIT)
        rt.handle.metrics(settled=True, timeout=LIMIT)
    calls = Counter(name for name, _ in seen)
    assert sorted(index for name, index in seen if name == "on_thread_start") == [0, 1]
    assert sorted(index for name, index in seen if name == "on_thread_stop") == [0, 1]
    assert calls["on_thread_park"] >= 2
    assert calls["on_thread_park"] - calls["on_thread_unpark"] in range(3)
    tasks = [(name, meta) for name, meta in seen if "task" in name]
    assert [name.removeprefix("on_") for name, _ in tasks] == [
        "task_spawn",
        *("before_task_poll", "after_task_poll", "before_task_poll"),
        *("task_terminate", "after_task_poll"),  # the end is part of the last poll, as in Tokio
    ]
    for _, meta in tasks:
        assert isinstance(meta, ss.TaskMeta)
        assert (meta.id, meta.name, meta.kind) == (handle.id, "it", "coroutine")
        file, line, function = meta.spawned_at
        assert file == __file__
        assert line > 0
        assert function.startswith("test_hooks_are_called")


def test_thread_hooks_know_the_blocking_pool_by_none() -> None:
    started: list[int | None] = []
    with ss.Runtime(workers=1, hooks=ss.Hooks(on_thread_start=started.append)) as rt:
        rt.spawn_blocking(int).result(LIMIT)
    assert sorted(started, key=str) == [0, None]  # whichever thread comes up first


def test_what_a_hook_raises_is_reported_and_the_hook_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: reported.append(args.exc_value))

    def bad(meta: ss.TaskMeta) -> None:
        raise ValueError(meta.name)

    with ss.Runtime(workers=1, hooks=ss.Hooks(on_task_spawn=bad, on_task_terminate=bad)) as rt:
        assert [rt.spawn(int, name=name).result(LIMIT) for name in ("a", "b")] == [0, 0]
    assert sorted(str(error) for error in reported) == ["a", "a", "b", "b"]


def test_blocking_jobs_beyond_the_threads_wait_their_turn() -> None:
    go = threading.Event()
    with ss.Runtime(workers=1, max_blocking_threads=2) as rt:
        jobs = [rt.spawn_blocking(go.wait, LIMIT) for _ in range(2)]
        later = rt.spawn_blocking(int)
        assert rt.handle.num_blocking_threads() <= 2
        assert rt.handle.blocking_queue_depth() >= 1
        go.set()
        assert [job.result(LIMIT) for job in [*jobs, later]] == [True, True, 0]
