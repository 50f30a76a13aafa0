"""How a runtime ends: by `shutdown`, by leaving ``with``, by being dropped; and what its handle then says."""

from __future__ import annotations

import gc
import logging
import sys
import threading
import time
import warnings
from typing import Any

import pytest
import stealscope as ss
from stealscope import inside, sync

LIMIT = 20.0  # seconds: only a test that fails waits so long


async def for_ever(event: sync.Event | None = None) -> None:
    await (event or sync.Event()).wait()


def threads_named(name: str) -> int:
    """Threads of this process whose name begins so, as the system knows them."""
    from pathlib import Path

    count = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            count += (task / "comm").read_text().startswith(name)
        except OSError:
            continue  # it ended meanwhile
    return count


def test_leaving_with_waits_for_all_tasks_and_ends_the_threads() -> None:
    done: list[int] = []

    async def late(depth: int) -> None:
        await inside.sleep(0.005)
        if depth:
            inside.spawn(late, depth - 1)  # tasks may still spawn
        done.append(depth)

    with ss.Runtime(workers=2, name="gone") as rt:
        rt.spawn(late, 3)
        rt.spawn_blocking(lambda: (time.sleep(0.02), done.append(9)))
        while threads_named("gone") < 2:  # a thread gives itself its name
            time.sleep(0.001)
    assert sorted(done) == [0, 1, 2, 3, 9]
    assert threads_named("gone") == 0


def test_leaving_with_by_an_exception_cancels() -> None:
    cleaned: list[str] = []

    async def careful() -> None:
        try:
            await for_ever()
        finally:
            cleaned.append("up")

    with pytest.raises(ZeroDivisionError), ss.Runtime(workers=2) as rt:  # noqa: PT012
        handle = rt.spawn(careful)
        while not handle.done() and rt.handle.metrics(settled=True, timeout=LIMIT)["num_alive_tasks"] == 0:
            pass
        1 / 0
    assert cleaned == ["up"]
    assert handle.cancelled()


def test_leaving_with_closes_what_never_began() -> None:
    with pytest.raises(ZeroDivisionError), ss.Runtime(workers=1) as rt:  # noqa: PT012
        entered, go = threading.Event(), threading.Event()
        rt.spawn(lambda: (entered.set(), go.wait(LIMIT)))
        assert entered.wait(LIMIT)
        handles = [rt.spawn(for_ever), rt.spawn(for_ever()), rt.spawn(int), rt.spawn(ss.workloads.fib(5))]
        threading.Timer(0.05, go.set).start()
        1 / 0
    # A worker sees the end at its next upkeep, so the short ones may have run before; and no coroutine was left unawaited.
    assert [handle.cancelled() for handle in handles[:2]] == [True, True]
    assert all(handle.done() for handle in handles)


def test_shutdown_may_be_called_again() -> None:
    rt = ss.Runtime(workers=2)
    assert rt.shutdown()
    assert rt.shutdown()
    assert rt.shutdown(cancel=True)
    assert rt.shutdown(wait=False)
    with rt:
        pass


def test_shutdown_refuses_outsiders_and_says_why() -> None:
    rt = ss.Runtime(workers=1)
    handle = rt.handle
    rt.shutdown()
    coroutine = for_ever()
    for start in (
        lambda: rt.spawn(int),
        lambda: rt.spawn(coroutine),
        lambda: rt.spawn_on(0, int),
        lambda: rt.spawn_blocking(int),
        lambda: rt.block_on(for_ever),
        lambda: rt.run(ss.workloads.fib(5)),
        lambda: handle.spawn(int),
    ):
        with pytest.raises(ss.RuntimeClosed, match="shut down: it takes no new work from outside"):
            start()
    assert issubclass(ss.RuntimeClosed, RuntimeError)
    coroutine.close()


