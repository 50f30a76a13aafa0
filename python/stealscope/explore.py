"""Does something hold under every schedule near the ordinary one?

Depth-first over deviations: each run answers one more open choice otherwise than the seed, after the last one that was
answered so. Invariant: a run is a function of its deviations, so each schedule is run once. Few deviations find most bugs
(Musuvathi and Qadeer, "Iterative context bounding", 2007). Read next: `choices.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _html
from ._progress import progress_bar
from .choices import Choices
from .errors import InvariantError
from .units import checked_count

if TYPE_CHECKING:
    from .report import Report
    from .simulation import Simulation

__all__ = ["Exploration", "ScheduleFailure", "explore"]

Deviations = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ScheduleFailure:
    """The first schedule that failed.

    Attributes:
        error: what was raised: by the run, by the check, or `InvariantError` where the check said False.
        choices: replay it: ``ss.Simulation(..., choices=failure.choices)``.
        replay_line: the same as one line of Python.
    """

    error: BaseException
    choices: Choices
    replay_line: str

    def __str__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}\nwith {self.choices}\nreplay: {self.replay_line}"


@dataclass(frozen=True)
class Exploration:
    """What `Simulation.explore` found.

    Attributes:
        complete: every schedule within the bound was run, or one failed.
        schedules: how many were run.
        failure: the first failure, or None.
    """

    complete: bool
    schedules: int
    failure: ScheduleFailure | None

    def __str__(self) -> str:
        found = f"failed: {self.failure}" if self.failure else "none failed"
        return f"{self._head()}; {found}"

    def _repr_html_(self) -> str:
        if self.failure is None:
            return _html.paragraph(str(self))
        failure = self.failure
        head = f"{self._head()}; failed: {type(failure.error).__name__}"
        return _html.section(head, _html.preformatted(str(failure)), is_open=True)

    def _head(self) -> str:
        return f"{self.schedules:,} schedules{'' if self.complete else ', stopped before all were run'}"


def explore(
    simulation: Simulation,
    target: Any,
    check: Callable[[Report], object] | None,
    *,
    preemptions: int,
    max_schedules: int,
    progress: bool,
) -> Exploration:
    """See `Simulation.explore`."""
    bound = checked_count(preemptions, "preemptions", low=0, high=1_000)
    most = checked_count(max_schedules, "max_schedules", low=1)
    if check is not None and not callable(check):
        raise TypeError(f"check={check!r}; need a callable that takes a Report, or None")
    with progress_bar(None, progress, what="explore", unit="schedule") as advance:
        return _explored(simulation, target, check, bound, most, advance)


def _explored(
    simulation: Simulation,
    target: Any,
    check: Callable[[Report], object] | None,
    bound: int,
    most: int,
    advance: Callable[[int], None],
) -> Exploration:
    pending: list[Iterator[Deviations]] = [iter([()])]
    schedules = 0
    while pending:
        deviations = next(pending[-1], None)
        if deviations is None:
            pending.pop()
            continue
        if schedules == most:
            return Exploration(False, schedules, None)
        schedules += 1
        options, failure = _run_once(simulation, target, check, deviations)
        advance(1)
        if failure is not None:
            return Exploration(True, schedules, failure)
        if len(deviations) < bound:
            pending.append(_one_more(deviations, options))
    return Exploration(True, schedules, None)


def _one_more(deviations: Deviations, options: list[int]) -> Iterator[Deviations]:
    after = deviations[-1][0] + 1 if deviations else 0
    return ((*deviations, (number, k)) for number in range(after, len(options)) for k in range(1, options[number]))


def _run_once(
    simulation: Simulation, target: Any, check: Callable[[Report], object] | None, deviations: Deviations
) -> tuple[list[int], ScheduleFailure | None]:
    from .workloads import Workload

    one = simulation._deviating(deviations)
    try:
        if isinstance(target, Workload):
            one.run(target)
        else:
            one.block_on(target)
        if check is not None and check(one.report) is False:
            raise InvariantError("the check said False")
    except Exception as error:
        call = f".run(ss.{target!r})" if isinstance(target, Workload) else f".block_on({getattr(target, '__qualname__', target)})"
        return [], ScheduleFailure(error, one._choices_of(one._machine), one._replay_line(one._machine, call))
    return one._machine.options()[: one._machine.decisions], None  # what came after the end is no choice of the run
