"""Random programs on real threads: whatever tasks do, each runs once or is cancelled, and at rest the books balance.

A program is drawn whole before anything starts, so an example that fails can be shrunk and replayed; what the threads then
make of it is theirs. Laws by the names of the documentation: A1, A2, A3, A5, A8, S18, and S20 by what follows from it (at
rest nothing is queued).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
import stealscope as ss
from hypothesis import event, given
from hypothesis import strategies as st
from stealscope import inside, sync

LIMIT = 30.0  # seconds: only a test that fails waits so long

EVENTS = 3
Op: TypeAlias = tuple[str, int]
"""What a task does and with what number: yield, sleep (us), set or await an event, block (us), spawn, join, cancel (a child)."""


@dataclass(frozen=True)
class Plan:
    """A task: how it is started, and what it does."""

    kind: str  # "coroutine", "callable", "blocking"
    ops: tuple[Op, ...]


QUIET = [
    st.tuples(st.just("yield"), st.just(0)),
    st.tuples(st.just("sleep"), st.integers(0, 2000)),
    st.tuples(st.just("set"), st.integers(0, EVENTS - 1)),
    st.tuples(st.just("await"), st.integers(0, EVENTS - 1)),
    st.tuples(st.just("block"), st.integers(0, 500)),
    st.tuples(st.just("budget"), st.integers(0, 200)),
]
# The number of a child says which: it is the parent's number plus 1 to 6, and each task is spawned by the first who tries.
FAMILY = st.tuples(st.sampled_from(["spawn", "spawn", "join", "cancel"]), st.integers(1, 6))
PLANS = st.builds(
    Plan,
    st.sampled_from(["coroutine"] * 4 + ["callable", "blocking"]),
    st.lists(st.one_of(*QUIET, FAMILY), max_size=8).map(tuple),
)
PROGRAMS = st.lists(PLANS, min_size=1, max_size=20)


@dataclass
class Run:
    """What a run of some plans has done so far. Counted under a lock: tasks run on many threads."""

    program: list[Plan]
    events: list[sync.Event] = field(default_factory=lambda: [sync.Event() for _ in range(EVENTS)])
    lock: threading.Lock = field(default_factory=threading.Lock)
    handles: dict[int, Any] = field(default_factory=dict)
    begun: dict[int, int] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)
    unwound: dict[int, int] = field(default_factory=dict)

    def count(self, what: dict[int, int], number: int) -> None:
        with self.lock:
            what[number] = what.get(number, 0) + 1

    def start(self, handle: ss.Handle | ss.Runtime, runtime: ss.Runtime, number: int) -> Any:
        """Start a task, unless another has; None then, or if there is no such task."""
        with self.lock:
            if number >= len(self.program) or number in self.handles:
                return None
            self.handles[number] = None
        plan = self.program[number]
        if plan.kind == "coroutine":
            started = handle.spawn(self.coroutine, runtime, plan, number)
        elif plan.kind == "callable":
            started = handle.spawn(self.callable, runtime, plan, number)
        else:
            started = runtime.spawn_blocking(self.callable, runtime, plan, number)
        self.handles[number] = started
        return started

    def ended_all(self, limit: float) -> bool:
        """Wait until every task that was started has ended; a task that ends may have started another just before."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            with self.lock:
                handles = list(self.handles.values())
            if all(handle is not None and handle.done() for handle in handles) and len(handles) == len(self.handles):
                return True
            time.sleep(0.0005)
        return False

    async def coroutine(self, runtime: ss.Runtime, plan: Plan, number: int) -> int:
        self.count(self.begun, number)
        mine: dict[int, Any] = {}
        try:
            for op, value in plan.ops:
                if op == "yield":
                    await inside.yield_now()
                elif op == "sleep":
                    await inside.sleep(value * 1e-6)
                elif op == "await":
                    await self.events[value].wait()
                elif op == "block":
                    inside.block_in_place(time.sleep, value * 1e-6)
                elif op == "budget":
                    for _ in range(value):
                        await inside.consume_budget()
                elif op == "join" and value in mine:
                    try:
                        await mine[value]
                    except ss.Cancelled:
                        if inside.current_task().cancelling():
                            raise
                else:
                    self.other(runtime, number, mine, op, value)
        except ss.Cancelled:
            self.count(self.unwound, number)
            raise
        self.count(self.ended, number)
        return number

    def callable(self, runtime: ss.Runtime, plan: Plan, number: int) -> int:
        self.count(self.begun, number)
        mine: dict[int, Any] = {}
        for op, value in plan.ops:
            if op in ("sleep", "block"):
                time.sleep(value * 1e-6)
            elif op == "join" and value in mine:
                with suppress(ss.CancelledError):
                    mine[value].result()
            else:
                self.other(runtime, number, mine, op, value)
        self.count(self.ended, number)
        return number

    def other(self, runtime: ss.Runtime, number: int, mine: dict[int, Any], op: str, value: int) -> None:
        if op == "set":
            self.events[value].set()
        elif op == "spawn":
            child = self.start(inside.current(), runtime, number + value)
            if child is not None:
                mine[value] = child
        elif op == "cancel" and value in mine:
            mine[value].cancel()


