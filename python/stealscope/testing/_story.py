"""What does a failed test have to say? Seed, schedule, the line that replays it, and where every task was.

Invariant: nothing is run for it but a dump of a runtime that still lives. Read next: `plugin.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import DeadlockError, FeatureNotEnabled, InvariantError, StepLimitError
from ..runtime import Runtime
from ..simulation import Simulation

__all__ = ["story"]

_REPLAY = re.compile(r"^replay: (.+)$", re.MULTILINE)
_SEED = re.compile(r"\bseed=(\d+)")


def story(error: BaseException, fixtures: Mapping[str, Any], made: str) -> str:
    """The section's text; empty where nothing of ours took part.

    Args:
        error: what the test raised.
        fixtures: the test's arguments by name.
        made: lines about the fixture `runtime`.
    """
    lines = [line for each in _chain(error) for line in _of_error(each)]
    simulation = fixtures.get("simulation")
    if not lines and isinstance(simulation, Simulation):
        lines += _of_simulation(simulation)
    runtime = fixtures.get("runtime")
    if isinstance(runtime, Runtime):
        lines += [made, *_dump_of(runtime)]
    return "\n".join(dict.fromkeys(lines))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """It, those in its group, and those that led to it."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        pending += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            pending += each.exceptions


def _of_error(error: BaseException) -> Iterator[str]:
    if isinstance(error, InvariantError) and error.report is not None:
        yield from _lines(error.report.seed, error.report.choices, error.report.replay_line)
    elif isinstance(error, DeadlockError | StepLimitError):
        replay = _REPLAY.search(str(error))
        yield from _lines(None, getattr(error, "choices", None), replay and replay[1])
    if (dump := getattr(error, "dump", None)) is not None:
        yield f"dump:\n{dump}"


def _of_simulation(simulation: Simulation) -> Iterator[str]:
    if simulation._report is not None:
        yield from _lines(simulation._report.seed, simulation._report.choices, simulation._report.replay_line)
    else:
        yield f"simulation: {simulation!r}"


def _lines(seed: int | None, choices: Any, replay: str | None) -> Iterator[str]:
    if seed is None and replay and (found := _SEED.search(replay)):
        seed = int(found[1])
    if seed is not None:
        yield f"seed: {seed}"
    if choices is not None:
        yield f"schedule: {choices}"
    if replay:
        yield f"replay: {replay}"


def _dump_of(runtime: Runtime) -> Iterator[str]:
    if runtime._native.is_closed:
        return
    try:
        yield f"dump:\n{runtime.handle.dump()}"
    except (FeatureNotEnabled, RuntimeError) as error:
        yield f"no dump: {error}"
