"""Safety and accounting, event by event: laws that need a whole event log.

A task is put into a queue by its spawn and by each wake that was accepted, and taken out by each poll; the log has all three.
Invariant: laws here compare the log with itself, or with the counters of the same run. Read next: `_order_laws.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from ._register import law

if TYPE_CHECKING:
    from ._log import Run

__all__: list[str] = []


def _logged(run: Run) -> bool:
    return run.has_log


def _logged_and_counted(run: Run) -> bool:
    # On threads a worker may publish its counters after the report was made.
    return run.has_log and run.counts and run.is_simulated


def _overflows_by_rule(run: Run) -> bool:
    return _logged_and_counted(run) and run.fields is not None and run.fields["local_order"] == "fifo"


@law(when=_logged)
def s1_every_task_ran_once(run: Run) -> Iterator[str]:
    """Each task is spawned once and polled, unless it still lives; nothing else is polled."""
    for task, log in run.tasks.items():
        if log.spawns != 1:
            yield f"task {task} was spawned {log.spawns} times and polled {len(log.polls)} times"
    never = [task for task, log in run.tasks.items() if not log.polls]
    if len(never) > run.alive:
        yield f"{len(never)} tasks were never polled (the first is {never[0]}), and {run.alive} live"


@law(when=_logged)
def s1_the_shared_queue_loses_nothing(run: Run) -> Iterator[str]:
    """What was pushed to the shared queue was popped, or is still there."""
    pushed = sum(event.amount for event in run.of_kind("inject_push"))
    popped = sum(event.amount for event in run.of_kind("inject_pop"))
    left = run.report.metrics.get("injection_queue_depth", 0)
    if pushed != popped + left:
        yield f"{pushed} tasks were pushed, {popped} popped, {left} are left"


@law(when=_logged)
def s2_a_task_is_in_one_queue_at_most(run: Run) -> Iterator[str]:
    """A task that is queued is not queued again: before its next wake is accepted it has been polled."""
    for task, log in run.tasks.items():
        if len(log.ready) > len(log.polls) + 1:
            yield f"task {task} was queued {len(log.ready)} times and polled {len(log.polls)} times"
        elif not run.is_simulated:  # there an event may stand before another by less than a step
            for number, (poll, ready) in enumerate(zip(log.polls, log.ready[1:], strict=False), 1):
                if ready.at < poll.at:
                    yield f"task {task} was queued again at {ready.at} ns, before its poll {number} at {poll.at} ns"


@law(when=_logged)
def s3_each_poll_has_its_own_wake(run: Run) -> Iterator[str]:
    """A task is never polled by two workers at once: its spawn or a wake after the poll before lies ahead of each poll."""
    for task, log in run.tasks.items():
        if len(log.polls) > len(log.ready):
            yield f"task {task} was polled {len(log.polls)} times and queued {len(log.ready)} times"
        for number, (ready, poll) in enumerate(zip(log.ready, log.polls, strict=False), 1):
            if poll.at < ready.at:
                yield f"task {task}'s poll {number} began at {poll.at} ns on worker {poll.worker}; it was queued at {ready.at} ns"


@law(when=_logged)
def s9_a_steal_takes_what_the_policy_says(run: Run) -> Iterator[str]:
    """A steal takes at least one task, and no more than the policy says (of a full ring half)."""
    for steal in run.of_kind("steal"):
        if steal.amount < 1 or (run.most_stolen is not None and steal.amount > run.most_stolen):
            bound = "" if run.most_stolen is None else f"; at most {run.most_stolen} are allowed"
            yield f"worker {steal.worker} took {steal.amount} tasks from worker {steal.other} at {steal.at} ns{bound}"


@law(when=_logged)
def s11_no_worker_steals_from_itself(run: Run) -> Iterator[str]:
    """A thief looks at another worker than itself, and at one that exists."""
    for look in run.of_kind("steal", "steal_try"):
        if look.worker == look.other or not 0 <= look.other < run.report.workers:
            yield f"worker {look.worker} looked at worker {look.other} at {look.at} ns"


@law(when=_logged)
def s14_a_worker_polls_one_task_at_a_time(run: Run) -> Iterator[str]:
    """A worker begins no poll, steal or rest before its last poll has ended, or has handed the worker on."""
    for worker, events in run.by_worker.items():
        polled: int | None = None
        for event in events:
            if event.kind in ("poll_begin", "block_end", "steal", "park") and polled is not None:
                yield f"worker {worker}: {event.kind} at {event.at} ns in the middle of a poll of task {polled}"
            if event.kind in ("poll_begin", "block_end"):
                polled = event.task
            elif event.kind in ("poll_end", "block_begin"):
                if polled is not None and polled != event.task:
                    yield f"worker {worker}: {event.kind} of task {event.task} at {event.at} ns in a poll of task {polled}"
                polled = None


@law(when=_logged_and_counted)
def a1_spawned_tasks_are_those_on_the_log(run: Run) -> Iterator[str]:
    """What was spawned has ended or lives: the counter, the log and the living agree."""
    logged, counted = len(run.of_kind("spawn")), run.report.metrics["spawned_tasks_count"]
    if logged != counted:
        yield f"{logged} spawns on the log, {counted} counted"
    if run.alive > counted:
        yield f"{run.alive} tasks live, {counted} were spawned"


@law(when=_logged_and_counted)
def a2_polls_are_counted(run: Run) -> Iterator[str]:
    """Each worker's polls on the log are those it counted, and at most one more for each task: a run that only cancels."""
    logged = Counter(event.worker for event in run.of_kind("poll_begin"))
    uncounted = 0
    for index, worker in enumerate(run.workers):
        more = logged[index] - worker["task_poll_count"]
        uncounted += more
        if more < 0:
            yield f"worker {index} has {logged[index]} polls on the log and counted {worker['task_poll_count']}"
    if uncounted > len(run.tasks):
        yield f"{uncounted} polls were not counted, of {len(run.tasks)} tasks"


