"""The scheduler in virtual time: what runs there, what it costs, how it ends."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stealscope as ss
from stealscope import inside

FREE = ss.Costs.zero()


def run(main: Any, *args: Any, workers: int = 2, **options: Any) -> Any:
    return ss.Simulation(workers, costs=FREE, **options).block_on(main, *args, max_steps=1_000_000)


# ---- time ----


def test_sleep_and_work_take_virtual_time_only() -> None:
    async def main() -> str:
        await ss.sleep(3600.0)
        await ss.work(10e-6)
        return "done"

    sim = ss.Simulation(1, costs=FREE)
    before = time.monotonic()
    assert sim.block_on(main) == "done"
    assert time.monotonic() - before < 60
    assert sim.now == pytest.approx(3600.00001, abs=0.002)  # a tick of the timers
    assert sim.report.makespan == round(sim.now * 1e9)


def test_two_workers_work_at_the_same_time() -> None:
    async def main() -> None:
        async with ss.TaskGroup() as group:
            for _ in range(4):
                group.spawn(busy)

    async def busy() -> None:
        await ss.work(0.5)

    one, two = ss.Simulation(1, costs=FREE), ss.Simulation(2, costs=FREE)
    one.block_on(main)
    two.block_on(main)
    assert (one.report.makespan, two.report.makespan) == (2_000_000_000, 1_000_000_000)


@pytest.mark.parametrize("workers", [1, 64])
def test_coroutines_run_on_when_a_run_is_played_in_many_slices(workers: int) -> None:
    async def main() -> int:
        for _ in range(60_000):  # some steps each; Python looks for Ctrl-C every 20,000
            await ss.yield_now()
        return workers

    assert ss.Simulation(workers).block_on(main) == workers


def test_each_run_is_a_fresh_machine_at_time_zero() -> None:
    async def main() -> tuple[int, int]:
        await ss.sleep(0.1)
        task = inside.current_task()
        return task.id, round(sim.now, 1) == 0.1

    sim = ss.Simulation(2, costs=FREE)
    assert [sim.block_on(main) for _ in range(3)] == [(1, True)] * 3


def test_a_callable_runs_in_no_time() -> None:
    sim = ss.Simulation(1, costs=FREE)
    assert sim.block_on(divmod, 7, 2) == (3, 1)
    assert sim.report.makespan == 0


# ---- all of ss.* inside ----


def test_what_tasks_use_on_threads_works_in_virtual_time() -> None:
    async def producer(tx: Any, lock: ss.Lock) -> None:
        for i in range(5):
            async with lock:
                await ss.work(1e-6)
            await tx.send(i)
        tx.close()

    async def main() -> list[Any]:
        tx, rx = ss.channel(2)
        event, lock = ss.Event(), ss.Lock()
        seen: list[Any] = []
        async with ss.TaskGroup() as group:
            group.spawn(producer, tx, lock)
            async for item in rx:
                seen.append(item)
            event.set()
            await event.wait()
        with pytest.raises(TimeoutError):
            async with ss.timeout(0.5):
                await ss.sleep(10)
        seen.append(await ss.spawn(lambda: "callable"))
        seen.append(await ss.current().spawn(child))
        ticks = [tick async for tick in limited(ss.interval(0.25), 3)]
        return [*seen, ticks]

    async def child() -> str:
        await ss.yield_now()
        return "child"

    async def limited(ticks: Any, n: int) -> Any:
        async for tick in ticks:
            yield tick
            if tick + 1 == n:
                return

    assert run(main) == [0, 1, 2, 3, 4, "callable", "child", [0, 1, 2]]


def test_blocking_jobs_and_block_in_place_run_at_once() -> None:
    async def main() -> list[Any]:
        results: list[Any] = [ss.block_in_place(divmod, 9, 4, cost=0.25)]
        with ss.blocking():
            results.append("in a region")
        results.append(ss.current()._native.simulated)
        return results

    sim = ss.Simulation(2, costs=FREE)
    assert sim.block_on(main) == [(2, 1), "in a region", True]
    assert sim.now == 0.25


def test_a_worker_goes_on_while_one_of_its_tasks_blocks() -> None:
    story: list[tuple[str, float]] = []

    def note(what: str) -> None:
        story.append((what, sim.now))

    async def main() -> None:
        ss.spawn(note, "spawned before")
        ss.block_in_place(note, "inside", cost=0.25)
        ss.spawn(note, "spawned behind")
        await ss.work(0.5)
        note("worked")

    sim = ss.Simulation(1, costs=FREE)
    sim.block_on(main)
    assert story == [("inside", 0.0), ("spawned before", 0.0), ("spawned behind", 0.25), ("worked", 0.75)]
    assert sim.now == 0.75


def test_a_native_workload_can_be_spawned_inside() -> None:
    async def main() -> tuple[str, Any]:
        report = await ss.spawn(ss.workloads.fib(10))
        return report.engine, report.result

    assert run(main) == ("sim", 55)


def test_the_run_ends_when_the_children_end() -> None:
    ended: list[str] = []

    async def child() -> None:
        await ss.sleep(2)
        ended.append("child")

    async def main() -> int:
        ss.spawn(child)
        ended.append("root")
        return 5

    assert run(main) == 5
    assert ended == ["root", "child"]


def test_roots_that_were_queued_run_with_the_next_run() -> None:
    async def extra(n: int) -> int:
        await ss.sleep(1)
        return n

    sim = ss.Simulation(2, costs=FREE)
    handles = [sim.spawn(extra, n) for n in (1, 2)]
    with pytest.raises(RuntimeError, match=r"call Simulation\.run\(\)"):
        handles[0].result()
    report = sim.run(ss.workloads.fib(8))
    assert ([handle.result() for handle in handles], report.result, report.exclusive) == ([1, 2], 21, False)
    assert sim.run(ss.workloads.fib(8)).exclusive


# ---- blocking calls, other threads ----


def test_a_call_that_would_block_is_refused_and_says_to_await() -> None:
    async def waits(handle: Any) -> None:
        handle.result()

    async def main() -> list[str]:
        said: list[str] = []
        never = ss.Event()
        calls = [
            lambda: ss.spawn(divmod, 1, 1).result(),
            lambda: never.wait_blocking(0.1),
            lambda: ss.oneshot()[1].recv_blocking(0.1),
        ]
        for call in calls:
            with pytest.raises(RuntimeError) as refused:
                call()
            said.append(str(refused.value))
        said.append(await ss.spawn(in_callable))
        return said

    def in_callable() -> str:
        with pytest.raises(RuntimeError) as refused:
            ss.spawn(divmod, 1, 1).result()
        return str(refused.value)

    for message in run(main):
        assert "await" in message


def refused_elsewhere(*calls: Callable[[], object]) -> list[str]:
    """What each call says when another thread makes it; all raise `RuntimeError`."""

    def refused(call: Callable[[], object]) -> str:
        with pytest.raises(RuntimeError) as error:
            call()
        return str(error.value)

    with ThreadPoolExecutor(1) as other:
        return list(other.map(refused, calls))


def test_another_thread_may_neither_spawn_nor_cancel_nor_dump() -> None:
    said: list[str] = []

    async def main() -> None:
        handle = ss.current()
        child = ss.spawn(sleeper)

        said.extend(refused_elsewhere(lambda: handle.spawn(divmod, 1, 1), child.cancel, handle.dump))
        assert child.cancel()

    async def sleeper() -> None:
        await ss.Event().wait()

    run(main)
    assert len(said) == 3
    assert all("belongs to the thread that runs it" in message for message in said)


def test_a_wake_from_another_thread_is_an_error_there_and_comes_between_two_steps() -> None:
    said: list[str] = []

    async def main() -> str:
        event, (tx, rx) = ss.Event(), ss.channel(1)

        async def waits_for_event() -> None:
            await event.wait()

        async def receives() -> int:
            return await rx.recv()

        waiter, receiver = ss.spawn(waits_for_event), ss.spawn(receives)
        await ss.sleep(0.01)

        said.extend(refused_elsewhere(event.set, lambda: tx.try_send(5)))
        await waiter
        return f"received {await receiver}"

    assert run(main) == "received 5"
    assert len(said) == 2
    assert all("woke a task of a simulation from another thread" in message for message in said)


def test_a_simulation_may_be_made_on_one_thread_and_run_on_another() -> None:
    sim = ss.Simulation(2)
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(sim.run(ss.workloads.fib(8)).result))
    thread.start()
    thread.join()
    assert results == [21]


def test_handles_dropped_on_another_thread_do_no_harm() -> None:
    async def main() -> list[ss.JoinHandle]:
        return [ss.spawn(divmod, 1, 1) for _ in range(10)]

    handles = run(main)
    box = [handles]
    del handles
    thread = threading.Thread(target=box.clear)
    thread.start()
    thread.join()
    gc.collect()
    assert box == []


def test_a_task_cannot_run_its_own_simulation() -> None:
    sim = ss.Simulation(1)

    async def main() -> None:
        with pytest.raises(RuntimeError, match="is running"):
            sim.run(ss.workloads.fib(3))

    sim.block_on(main)


def test_a_simulation_inside_a_task_of_a_runtime() -> None:
    with ss.Runtime(2) as runtime:
        tasks = [runtime.spawn(lambda: ss.Simulation(2).run(ss.workloads.fib(8)).result) for _ in range(4)]
        assert [task.result(60) for task in tasks] == [21] * 4


# ---- how it ends ----


def test_a_deadlock_names_the_waiting_lines() -> None:
    async def first(a: ss.Lock, b: ss.Lock) -> None:
        async with a:
            await ss.sleep(1)
            async with b:
                pass

    async def main() -> None:
        a, b = ss.Lock(), ss.Lock()
        ss.spawn(first, a, b)
        await first(b, a)

    sim = ss.Simulation(2, costs=FREE)
    with pytest.raises(ss.DeadlockError, match="2 tasks live and nothing can happen any more") as dead:
        sim.block_on(main)
    assert str(dead.value).count("async with b:") == 0  # places, not source
    assert str(dead.value).count("test_simulation.py") >= 2 - 1
    assert len(dead.value.dump) == 2
    assert sim.handle.num_alive_tasks() == 0  # cancelled after the dump
    with pytest.raises(RuntimeError, match="no run has ended"):
        _ = sim.report


def test_a_root_that_failed_is_raised_although_a_child_waits_for_ever() -> None:
    async def waits() -> None:
        await ss.Event().wait()

    async def main() -> None:
        ss.spawn(waits)
        raise KeyError("root")

    with pytest.raises(KeyError, match="root") as failed:
        run(main)
    assert isinstance(failed.value.__cause__, ss.DeadlockError)


def test_too_many_steps_are_an_error() -> None:
    async def spins() -> None:
        while True:
            await ss.yield_now()

    with pytest.raises(ss.StepLimitError, match="1,000 steps") as raised:
        ss.Simulation(1).block_on(spins, max_steps=1000)
    if ss.features()["taskdump"]:
        assert [(task.kind, task.frames[-1].function) for task in raised.value.dump] == [("coroutine", spins.__qualname__)]
    with pytest.raises(ss.StepLimitError):
        ss.Simulation(1).run(ss.workloads.fib(12), max_steps=10)
    for wrong in (0, -1, 1.5, True):
        with pytest.raises((TypeError, ValueError), match="max_steps"):
            ss.Simulation(1).block_on(spins, max_steps=wrong)


def test_exactly_as_many_steps_as_needed_are_enough() -> None:
    sim = ss.Simulation(2)
    sim.run(ss.workloads.fib(8))
    needed = sim._machine.steps
    sim.run(ss.workloads.fib(8), max_steps=needed)
    with pytest.raises(ss.StepLimitError):
        sim.run(ss.workloads.fib(8), max_steps=needed - 1)


def test_ctrl_c_ends_a_long_run_and_unwinds_its_tasks() -> None:
    program = """