@pytest.fixture(scope="module")
def runtimes() -> Iterator[dict[int, ss.Runtime]]:
    """One for each number of workers, shared by all examples: what one leaves behind, the next meets."""
    made = {workers: ss.Runtime(workers=workers, histograms="default") for workers in (1, 2, 3, 4)}
    yield made
    for runtime in made.values():
        runtime.shutdown(cancel=True, timeout=LIMIT)


def check_each_task(run: Run) -> None:
    for number, handle in run.handles.items():
        plan = run.program[number]
        begun, ended, unwound = (what.get(number, 0) for what in (run.begun, run.ended, run.unwound))
        assert handle.done()
        assert begun <= 1
        assert ended + unwound == begun  # what began came to an end, once
        if handle.cancelled():
            assert ended == 0
            assert plan.kind == "coroutine" or begun == 0
        else:
            assert ended == 1
            assert handle.result(0) == number


def check_books(run: Run, delta: dict[str, Any], after: dict[str, Any]) -> None:
    """The laws about counters, over one program on a runtime that was at rest before and is again."""
    numbers = [number for number in run.handles if run.program[number].kind != "blocking"]
    tasks = len(numbers)
    polled = sum(run.begun.get(number, 0) for number in numbers)
    assert after["num_alive_tasks"] == after["injection_queue_depth"] == after["blocking_queue_depth"] == 0
    assert delta["spawned_tasks_count"] == tasks  # A1: all of them ended or were cancelled, and none is alive
    total = delta["derived"]
    # A poll that hands its core on, to block, ends without one and so is not measured.
    exact = not any(op in ("block", "join") for plan in run.program for op, _ in plan.ops)
    assert total["total_task_poll_count"] >= polled  # A2, A3
    assert total["total_poll_count"] <= total["total_task_poll_count"] + tasks - polled
    assert delta["remote_schedule_count"] + total["total_local_schedule_count"] >= tasks  # A4: each was queued to begin
    for worker, now in zip(delta["workers"], after["workers"], strict=True):
        assert now["queue_depth"] == 0  # S20
        assert now["park_unpark_count"] % 2 == 1  # A8
        assert now["noop_count"] <= now["park_count"]
        assert worker["steal_operations"] <= worker["steal_count"] <= 128 * worker["steal_operations"]  # A5
        measured = sum(worker["task_poll_histogram"]["counts"])
        assert measured == worker["task_poll_count"] if exact else measured <= worker["task_poll_count"]  # A7
        assert worker["busy_duration_total"] <= delta["elapsed"]  # A9
    # S18: metrics_delta() raises if any counter fell.


@pytest.mark.needs_metrics
@given(workers=st.integers(1, 4), program=PROGRAMS, outside=st.lists(st.integers(0, EVENTS - 1), max_size=4))
def test_every_task_runs_once_or_is_cancelled_and_the_books_balance(
    runtimes: dict[int, ss.Runtime], workers: int, program: list[Plan], outside: list[int]
) -> None:
    rt = runtimes[workers]
    before = rt.handle.metrics(settled=True, timeout=LIMIT)
    run = Run(program)
    for number in range(0, len(program), 4):
        run.start(rt, rt, number)
    for number in outside:
        run.events[number].set()
    if not run.ended_all(0.02):
        for waited in run.events:  # some wait for an event that nobody has set
            waited.set()
    assert run.ended_all(LIMIT), run.handles
    after = rt.handle.metrics(settled=True, timeout=LIMIT)
    event(f"tasks: {5 * (len(run.handles) // 5)}+")
    check_each_task(run)
    check_books(run, ss.metrics_delta(before, after), after)
    rt.handle.self_check()


@given(workers=st.integers(1, 4), program=PROGRAMS, delay=st.integers(0, 3))
def test_a_runtime_closed_in_the_middle_leaves_nothing_behind(workers: int, program: list[Plan], delay: int) -> None:
    rt = ss.Runtime(workers=workers)
    run = Run(program)
    for number in range(0, len(program), 4):
        run.start(rt, rt, number)
    time.sleep(delay * 1e-3)
    for waited in run.events:
        waited.set()
    assert rt.shutdown(cancel=True, timeout=LIMIT)
    assert rt.handle.num_alive_tasks() == 0
    for number, handle in run.handles.items():
        if handle is None:  # a blocking job was refused, because the runtime was closed by then
            assert run.begun.get(number, 0) == 0
            continue
        assert handle.done()
        assert run.begun.get(number, 0) <= 1
        assert handle.cancelled() or handle.exception(0) is not None or run.ended[number] == 1
