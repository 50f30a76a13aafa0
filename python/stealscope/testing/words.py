"""A schedule in words: what happened where a run left its seed's choices.

Invariant: the run is played again from its arguments, so nothing has to be kept for it. Read next: `choices.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._workload import Workload
from ..choices import Choices
from ..handle import spawn_workload
from ..simulation import Simulation
from ..step import Step

__all__ = ["schedule_in_words"]

_STEPS = 1_000_000  # a bound, against a run that does not end


def schedule_in_words(simulation: Simulation, target: Any, /, *args: Any, choices: Mapping[int, int]) -> str:
    """Play a run again, step by step, and say what its deviating choices did.

    Args:
        simulation: with the arguments of the run.
        target: as for `Simulation.run` or `Simulation.block_on`; a coroutine that was awaited cannot be played again.
        args: its arguments.
        choices: those of the run, such as `Report.choices` or ``DeadlockError.choices``.

    Returns:
        A line for each step in which the run left the seed's choices; one line if it never does.

    Examples:
        >>> import stealscope as ss
        >>> sim = ss.Simulation(2, costs=ss.Costs.zero())
        >>> print(schedule_in_words(sim, ss.workloads.fib(3), choices={0: 1}).splitlines()[0])
        the seed's choices except:
    """
    wanted = Choices.resolve(dict(choices), simulation.configuration)[1]
    if not wanted:
        return str(wanted)
    again = simulation._deviating(wanted.deviations)
    machine = again._fresh_machine()
    try:
        if isinstance(target, Workload):
            spawn_workload(machine, target, None, raw=True)
        else:
            machine.spawn(target, args, None, None, -1)
        lines, number = [], 0
        for _ in range(_STEPS):
            if (taken := machine.step()) is None:
                break
            left = [each for each in range(number, machine.decisions) if each in wanted]
            number = machine.decisions
            lines += [f"  decision {each}: {' '.join(str(Step(*taken)).split())}" for each in left]
    finally:
        machine.stop()
    return "\n".join(["the seed's choices except:", *lines])