def test_shutdown_refuses_outsiders_while_it_waits_but_tasks_may_spawn() -> None:
    rt = ss.Runtime(workers=1)
    event = sync.Event()

    async def parent() -> int:
        await event.wait()
        return await inside.spawn(sum, [1, 2])

    handle = rt.spawn(parent)
    assert rt.shutdown(timeout=0.02) is False
    with pytest.raises(ss.RuntimeClosed):
        rt.spawn(int)
    event.set()
    assert rt.shutdown(timeout=LIMIT) is True
    assert handle.result(0) == 3


def test_shutdown_that_times_out_can_go_on_by_cancelling() -> None:
    rt = ss.Runtime(workers=1)
    handle = rt.spawn(for_ever)
    assert rt.shutdown(timeout=0) is False
    assert not handle.done()
    assert rt.shutdown(cancel=True, timeout=LIMIT) is True
    assert handle.cancelled()


def test_shutdown_waits_for_a_callable_that_runs_even_if_it_cancels() -> None:
    rt = ss.Runtime(workers=1)
    entered, go = threading.Event(), threading.Event()
    handle = rt.spawn(lambda: (entered.set(), go.wait(LIMIT), "done")[2])
    assert entered.wait(LIMIT)
    assert rt.shutdown(cancel=True, timeout=0.02) is False
    go.set()
    assert rt.shutdown(cancel=True, timeout=LIMIT) is True
    assert handle.result(0) == "done"


def test_what_a_task_spawns_during_a_cancelling_shutdown_is_cancelled_already() -> None:
    spawned: list[Any] = []

    async def careful() -> None:
        try:
            await for_ever()
        finally:
            spawned.append(inside.spawn(for_ever))
            spawned.append(inside.spawn(int))

    rt = ss.Runtime(workers=2)
    rt.spawn(careful)
    rt.handle.metrics(settled=True, timeout=LIMIT)
    assert rt.shutdown(cancel=True, timeout=LIMIT)
    assert [handle.cancelled() for handle in spawned] == [True, True]


@pytest.mark.parametrize("cancel", [False, True])
def test_shutdown_without_waiting_returns_at_once(cancel: bool) -> None:
    rt = ss.Runtime(workers=1)
    event = sync.Event()
    handle = rt.spawn(for_ever, event)
    rt.handle.metrics(settled=True, timeout=LIMIT)
    assert rt.shutdown(wait=False, cancel=cancel) is True
    with pytest.raises(ss.RuntimeClosed):
        rt.spawn(int)
    event.set()
    if cancel:
        with pytest.raises(ss.CancelledError):
            handle.result(LIMIT)
    else:
        assert handle.result(LIMIT) is None
    assert rt.shutdown(timeout=LIMIT)


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf")])
def test_shutdown_checks_its_timeout_and_changes_nothing(timeout: float) -> None:
    with ss.Runtime(workers=1) as rt:
        with pytest.raises(ValueError, match=r"timeout=.*need finite seconds >= 0; pass None for no limit"):
            rt.shutdown(timeout=timeout)
        assert rt.spawn(int).result(LIMIT) == 0


def test_shutdown_inside_a_task_would_wait_for_itself_and_raises() -> None:
    with ss.Runtime(workers=1) as rt:

        async def in_coroutine() -> None:
            rt.shutdown()

        for start in (rt.spawn, rt.spawn_blocking, rt.block_on):
            with pytest.raises(RuntimeError, match=r"shutdown\(\) inside a task would wait for the task itself"):  # noqa: PT012
                handle = start(in_coroutine if start == rt.block_on else rt.shutdown)
                handle.result(LIMIT)
        with pytest.raises(RuntimeError, match=r"shutdown\(\) inside a task"):
            rt.spawn(in_coroutine).result(LIMIT)
        assert rt.spawn(int).result(LIMIT) == 0  # the runtime is unharmed


def test_a_task_may_start_the_end_without_waiting() -> None:
    rt = ss.Runtime(workers=1)
    others = [rt.spawn(for_ever) for _ in range(3)]
    assert rt.spawn(lambda: rt.shutdown(wait=False, cancel=True)).result(LIMIT) is True
    assert rt.shutdown(timeout=LIMIT)
    assert all(other.cancelled() for other in others)