@law(when=_logged)
def a4_what_was_queued_was_polled_or_is_queued(run: Run) -> Iterator[str]:
    """Each spawn and each wake that was accepted is followed by a poll, unless the task still lies in a queue."""
    waiting = [task for task, log in run.tasks.items() if len(log.ready) > len(log.polls)]
    if len(waiting) > run.alive:
        first = run.tasks[waiting[0]].ready[-1]
        yield (
            f"{len(waiting)} tasks were queued and never polled after that, and {run.alive} live; "
            f"task {waiting[0]} since {first.at} ns"
        )


@law(when=_logged_and_counted)
def a4_each_schedule_is_counted_once(run: Run) -> Iterator[str]:
    """Spawns and accepted wakes are the local and the remote schedules."""
    logged = len(run.of_kind("spawn", "wake"))
    local, remote = run.total("local_schedule_count"), run.report.metrics["remote_schedule_count"]
    if logged != local + remote:
        yield f"{logged} spawns and wakes on the log; {local} local and {remote} remote schedules were counted"


@law(when=_logged_and_counted)
def a5_steals_are_counted(run: Run) -> Iterator[str]:
    """Each worker's steals on the log, and the tasks they brought, are those it counted."""
    for index, worker in enumerate(run.workers):
        steals = [event for event in run.by_worker.get(index, ()) if event.kind == "steal"]
        tasks = sum(event.amount for event in steals)
        if (len(steals), tasks) != (worker["steal_operations"], worker["steal_count"]):
            counted = f"{worker['steal_count']} in {worker['steal_operations']}"
            yield f"worker {index} took {tasks} tasks in {len(steals)} steals on the log; counted are {counted}"


@law(when=_overflows_by_rule)
def a6_an_overflow_moves_what_the_policy_says(run: Run) -> Iterator[str]:
    """Each overflow moves one batch to the shared queue: half a ring (or all of it) and the task that did not fit."""
    fields = run.fields or {}
    size = int(fields["local_capacity"]) // (2 if fields["overflow"] == "half" else 1) + 1
    batches = [event for event in run.of_kind("inject_push") if event.amount > 1]
    for batch in batches:
        if batch.amount != size:
            yield f"worker {batch.worker} moved {batch.amount} tasks at {batch.at} ns; an overflow moves {size}"
    events, counted = len(run.of_kind("overflow")), run.total("overflow_count")
    if not len(batches) == events == counted:
        yield f"{len(batches)} batches and {events} overflows on the log, {counted} counted"


@law(when=_logged)
def a8_parks_and_unparks_alternate(run: Run) -> Iterator[str]:
    """A worker that is parked wakes up before it parks again."""
    for worker, events in run.by_worker.items():
        rests = [event for event in events if event.kind in ("park", "unpark")]
        for first, second in pairwise(rests):
            if first.kind == second.kind:
                yield f"worker {worker}: {first.kind} at {first.at} ns and again at {second.at} ns"


@law(when=_logged_and_counted)
def a8_parks_are_counted(run: Run) -> Iterator[str]:
    """Each worker's parks and unparks on the log are those it counted."""
    for index, worker in enumerate(run.workers):
        kinds = Counter(event.kind for event in run.by_worker.get(index, ()))
        logged = (kinds["park"], kinds["park"] + kinds["unpark"])
        if logged != (worker["park_count"], worker["park_unpark_count"]):
            counted = f"{worker['park_count']} and {worker['park_unpark_count']}"
            yield f"worker {index}: {logged[0]} parks and {logged[1]} parks and unparks on the log; counted are {counted}"
