"""What does ``stealscope bench`` run? Native workloads, and small Python programs on our threads and on Python's own.

Invariant: programs that stand in one row do the same work and their answers are checked, each time. Those of Python are the ones
of the ``py_`` folders in the project's ``benchmarks/workloads``, where other runtimes run them too.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter_ns
from typing import Any

from .. import workloads
from ..channels import channel
from ..errors import InvariantError
from ..inside import spawn, yield_now
from ..workloads import Workload

__all__ = ["OURS", "Program", "native_programs", "python_programs"]

OURS = "stealscope"
_GOLDEN = (1 + math.sqrt(5)) / 2


@dataclass(frozen=True)
class Program:
    """What one row measures.

    Attributes:
        name: of the row.
        operation: what is counted.
        operations: how many a run does.
        runs: by who runs it, a function that does and returns the ns it took; ours is first.
    """

    name: str
    operation: str
    operations: int
    runs: Mapping[str, Callable[[], int]] = field(repr=False)


def native_programs(runtime: Any, size: float) -> list[Program]:
    """The classic ones, run by C++ without the GIL; `size` is a factor on the number of operations."""
    n, links = _scaled(10_000, size), _scaled(1_000, size)
    # Trees grow by a factor a level: the level is chosen that comes nearest.
    number = max(2, round(24 + math.log(size, _GOLDEN)))
    depth = max(1, round(5 + math.log10(size)))
    forks = round(_GOLDEN ** (number + 1) / math.sqrt(5)) - 1
    rows: list[tuple[Workload, str, int]] = [
        (workloads.spawn_many(n), "a task", n),
        (workloads.yield_many(100, links), "a yield", 100 * links),
        (workloads.ping_pong(links), "a pair", links),
        (workloads.chained_spawn(links), "a link", links),
        (workloads.fib(number), "a fork", forks),
        (workloads.skynet(depth), "a task", (10 ** (depth + 1) - 1) // 9),
    ]
    return [
        Program(workload.name, operation, operations, {OURS: partial(_native, runtime, workload)})
        for workload, operation, operations in rows
    ]


@contextmanager
def python_programs(runtime: Any, workers: int, size: float) -> Iterator[list[Program]]:
    """Programs in Python, and who runs them: `runtime`, its executor, a `ThreadPoolExecutor`, an event loop of asyncio."""
    calls, coroutines, yields, rounds = (_scaled(count, size) for count in (2_000, 2_000, 200, 2_000))
    with runtime.executor() as ours, ThreadPoolExecutor(workers) as pool, asyncio.Runner() as loop:
        spawned = partial(_timed, _spawned, runtime, calls)
        submitted = {
            "its executor": partial(_timed, _submitted, ours, calls),
            "ThreadPoolExecutor": partial(_timed, _submitted, pool, calls),
        }
        yield [
            Program("callables from outside", "a callable", calls, {OURS: spawned} | submitted),
            _both("coroutines", "a coroutine", coroutines, runtime, loop, _Coroutines, coroutines),
            _both("yields", "a yield", 100 * yields, runtime, loop, _Yields, 100, yields),
            _both("round trips", "a round trip", rounds, runtime, loop, _RoundTrips, rounds),
        ]


def _scaled(count: int, size: float) -> int:
    return max(1, round(count * size))


def _native(runtime: Any, workload: Workload) -> int:
    makespan: int = runtime.run(workload).makespan  # run() checks the answer
    return makespan


def _timed(run: Callable[..., tuple[int, int]], *args: Any) -> int:
    begin = perf_counter_ns()
    answer, expected = run(*args)
    took = perf_counter_ns() - begin
    if answer != expected:
        raise InvariantError(f"a benchmark answered {answer}; expected {expected}")
    return took


def _increment(value: int) -> int:
    return value + 1


def _spawned(runtime: Any, calls: int) -> tuple[int, int]:
    handles = [runtime.spawn(_increment, value) for value in range(calls)]
    return sum(handle.result() for handle in handles), calls * (calls + 1) // 2


def _submitted(executor: Executor, calls: int) -> tuple[int, int]:
    futures = [executor.submit(_increment, value) for value in range(calls)]
    return sum(future.result() for future in futures), calls * (calls + 1) // 2


def _both(name: str, operation: str, operations: int, runtime: Any, loop: asyncio.Runner, kind: Any, *sizes: int) -> Program:
    def ours() -> tuple[int, int]:
        return runtime.spawn(kind.ours, *sizes).result(), kind.expected(*sizes)

    def theirs() -> tuple[int, int]:
        return loop.run(kind.theirs(*sizes)), kind.expected(*sizes)

    return Program(name, operation, operations, {OURS: partial(_timed, ours), "asyncio": partial(_timed, theirs)})


class _Coroutines:
    """A coroutine spawns others that give way once, and takes every result."""

    @staticmethod
    def expected(coroutines: int) -> int:
        return coroutines * (coroutines + 1) // 2

    @staticmethod
    async def ours(coroutines: int) -> int:
        async def increment(value: int) -> int:
            await yield_now()
            return value + 1

        handles = [spawn(increment, value) for value in range(coroutines)]
        return sum([await handle for handle in handles])

    @staticmethod
    async def theirs(coroutines: int) -> int:
        async def increment(value: int) -> int:
            await asyncio.sleep(0)
            return value + 1

        tasks = [asyncio.create_task(increment(value)) for value in range(coroutines)]
        return sum([await task for task in tasks])


class _Yields:
    """Coroutines give way and do nothing else."""

    @staticmethod
    def expected(tasks: int, yields: int) -> int:
        return tasks * yields

    @staticmethod
    async def ours(tasks: int, yields: int) -> int:
        async def giver() -> int:
            for _ in range(yields):
                await yield_now()
            return yields

        handles = [spawn(giver) for _ in range(tasks)]
        return sum([await handle for handle in handles])

    @staticmethod
    async def theirs(tasks: int, yields: int) -> int:
        async def giver() -> int:
            for _ in range(yields):
                await asyncio.sleep(0)
            return yields

        running = [asyncio.create_task(giver()) for _ in range(tasks)]
        return sum([await task for task in running])


class _RoundTrips:
    """Two coroutines send a number to and fro over two channels that hold one."""

    @staticmethod
    def expected(rounds: int) -> int:
        return rounds

    @staticmethod
    async def ours(rounds: int) -> int:
        to_partner, pings = channel(1)
        pongs, from_partner = channel(1)

        async def partner() -> None:
            for _ in range(rounds):
                await pongs.send(await pings.recv() + 1)

        handle, value = spawn(partner), 0
        for _ in range(rounds):
            await to_partner.send(value)
            value = await from_partner.recv()
        await handle
        return value

    @staticmethod
    async def theirs(rounds: int) -> int:
        pings: asyncio.Queue[int] = asyncio.Queue(1)
        pongs: asyncio.Queue[int] = asyncio.Queue(1)

        async def partner() -> None:
            for _ in range(rounds):
                await pongs.put(await pings.get() + 1)

        task, value = asyncio.create_task(partner()), 0
        for _ in range(rounds):
            await pings.put(value)
            value = await pongs.get()
        await task
        return value