def test_two_threads_may_shut_down_at_once() -> None:
    rt = ss.Runtime(workers=2)
    event = sync.Event()
    rt.spawn(for_ever, event)
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(rt.shutdown(timeout=LIMIT))) for _ in range(3)]
    for thread in threads:
        thread.start()
    event.set()
    for thread in threads:
        thread.join(LIMIT)
    assert answers == [True, True, True]


def test_a_dropped_runtime_warns_cancels_and_ends() -> None:
    rt = ss.Runtime(workers=2, name="dropped")
    handle = rt.spawn(for_ever)
    with pytest.warns(ResourceWarning, match="'dropped' was dropped without shutdown; its tasks are cancelled"):  # noqa: PT031
        del rt
        gc.collect()
    with pytest.raises(ss.CancelledError):
        handle.result(LIMIT)
    deadline = time.monotonic() + LIMIT
    while threads_named("dropped"):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_closed_runtime_is_dropped_without_a_warning() -> None:
    rt = ss.Runtime(workers=1)
    rt.shutdown()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del rt
        gc.collect()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", ["callable", "coroutine", "blocking", "hook"])
def test_a_runtime_may_be_dropped_inside_its_own_task(kind: str) -> None:
    owner: list[Any] = []
    dropped = threading.Event()

    def drop(_: Any = None) -> str:
        owner.clear()
        gc.collect()
        dropped.set()
        return "went on"

    async def drop_in_coroutine() -> str:
        return drop()

    hooks = ss.Hooks(on_task_terminate=lambda meta: drop()) if kind == "hook" else None
    owner.append(ss.Runtime(workers=1, hooks=hooks, name="inside"))
    if kind == "blocking":
        handle = owner[0].spawn_blocking(drop)
    else:
        handle = owner[0].spawn({"callable": drop, "coroutine": drop_in_coroutine, "hook": int}[kind])
    assert dropped.wait(LIMIT)
    assert handle.result(LIMIT) == (0 if kind == "hook" else "went on")
    deadline = time.monotonic() + LIMIT
    while threads_named("inside"):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_handle_outlives_the_runtime_and_keeps_the_last_values() -> None:
    rt = ss.Runtime(workers=2)
    handle = rt.handle
    join = rt.spawn(sum, [1, 2])
    rt.shutdown()
    del rt
    gc.collect()
    assert join.result(0) == 3
    assert handle.num_workers() == 2
    assert handle.num_alive_tasks() == 0
    assert handle.spawned_tasks_count() == 1
    assert len(handle.metrics()["workers"]) == 2
    assert sum(worker["task_poll_count"] for worker in handle.metrics()["workers"]) == 1
    with pytest.raises(ss.RuntimeClosed):
        handle.spawn(int)
    assert "2 workers" in repr(handle)


def test_a_task_handle_outlives_the_runtime() -> None:
    rt = ss.Runtime(workers=1)
    handles = [rt.spawn(int), rt.spawn(for_ever), rt.spawn(ss.workloads.fib(10)), rt.spawn_blocking(int)]
    handles[2].result(LIMIT)
    handles[3].result(LIMIT)
    rt.shutdown(cancel=True)
    del rt
    gc.collect()
    assert handles[2].result(0).result == 55
    assert handles[3].result(0) == 0
    with pytest.raises(ss.CancelledError):
        handles[1].result(0)
    for handle in handles:
        handle.add_done_callback(lambda _: None)
        assert handle.cancel() is False


def test_a_long_wait_is_logged_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["stealscope.runtime"]
    monkeypatch.setattr(module, "_WARN_AFTER_NS", 1)
    monkeypatch.setattr(module, "_SLICE_NS", 1_000_000)
    rt = ss.Runtime(workers=1)
    rt.spawn(for_ever)
    with caplog.at_level(logging.WARNING, logger="stealscope"):
        assert rt.shutdown(timeout=0.03) is False
    waits = [record.getMessage() for record in caplog.records if "shutdown has waited" in record.getMessage()]
    assert len(waits) == 1
    assert "1 tasks alive" in waits[0]
    rt.shutdown(cancel=True)
