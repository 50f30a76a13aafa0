"""Laws that a report decides by its figures alone, without an event log.

Invariant: nothing here looks at `Report.timeline`. Read next: `_timeline_laws.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..metrics import RUNTIME_COUNTERS, WORKER_COUNTERS, WORKER_HISTOGRAMS
from ._register import law

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._log import Run

__all__: list[str] = []

_ROUNDING = 1e-9  # shares of time are floats


def _always(run: Run) -> bool:
    return bool(run.workers)


def _counted(run: Run) -> bool:
    return run.counts


def _at_the_end(run: Run) -> bool:
    return bool(run.workers) and run.alive == 0 and run.report.exclusive


def _knows_the_policy(run: Run) -> bool:
    return run.counts and run.fields is not None


def _timed(run: Run) -> bool:
    return run.is_simulated and None not in (run.report.busy, run.report.searching, run.report.parked)


def _declared(run: Run) -> bool:
    return run.is_ordinary and run.report.lower_bound is not None and run.report.result is not None


def _greedy_and_free(run: Run) -> bool:
    costs = run.report.manifest.get("costs") or {}
    # Only a lock, a channel or a sleep makes a task wait for more than its predecessors: programs may have one.
    is_plain = "program(" not in run.report.workload
    return _declared(run) and run.report.policy == "central_queue" and costs.get("name") == "zero" and is_plain


@law(when=_always)
def s18_no_counter_is_negative(run: Run) -> Iterator[str]:
    """No counter goes negative or wraps."""
    where: list[tuple[str, Mapping[str, Any], tuple[str, ...]]] = [("the runtime", run.report.metrics, RUNTIME_COUNTERS)]
    where += [(f"worker {index}", figures, WORKER_COUNTERS) for index, figures in enumerate(run.workers)]
    for name, figures, counters in where:
        for counter in (*counters, "num_alive_tasks", "injection_queue_depth", "queue_depth"):
            value = figures.get(counter)
            if value is not None and not 0 <= value < 1 << 63:
                yield f"{counter} of {name} is {value}"


@law(when=_at_the_end)
def s20_nothing_is_queued_at_the_end(run: Run) -> Iterator[str]:
    """No wake-up is lost: once no task lives, none lies in a queue."""
    depth = run.report.metrics.get("injection_queue_depth", 0)
    if depth:
        yield f"{depth} tasks in the shared queue, and none lives"
    for index, worker in enumerate(run.workers):
        if worker.get("queue_depth"):
            yield f"{worker['queue_depth']} tasks in worker {index}'s queue, and none lives"


@law(when=_knows_the_policy)
def s12_no_turn_has_more_polls_than_the_slot_allows(run: Run) -> Iterator[str]:
    """At most `lifo_polls` polls from the LIFO slot follow a turn's first one."""
    fields = run.fields or {}
    most = 1 + (int(fields["lifo_polls"]) if fields["lifo_slot"] else 0)
    for index, worker in enumerate(run.workers):
        if worker["task_poll_count"] > most * worker["poll_count"]:
            yield f"worker {index} polled {worker['task_poll_count']} times in {worker['poll_count']} turns of at most {most}"


@law(when=_counted)
def a5_each_steal_takes_a_task(run: Run) -> Iterator[str]:
    """A steal takes at least one task, and no more than the policy says."""
    for index, worker in enumerate(run.workers):
        steals, tasks = worker["steal_operations"], worker["steal_count"]
        if not steals <= tasks or (run.most_stolen is not None and tasks > run.most_stolen * steals):
            bound = "" if run.most_stolen is None else f" of at most {run.most_stolen}"
            yield f"worker {index} took {tasks} tasks in {steals} steals{bound}"


@law(when=_counted)
def a7_histograms_hold_no_more_than_was_polled(run: Run) -> Iterator[str]:
    """A histogram's edges ascend, and it holds no more than was measured."""
    polls = dict(zip(WORKER_HISTOGRAMS, ("poll_count", "task_poll_count", None), strict=True))
    for index, worker in enumerate(run.workers):
        for name, counter in polls.items():
            histogram = worker.get(name)
            if histogram is None:
                continue
            edges, held = list(histogram["edges_ns"]), sum(histogram["counts"])
            if any(low >= high for low, high in pairwise(edges)):
                yield f"{name} of worker {index} has edges that do not ascend"
            if counter is not None and held > worker[counter]:
                yield f"{name} of worker {index} holds {held} of {worker[counter]} polls"


@law(when=_counted)
def a8_a_park_for_nothing_is_a_park(run: Run) -> Iterator[str]:
    """Each park is followed by one unpark, but for the last, and those for nothing are among them."""
    for index, worker in enumerate(run.workers):
        parks, both, noops = worker["park_count"], worker["park_unpark_count"], worker["noop_count"]
        if noops > parks:
            yield f"worker {index} parked {parks} times, and {noops} times for nothing"
        if abs(both - 2 * parks) > 1:
            yield f"worker {index} parked {parks} times, which makes no {both} parks and unparks"


@law(when=_timed)
def a9_the_times_of_a_worker_add_up(run: Run) -> Iterator[str]:
    """At any instant a worker is busy, searching or parked: the three shares add up to one."""
    shares = zip(run.report.busy or (), run.report.searching or (), run.report.parked or (), strict=True)
    for index, (busy, searching, parked) in enumerate(shares):
        if min(busy, searching, parked) < 0 or abs(busy + searching + parked - 1) > _ROUNDING:
            yield f"worker {index} was busy for {busy:.4f}, searching for {searching:.4f}, parked for {parked:.4f} of the time"


@law(when=_declared)
def p1_no_run_beats_the_lower_bound(run: Run) -> Iterator[str]:
    """No schedule is shorter than the larger of work / workers and span."""
    bound = run.report.lower_bound or 0
    if run.report.makespan < bound:
        yield f"makespan {run.report.makespan} ns, lower bound {bound} ns"


@law(when=_greedy_and_free)
def p1_a_greedy_run_keeps_grahams_bound(run: Run) -> Iterator[str]:
    """Under one queue and free scheduling no run is longer than work / workers + span (Graham 1966)."""
    work, span = run.report.work or 0, run.report.span or 0
    bound = -(-work // run.report.workers) + span
    if run.report.makespan > bound:
        yield f"makespan {run.report.makespan} ns, work {work} ns, span {span} ns: at most {bound} ns"
