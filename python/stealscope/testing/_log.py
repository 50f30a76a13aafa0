"""What does a report say happened, in a form that laws can walk over?

Invariant: a `Run` only reads its report; what the report cannot answer is None here, and laws that ask for it are left out.
Events of a simulation stand in time order: a step takes effect as it begins and is paid for as it goes, so two events of two
workers may stand the other way round by less than one step. Laws therefore count, and compare times of the same rank.
Read next: `laws.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ..policy import Policy
from ..timeline import KINDS, NOBODY

if TYPE_CHECKING:
    from ..report import Report

__all__ = ["Happening", "Run", "TaskLog"]

_NAMES = {number: name for name, number in KINDS.items()}


class Happening(NamedTuple):
    """One event of a timeline; fields as there, but the kind by its name and ``count`` as `amount`."""

    at: int
    task: int
    worker: int
    other: int
    amount: int
    kind: str


@dataclass
class TaskLog:
    """One task's events, in time order.

    Attributes:
        spawns: how often it was spawned.
        ready: its spawns and wakes: each puts it into a queue.
        polls: each takes it out of one.
    """

    spawns: int = 0
    ready: list[Happening] = field(default_factory=list)
    polls: list[Happening] = field(default_factory=list)


class Run:
    """A report and its event log, read once for all laws.

    Attributes:
        report: the report.
        workers: the metrics of each worker.
        is_simulated: it is of a run in virtual time.
        counts: this build has all counters, and they are exact and about this run alone.
        has_log: a timeline that lacks no event of a task: nothing was dropped, and no other task ran meanwhile.
        fields: the policy's, or None where only its name is known and no preset has it.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.workers: list[Mapping[str, Any]] = list(report.metrics.get("workers") or ())
        self.is_simulated = report.engine == "sim"
        exact = self.is_simulated or report.manifest.get("settled") is True
        self.counts = exact and report.exclusive and bool(self.workers) and "task_poll_count" in self.workers[0]
        whole = report.timeline is not None and not report.timeline_dropped
        self.has_log = whole and (report.exclusive or report.trace_hash is not None)  # a whole simulation's own
        self.fields: Mapping[str, Any] | None = report.manifest.get("policy")
        if self.fields is None and report.policy in Policy.presets():
            self.fields = Policy.presets()[report.policy].to_dict()

    @property
    def alive(self) -> int:
        """Tasks that had not ended when the report was made."""
        return int(self.report.metrics.get("num_alive_tasks", 0))

    @property
    def is_ordinary(self) -> bool:
        """A simulated machine without faults, other speeds or distances."""
        told = self.report.manifest
        return self.is_simulated and not (told.get("faults") or told.get("speeds") or told.get("topology"))

    def total(self, counter: str) -> int:
        """The sum of a counter over the workers."""
        return sum(int(worker[counter]) for worker in self.workers)

    @cached_property
    def events(self) -> list[Happening]:
        """All, in time order."""
        rows = self.report.timeline.tolist()
        return [Happening(at, task, worker, other, amount, _NAMES[kind]) for at, task, worker, other, amount, kind in rows]

    def of_kind(self, *kinds: str) -> list[Happening]:
        """Those of some kinds."""
        return [event for event in self.events if event.kind in kinds]

    @cached_property
    def tasks(self) -> dict[int, TaskLog]:
        """By the task's id."""
        logs: dict[int, TaskLog] = defaultdict(TaskLog)
        for event in self.events:
            if event.kind in ("spawn", "wake"):
                logs[event.task].ready.append(event)
                logs[event.task].spawns += event.kind == "spawn"
            elif event.kind == "poll_begin":
                logs[event.task].polls.append(event)
        return dict(logs)

    @cached_property
    def by_worker(self) -> dict[int, list[Happening]]:
        """By the worker's index, without what others than workers did."""
        logs: dict[int, list[Happening]] = defaultdict(list)
        for event in self.events:
            if event.worker != NOBODY:
                logs[event.worker].append(event)
        return dict(logs)

    @cached_property
    def most_stolen(self) -> int | None:
        """What one steal may bring at most under the policy; None: no bound, or an unknown policy."""
        if self.fields is None or not isinstance(self.fields["placement"], str) or self.fields["placement"] == "random":
            return None  # a mailbox holds any number
        steal, capacity = self.fields["steal"], int(self.fields["local_capacity"])
        if steal == "one":
            return 1
        if isinstance(steal, int) and not isinstance(steal, bool):
            return steal
        if self.fields["local_order"] == "lifo":
            return None  # the deque grows
        return (capacity + 1) // 2 if steal == "half" else capacity

    @property
    def keeps_fifo(self) -> bool:
        """One worker whose tasks all stay in its own first-in first-out queue: only the first came from outside."""
        fields = self.fields
        return (
            fields is not None
            and self.report.workers == 1
            and fields["local_order"] == "fifo"
            and fields["placement"] == "local"
            and fields["fork"] == "help-first"
            and len(self.of_kind("inject_push")) <= 1
            and not self.of_kind("block_begin", "overflow")
        )