import stealscope as ss
unwound = []
async def spins():
    try:
        print("begins", flush=True)
        while True:
            await ss.yield_now()
    except BaseException:
        unwound.append(1)
        raise
sim = ss.Simulation(2)
try:
    sim.block_on(spins)
except KeyboardInterrupt:
    print("interrupted", len(unwound), flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begins\n"
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted 1\n"
    assert child.returncode == 0


def test_queued_roots_of_a_dropped_simulation_are_closed() -> None:
    async def never_run() -> None:
        pass

    sim = ss.Simulation(1)
    sim.spawn(never_run())
    sim.spawn(never_run)
    del sim
    gc.collect()  # a warning about a coroutine that was never awaited is an error in this suite


# ---- reports, metrics, dumps ----


def test_a_report_has_the_shape_of_one_from_threads() -> None:
    workload = ss.workloads.fork_join(4, 2, 5_000)
    report = ss.Simulation(4, seed=3).run(workload)
    with ss.Runtime(2) as runtime:
        real = runtime.run(workload)
    assert report.to_dict().keys() == real.to_dict().keys()
    assert (report.engine, report.workers, report.seed, report.result) == ("sim", 4, 3, 16)
    assert (report.work, report.span) == (real.work, real.span)
    assert report.makespan >= report.lower_bound
    assert report.metrics.keys() == real.metrics.keys()
    assert report.metrics["workers"][0].keys() == real.metrics["workers"][0].keys()
    assert report.validated is False
    assert ss.Simulation(2).run(workload).validated is False
    assert ss.Simulation(1).run(workload).validated is True
    json.dumps(report.to_dict())


def test_metrics_and_dump_are_there_during_a_run_and_after_it() -> None:
    async def main() -> tuple[int, Any]:
        ss.spawn(sleeper)
        await ss.yield_now()
        return sim.handle.num_alive_tasks(), await sim.handle.dump_async()

    async def sleeper() -> None:
        await ss.sleep(1)

    sim = ss.Simulation(2, costs=FREE)
    alive, dump = sim.block_on(main)
    assert alive == 2
    assert {task.kind for task in dump} == {"coroutine"}
    after = sim.handle.metrics(settled=True)
    assert (after["num_alive_tasks"], after["num_workers"]) == (0, 2)
    assert after["spawned_tasks_count"] == 2
    sim.handle.self_check()
    assert list(sim.handle.dump()) == []


def test_a_handle_refuses_what_needs_real_time() -> None:
    sim = ss.Simulation(1)
    with pytest.raises(RuntimeError, match="samples real time"), sim.handle.record():
        pass


def test_an_exception_that_nobody_reads_is_reported(capsys: Any) -> None:
    async def fails() -> None:
        raise LookupError("nobody reads this")

    async def main() -> None:
        ss.spawn(fails)
        await ss.sleep(1)

    seen: list[Any] = []
    old, sys.unraisablehook = sys.unraisablehook, seen.append
    try:
        run(main)
        gc.collect()
    finally:
        sys.unraisablehook = old
    assert [type(entry.exc_value) for entry in seen] == [LookupError]


# ---- arguments ----


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 0}, "workers=0; need 1..65535"),
        ({"workers": 65_536}, "workers=65536; need 1..65535"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 1 << 64}, "seed="),
    ],
)
def test_arguments_out_of_range_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ss.Simulation(**({"workers": 2} | options))


