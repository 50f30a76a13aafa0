"""How do looks become messages? What changed since a look, as updates that the other end will take.

Invariant: a task and its stats are in one update, since tokio-console drops a task that comes without; no update is larger than a
client takes. Read next: `_console_tasks.py` (the looks), `_console_wire.py` (the messages).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._console_histogram import highest_of, serialized
from ._console_tasks import KnownTask, Stats, TaskBook
from ._console_times import Measured
from ._console_wire import BLOCKING, messages

__all__ = ["details", "updates"]

_LARGEST = 2**20
"""Most bytes of tasks in an update; gRPC's clients refuse messages of more than 4 MiB.  [bytes]"""

_LONGEST_TEXT = 1000
"""Of a name or a path; what is longer is cut.  [characters]"""

_OUR_METADATA = 1


def updates(book: TaskBook, since: int, zero: int, dropped: int = 0) -> Iterator[Any]:
    """What is new or has changed after a look, in one update or several of the same time.

    Args:
        since: the number of the look; 0 is before the first.
        zero: when `elapsed` was 0, ns of the system's clock.
        dropped: events that were lost meanwhile.
    """
    made = messages()
    now, update, size = zero + book.at, made.Update(task_update=made.TaskUpdate(dropped_events=dropped)), 0
    if since == 0:
        update.new_metadata.metadata.add(
            id=made.Id(id=_OUR_METADATA), metadata=made.Metadata(name="task", target="stealscope", level=2)
        )
    for known in book.since(since):
        task = _task(known) if known.born > since else None
        stats = made.StatsOfTask(key=known.trace.id, value=_stats(known.stats, zero))
        size += stats.ByteSize() + (task.ByteSize() if task is not None else 0)
        if size > _LARGEST:
            _set(update.now, now)
            yield update
            update, size = made.Update(), 0
        if task is not None:
            update.task_update.new_tasks.append(task)
        update.task_update.stats_update.append(stats)
    _set(update.now, now)
    yield update


def details(task: int, now: int, measured: Measured | None) -> Any:
    """What is said of one task alone: its histograms, as far as they have anything; `now` in ns of the system's clock."""
    made = messages()
    sent = made.TaskDetails(task_id=made.Id(id=task))
    _set(sent.now, now)
    if measured is not None:
        for field, counts in ((sent.histogram, measured.polls), (sent.scheduled_times_histogram, measured.waits)):
            if counts:
                field.raw_histogram, field.max_value = serialized(counts), highest_of(max(counts))
    return sent


def _task(known: KnownTask) -> Any:
    made, trace = messages(), known.trace
    task = made.Task(
        id=made.Id(id=trace.id), metadata=made.Id(id=_OUR_METADATA), kind=BLOCKING if trace.kind == "blocking" else 0
    )
    task.fields.add(str_name="task.id", u64_val=trace.id)
    for name, text in (("task.name", trace.name), ("kind", trace.kind), ("spawned.in", trace.spawned_at.function)):
        if text:
            task.fields.add(str_name=name, str_val=text[:_LONGEST_TEXT])
    if trace.spawned_at.line:
        task.location.file, task.location.line = trace.spawned_at.file[-_LONGEST_TEXT:], trace.spawned_at.line
    return task


def _stats(stats: Stats, zero: int) -> Any:
    made = messages()
    sent = made.Stats(wakes=stats.wakes, self_wakes=stats.self_wakes, waker_clones=stats.wakers)
    sent.poll_stats.polls = stats.polls
    for field, at in (
        (sent.created_at, stats.created),
        (sent.dropped_at, stats.dropped),
        (sent.last_wake, stats.last_wake),
        (sent.poll_stats.last_poll_started, stats.poll_started),
        (sent.poll_stats.last_poll_ended, stats.poll_ended),
    ):
        if at is not None:
            _set(field, zero + at)
    for field, span in ((sent.scheduled_time, stats.scheduled), (sent.poll_stats.busy_time, stats.busy)):
        if span:
            _set(field, span)
    return sent


def _set(field: Any, ns: int) -> None:
    field.seconds, field.nanos = divmod(ns, 1_000_000_000)
    field.SetInParent()
