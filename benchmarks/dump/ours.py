"""What happens when one of our runtimes is dumped in one situation, named on the command line?

Invariant: prints one JSON object a line as soon as something is known, so that a hang loses only what comes after it. The
same situations, sizes and limits as tokio/src/main.rs beside it. Read next: run.py, which starts both and reads the lines.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import Any

import stealscope as ss

__all__ = ["main"]

_PATIENCE = float(sys.argv[3])  # a dump that has not returned after this is said to hang  [seconds]
_STUCK = 5.0  # a runtime that has not run its new tasks after this is stuck  [seconds]
_NEW_TASKS = 100
_SMALL = 200  # up to so many tasks a dump is looked through for tasks without a trace
_SAMPLE = 0.0005  # between two looks at the counters of polls  [seconds]
_FOR_EVER = 1 << 40


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def millis(since: float) -> float:
    return (time.perf_counter() - since) * 1e3


def runtime(workers: int) -> ss.Runtime:
    return ss.Runtime(workers)


def yielding(rt: ss.Runtime, tasks: int) -> None:
    """Native tasks that yield until the process ends."""
    rt.spawn(ss.workloads.yield_many(tasks, _FOR_EVER // tasks))


def idle(rt: ss.Runtime, tasks: int) -> None:
    event = ss.Event()
    waiting = 0

    async def wait() -> None:
        nonlocal waiting
        waiting += 1
        await event.wait()

    for _ in range(tasks):
        rt.spawn(wait)
    while waiting < tasks:
        time.sleep(0.01)
    time.sleep(0.3)


def sleeping_poll(rt: ss.Runtime, seconds: float) -> None:
    began = threading.Event()

    def poll() -> None:
        began.set()
        time.sleep(seconds)

    rt.spawn(poll, name="long poll")
    if not began.wait(_PATIENCE):
        raise RuntimeError("the long poll did not begin")


def in_thread(call: Callable[[], ss.Dump]) -> Future[ss.Dump]:
    future: Future[ss.Dump] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def in_time(future: Future[ss.Dump]) -> ss.Dump | None:
    try:
        return future.result(_PATIENCE)
    except NotInTime:
        return None


def report(dump: ss.Dump | None, asked: float, alive: int) -> None:
    call = millis(asked)
    say(returned=dump is not None)
    if dump is not None:
        say(call_ms=call, tasks=len(dump), alive=alive)
        if alive <= _SMALL:
            say(without_trace=sum(not task.frames for task in dump))
        if not dump.complete:
            say(missing={str(worker): line for worker, line in dump.missing_workers.items()})


def one_dump(rt: ss.Runtime) -> None:
    alive, asked = rt.handle.num_alive_tasks(), time.perf_counter()
    report(in_time(in_thread(rt.handle.dump)), asked, alive)


def longest_standstill(samples: Iterable[dict[str, Any]]) -> float:
    """ms between the first and the last of the samples that found no new poll on any worker."""
    longest = since = 0
    polls = -1
    for sample in samples:
        counted = sum(worker["task_poll_count"] for worker in sample["workers"])
        if counted != polls:
            polls, since = counted, sample["elapsed"]
        longest = max(longest, sample["elapsed"] - since)
    return longest / 1e6


def with_pause(rt: ss.Runtime, dump: Callable[[], object]) -> None:
    """How long no worker polled anything, first without a dump, then while `dump` runs."""
    time.sleep(0.5)
    with rt.handle.record(every=_SAMPLE) as quiet:
        time.sleep(0.5)
    with rt.handle.record(every=_SAMPLE) as samples:
        dump()
        time.sleep(0.05)
    say(pause_without_ms=longest_standstill(quiet), pause_ms=longest_standstill(samples))


def later_spawns(rt: ss.Runtime) -> None:
    """Does what is spawned from outside afterwards still run?"""
    handles = [rt.spawn(int) for _ in range(_NEW_TASKS)]
    limit = time.perf_counter() + _STUCK
    while not (done := all(handle.done() for handle in handles)) and time.perf_counter() < limit:
        time.sleep(0.005)
    say(later_ran=_NEW_TASKS if done else sum(handle.done() for handle in handles))


def two_at_once(rt: ss.Runtime) -> None:
    alive, asked = rt.handle.num_alive_tasks(), time.perf_counter()
    both = [in_thread(rt.handle.dump) for _ in range(2)]
    done = [in_time(future) for future in both]
    report(done[1] if all(dump is not None for dump in done) else None, asked, alive)


def in_a_loop(rt: ss.Runtime, seconds: float) -> None:
    alive, began = rt.handle.num_alive_tasks(), time.perf_counter()
    calls: list[float] = []
    last: ss.Dump | None = None
    while time.perf_counter() - began < seconds:
        asked = time.perf_counter()
        last = in_time(in_thread(rt.handle.dump))
        calls.append(millis(asked))
        if last is None:
            break
    report(last, began, alive)
    say(dumps=len(calls), call_ms=statistics.median(calls))


def cancelled(rt: ss.Runtime) -> None:
    sleeping_poll(rt, 0.3)

    async def ask() -> bool:
        try:
            async with ss.timeout(0.02):
                await rt.handle.dump_async(timeout=_PATIENCE)
        except TimeoutError:
            return True
        return False

    asked = time.perf_counter()
    ended = rt.block_on(ask)  # driven by this thread, which is no worker
    say(returned=True, call_ms=millis(asked), cancelled=ended)


def during_shutdown(workers: int, rounds: int, tasks: int) -> None:
    """Dumps in a loop until the shutdown begins: the one under way then must return, and the shutdown must end."""
    slowest = 0.0
    for _ in range(rounds):
        rt = runtime(workers)
        idle(rt, tasks)
        closing = threading.Event()
        calls: list[float] = []

        def dump_until_closing(rt: ss.Runtime = rt, closing: threading.Event = closing, calls: list[float] = calls) -> None:
            while not closing.is_set():
                asked = time.perf_counter()
                rt.handle.dump()
                calls.append(millis(asked))

        with ThreadPoolExecutor(1) as pool:
            dumps = pool.submit(dump_until_closing)
            time.sleep(0.1)
            closing.set()
            say(shutdown_ended=(ended := rt.shutdown(cancel=True, timeout=_PATIENCE)))
            try:
                dumps.result(_PATIENCE)
            except NotInTime:
                ended = False
            if not ended:
                say(returned=dumps.done())
                os._exit(0)
        slowest = max([slowest, *calls])
    say(returned=True, call_ms=slowest)


def inside_block_in_place(rt: ss.Runtime) -> None:
    alive, asked = rt.handle.num_alive_tasks() + 1, time.perf_counter()
    task = rt.spawn(lambda: ss.block_in_place(rt.handle.dump))
    report(in_time(in_thread(lambda: task.result())), asked, alive)


def run(situation: str, workers: int) -> None:
    if situation == "shutdown":
        during_shutdown(workers, rounds=20, tasks=100)
        return
    rt = runtime(workers)
    match situation:
        case "ready":
            yielding(rt, 10_000)
            with_pause(rt, lambda: one_dump(rt))
        case "idle-10k" | "idle-100k":
            idle(rt, 10_000 if situation == "idle-10k" else 100_000)
            yielding(rt, workers)
            with_pause(rt, lambda: one_dump(rt))
        case "parked":
            idle(rt, 10)
            one_dump(rt)
        case "long-poll":
            yielding(rt, workers)
            sleeping_poll(rt, 1.5)
            one_dump(rt)
        case "cancelled":
            yielding(rt, workers)
            cancelled(rt)
        case "two":
            idle(rt, 1_000)
            yielding(rt, workers)
            with_pause(rt, lambda: two_at_once(rt))
        case "loop":
            idle(rt, 100)
            yielding(rt, 50)
            with_pause(rt, lambda: in_a_loop(rt, 4.0))
        case "block-in-place":
            idle(rt, 10)
            inside_block_in_place(rt)
        case _:
            raise SystemExit(f"no situation {situation!r}; run.py lists them")
    later_spawns(rt)


def main() -> None:
    run(sys.argv[1], int(sys.argv[2]))
    os._exit(0)  # the yielding tasks never end, and a runtime that hangs would keep the process


if __name__ == "__main__":
    main()
