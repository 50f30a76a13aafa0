"""How does a run in virtual time fail, and what does it say? What waits where, and one line of Python that runs it again.

Invariant: made from a machine that stands still; it changes nothing of it. Read next: `simulation.py`, `errors.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import DeadlockError, FeatureNotEnabled, StepLimitError
from .handle import Handle
from .units import format_ns

if TYPE_CHECKING:
    from . import _core
    from .choices import Choices
    from .dump import Dump

__all__ = ["deadlock", "too_many_steps"]


def deadlock(machine: _core.Machine, choices: Choices, replay: str) -> DeadlockError:
    """Tasks live and nothing can happen any more."""
    alive = machine.num_alive_tasks()
    lines = [
        f"{alive} task{'s' * (alive != 1)} live and nothing can happen any more, at {format_ns(machine.now)} of virtual time"
    ]
    dump = _dump_or_none(machine)
    waiting: dict[str, list[Any]] = {} if dump is None else dump.waiting_on()
    lines += [f"  {len(tasks)} at {line}" for line, tasks in waiting.items()]
    lines += [f"with {choices}", f"replay: {replay}"]
    return DeadlockError("\n".join(lines), dump=dump, choices=choices)


def too_many_steps(machine: _core.Machine, max_steps: int, replay: str) -> StepLimitError:
    """The run had not ended after `max_steps`."""
    return StepLimitError(
        f"the run had not ended after {max_steps:,} steps, at {format_ns(machine.now)} of virtual time; raise "
        f"max_steps, or look for tasks that never wait\nreplay: {replay}",
        dump=_dump_or_none(machine),
    )


def _dump_or_none(machine: _core.Machine) -> Dump | None:
    """None where a build has no dump."""
    try:
        return Handle(machine).dump()
    except FeatureNotEnabled:
        return None
