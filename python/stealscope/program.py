"""What should these tasks do, instruction by instruction? Small programs, mostly for tests.

A program is a sequence of tasks, each a sequence of instructions; task 0 is the root, and others are named by their position. Every
task is spawned by at most one instruction, so each program ends or is stuck in a finite number of steps.

    >>> from stealscope import workloads
    >>> from stealscope.program import Join, Spawn, Work
    >>> workloads.program([[Spawn(1), Work(500), Join(1)], [Work(2_000)]]).span
    2000

Invariant: instructions are frozen values; durations are integer ns. Read next: `workloads.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from . import _core
from .graph import frozen_int64
from .units import checked_count, checked_ns

if TYPE_CHECKING:
    from .graph import IntArray
    from .shapes import TaskName

__all__ = ["Block", "Cancel", "Instruction", "Join", "Lock", "Program", "Recv", "Send", "Sleep", "Spawn", "Work", "Yield"]


@dataclass(frozen=True)
class Work:
    """Busy for `ns`."""

    ns: int


@dataclass(frozen=True)
class Yield:
    """Let others go first."""


@dataclass(frozen=True)
class Spawn:
    """Start the task at this position."""

    task: int


@dataclass(frozen=True)
class Join:
    """Wait until a task that this one has spawned has ended, however it did."""

    task: int


@dataclass(frozen=True)
class Sleep:
    """Wait for `ns` without being busy."""

    ns: int


@dataclass(frozen=True)
class Lock:
    """Run the instructions of `body` with the lock of this number held."""

    lock: int
    body: tuple[Instruction, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", tuple(self.body))


@dataclass(frozen=True)
class Send:
    """Put a value into the channel of this number; waits while it is full."""

    channel: int


@dataclass(frozen=True)
class Recv:
    """Take a value from the channel of this number; waits while it is empty."""

    channel: int


@dataclass(frozen=True)
class Block:
    """Block the thread for `ns`, in `block_in_place`: the worker goes on with other tasks meanwhile."""

    ns: int


@dataclass(frozen=True)
class Cancel:
    """Cancel a task that this one has spawned and not joined."""

    task: int


Instruction: TypeAlias = Work | Yield | Spawn | Join | Sleep | Lock | Send | Recv | Block | Cancel

_Plain: TypeAlias = "tuple[str, int]"
"""The C++ side's name of an instruction, and its argument."""

_MAX_TASKS = 1_000_000


@dataclass(frozen=True)
class Program:
    """The description behind `workloads.program`, checked.

    Attributes:
        tasks: the instructions of each task.
        capacity: how many values each channel holds.
    """

    tasks: tuple[tuple[Instruction, ...], ...]
    capacity: int

    kind = "program"

    def __repr__(self) -> str:
        return f"workloads.program({[list(ops) for ops in self.tasks]!r}, capacity={self.capacity})"

    def native(self) -> tuple[str, tuple[int, ...], tuple[IntArray, ...]]:
        """As the C++ side takes it: rows of (task, instruction, argument)."""
        rows = [(task, _core._OP_KINDS[op], arg) for task, ops in enumerate(self._plain) for op, arg in ops]
        array = frozen_int64(np.array(rows, dtype=np.int64).reshape(-1), "rows")
        return self.kind, (len(self.tasks), self.capacity), (array,)

    @cached_property
    def cancels(self) -> bool:
        """Some task may be cancelled, so how much runs depends on the schedule."""
        return any(op == "cancel" for ops in self._plain for op, _ in ops)

    @cached_property
    def expected(self) -> int | None:
        """How many tasks reach their last instruction; None where a `Cancel` decides."""
        return None if self.cancels else len(self._finish_times)

    @cached_property
    def work(self) -> int | None:
        """The sum of `Work` of all tasks that are spawned, ns; None with a `Cancel`. A `Block` keeps no worker busy."""
        if self.cancels:
            return None
        return sum(arg for task in self._finish_times for op, arg in self._plain[task] if op == "work")

    @cached_property
    def span(self) -> int | None:
        """When the last task ends if nobody ever waits for a worker, a lock or a channel, ns; None with a `Cancel`."""
        return None if self.cancels else max(self._finish_times.values(), default=0)

    def edges(self) -> Iterator[tuple[TaskName, TaskName]]:
        """From each task to those that it spawns."""
        for task, ops in enumerate(self._plain):
            if task == 0 or task in self._finish_times:
                yield from ((_name(task), _name(arg)) for op, arg in ops if op == "spawn")

    @cached_property
    def _plain(self) -> tuple[tuple[_Plain, ...], ...]:
        return tuple(tuple(_flat(ops)) for ops in self.tasks)

    @cached_property
    def _finish_times(self) -> dict[int, int]:
        """By task that is spawned: when it ends with a worker for everybody.

        A task's end depends on its start and on its own subtree only, so each spawn is followed to its end before its parent goes on.
        """
        ends: dict[int, int] = {}
        stack = [(0, iter(self._plain[0]), 0)]
        while stack:
            task, ops, now = stack.pop()
            for op, arg in ops:
                if op in ("work", "block", "sleep"):
                    now += arg
                elif op == "join":
                    now = max(now, ends[arg])
                elif op == "spawn":
                    stack += [(task, ops, now), (arg, iter(self._plain[arg]), now)]
                    break
            else:
                ends[task] = now
        return ends


def checked_program(ops: Sequence[Sequence[Instruction]], capacity: int) -> Program:
    """A `Program` from a user's arguments; the C++ side checks what the instructions refer to."""
    tasks = []
    for task, instructions in enumerate(ops):
        if isinstance(instructions, Instruction):
            raise TypeError(f"ops[{task}]={instructions!r}; need a sequence of instructions for each task: [[Work(5)], ...]")
        tasks.append(tuple(instructions))
    checked_count(len(tasks), "the number of tasks", low=1, high=_MAX_TASKS)
    program = Program(tuple(tasks), checked_count(capacity, "capacity", low=1, high=10**9))
    _core._check_workload([program.native()])
    return program


def _flat(ops: Sequence[Any]) -> Iterator[_Plain]:
    for op in ops:
        match op:
            case Work(ns) | Sleep(ns) | Block(ns):
                yield type(op).__name__.lower(), checked_ns(ns, f"{type(op).__name__}.ns")
            case Spawn(number) | Join(number) | Cancel(number) | Send(number) | Recv(number):
                yield type(op).__name__.lower(), checked_count(number, f"the argument of {type(op).__name__}")
            case Yield():
                yield "yield", 0
            case Lock(lock, body):
                yield "lock", checked_count(lock, "the argument of Lock")
                yield from _flat(body)
                yield "unlock", lock
            case _:
                raise TypeError(f"{op!r} is no instruction; need those of stealscope.program, such as Work(500)")


def _name(task: int) -> TaskName:
    return ("root",) if task == 0 else (task,)