def test_arguments_of_another_type_are_refused() -> None:
    for options in ({"workers": 1.5}, {"workers": True}, {"seed": "x"}, {"costs": {}}):
        with pytest.raises(TypeError):
            ss.Simulation(**({"workers": 2} | options))
    with pytest.raises(TypeError, match="needs a Workload"):
        ss.Simulation(1).run(lambda: None)  # type: ignore[arg-type]


def test_its_repr_is_the_call_that_makes_it() -> None:
    sim = ss.Simulation(3, policy=ss.Policy(steal="one"), seed=9, costs=FREE)
    again = eval(repr(sim), {"ss": ss})
    assert again.run(ss.workloads.fib(9)).trace_hash == sim.run(ss.workloads.fib(9)).trace_hash
    assert repr(ss.Simulation(2, policy="go_like")) == "ss.Simulation(workers=2, policy='go_like', seed=0)"


# ---- costs ----


def test_costs_are_checked_and_scaled_by_name() -> None:
    assert ss.Costs.zero().poll == 0
    assert ss.Costs().scaled("poll", 3).poll == pytest.approx(3 * ss.Costs().poll)
    with pytest.raises(ValueError, match="field='polls'; need one of pop, push"):
        ss.Costs().scaled("polls", 2)
    with pytest.raises(ValueError, match="poll=-1"):
        ss.Costs(poll=-1)


def test_dearer_steps_make_a_longer_run() -> None:
    workload = ss.workloads.fork_join(6, 2, 1_000)
    spans = [
        ss.Simulation(2, costs=FREE if factor == 0 else ss.Costs().scaled("poll", factor)).run(workload).makespan
        for factor in (0, 1, 50)
    ]
    assert spans == sorted(set(spans))
