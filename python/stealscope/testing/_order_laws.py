"""Who goes first, and who waits for how long: laws about order and liveness, decided on the event log.

Invariant: a law about order is checked only where one worker's own queue decides it; one about waiting only in virtual time,
and only for policies that promise it. Read next: `oracle.py`, which predicts whole orders.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..units import format_ns
from ._register import law

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._log import Run

__all__ = ["patience"]


def patience(workers: int) -> int:
    """How long a ready task may wait beside a resting worker, ns: wake-ups go from worker to worker."""
    return 200_000 + 100_000 * workers


def _fifo_without_slot(run: Run) -> bool:
    return run.has_log and run.keeps_fifo and run.fields is not None and not run.fields["lifo_slot"]


def _fifo(run: Run) -> bool:
    return run.has_log and run.keeps_fifo


def _promises_work(run: Run) -> bool:
    """Whether every ready task is in reach of every worker, and somebody tells those who rest."""
    if not (run.has_log and run.is_ordinary) or run.fields is None or run.report.workers < 2:
        return False
    return _is_greedy(run.fields) and _wakes_soon(run.report.manifest.get("costs") or {}, run.report.workers)


def _is_greedy(policy: Mapping[str, Any]) -> bool:
    if policy["notify"] == "never":
        return False
    if policy["placement"] == "central":
        return policy["inject_batch"] == 1 or policy["steal"] is not None
    in_reach = policy["steal"] is not None and policy["steal_threshold"] == 1 and policy["attempts"] is None
    return bool(policy["placement"] == "local" and in_reach and policy["retry"])


def _wakes_soon(costs: Mapping[str, Any], workers: int) -> bool:
    seconds = 0.0
    for name in ("unpark", "wake_latency", "park", "steal_hit", "steal_miss", "inject", "poll"):
        cost = costs.get(name, 0.0)
        seconds += max(cost) if isinstance(cost, list | tuple) else cost
    return seconds * 1e9 * workers <= patience(workers)


@law(when=_fifo_without_slot)
def f1_one_worker_without_a_slot_is_first_in_first_out(run: Run) -> Iterator[str]:
    """One worker, no LIFO slot, nothing from outside: tasks are polled in the order in which they were queued."""
    queued = [event for event in run.events if event.kind in ("spawn", "wake")]
    polled = [event for event in run.events if event.kind == "poll_begin"]
    for number, (ready, poll) in enumerate(zip(queued, polled, strict=False), 1):
        if ready.task != poll.task:
            yield f"poll {number} is of task {poll.task}; task {ready.task} was queued before it, at {ready.at} ns"
            return  # all that follow are out of step


@law(when=_fifo)
def f4_a_task_woken_while_it_ran_goes_behind_all_queued_ones(run: Run) -> Iterator[str]:
    """One worker: a task that was woken while it ran is polled after all tasks that were queued then."""
    queued: dict[int, int] = {}  # by task: when it was put there
    ahead: dict[int, set[int]] = {}
    for event in run.events:
        if event.kind in ("spawn", "wake"):
            if event.kind == "wake" and event.amount == 1:
                ahead[event.task] = set(queued)
            queued[event.task] = event.at
        elif event.kind == "poll_begin":
            queued.pop(event.task, None)
            for others in ahead.values():
                others.discard(event.task)
            if left := ahead.pop(event.task, None):
                first = min(left)
                yield (
                    f"task {event.task} was polled at {event.at} ns, before {len(left)} that were queued when it was woken, "
                    f"such as task {first}"
                )


@law(when=_promises_work)
def l3_no_ready_task_waits_while_a_worker_rests(run: Run) -> Iterator[str]:
    """No task lies ready for long while a worker rests all the time and another one polls on."""
    limit = patience(run.report.workers)
    rests = [rest for rest in _rests(run) if rest[2] - rest[1] > limit]
    begins = {w: [event.at for event in events if event.kind == "poll_begin"] for w, events in run.by_worker.items()}
    for task, log in run.tasks.items() if rests else ():
        polls = [*(poll.at for poll in log.polls), *[run.events[-1].at] * (len(log.ready) - len(log.polls))]
        for ready, end in zip((event.at for event in log.ready), polls, strict=False):
            if end - ready <= limit:
                continue
            for worker, since, until in rests:
                start, stop = max(since, ready), min(until, end)
                if stop - start <= limit:
                    continue
                polls_of = {other: bisect_left(own, stop) - bisect_right(own, start) for other, own in begins.items()}
                busiest, polled = max(polls_of.items(), key=lambda item: item[1])
                if polled >= 2:  # one long poll keeps its LIFO slot waiting, by design
                    yield (
                        f"task {task} lay ready for {format_ns(end - ready)} from {format_ns(ready)} on; for "
                        f"{format_ns(stop - start)} of it worker {worker} rested, and worker {busiest} polled {polled} other tasks"
                    )
                    break


def _rests(run: Run) -> list[tuple[int, int, int]]:
    """Each rest: the worker, from when, until when."""
    rests = []
    for worker, events in run.by_worker.items():
        since: int | None = None
        for event in events:
            if event.kind == "park":
                since = event.at
            elif event.kind == "unpark" and since is not None:
                rests.append((worker, since, event.at))
                since = None
        if since is not None:
            rests.append((worker, since, run.events[-1].at))
    return rests
