"""How does a run in virtual time become a `Report`? Its metrics, its clock, and what the root measured of itself.

Invariant: nothing in it depends on the host: no clock, no thread, no number of the process. Read next: `report.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _core
from .handle import Handle
from .metrics import metrics_delta
from .report import Report
from .run_report import all_sojourns
from .timeline import Recording

if TYPE_CHECKING:
    from .simulation import Simulation
    from .workloads import Workload

__all__ = ["report_of_call", "report_of_workload"]


def report_of_workload(
    simulation: Simulation,
    machine: _core.Machine,
    before: Mapping[str, Any],
    workload: Workload,
    root: _core.JoinHandle,
    call: str,
    *,
    is_alone: bool,
) -> Report:
    """The report of a native workload: its makespan is what the root measured, as on threads.

    Raises:
        InvariantError: the answer is not the expected one.
    """
    known: dict[str, Any] = {"workload": workload.name, "work": workload.work, "span": workload.span}
    if root.done():
        answers, started, ended, sojourns = root.result()
        result = workload.collect(answers)
        workload.check(result)
        known |= {"result": result, "makespan": ended - started, "sojourns": all_sojourns(sojourns)}
    else:  # the run was ended at a time
        known |= {"result": None, "makespan": machine.ended_at}
    return Report(**known, **_common(simulation, machine, before, call, is_alone))


def report_of_call(
    simulation: Simulation,
    machine: _core.Machine,
    before: Mapping[str, Any],
    target: Any,
    result: Any,
    call: str,
    *,
    is_alone: bool,
) -> Report:
    """The report of Python code: its makespan is the time until no task lived any more."""
    common = _common(simulation, machine, before, call, is_alone)
    return Report(workload=name_of(target), result=result, makespan=machine.ended_at, **common)


def name_of(target: Any) -> str:
    """What to call something that is spawned."""
    return getattr(target, "__qualname__", None) or type(target).__name__


def _common(
    simulation: Simulation, machine: _core.Machine, before: Mapping[str, Any], call: str, is_alone: bool
) -> dict[str, Any]:
    metrics = metrics_delta(before, Handle(machine).metrics())
    metrics["runtime"] = "simulation"
    recording = Recording.of_machine(machine)
    for worker in metrics["workers"]:
        worker["thread_id"] = 0
    return {
        "replay_line": simulation._replay_line(machine, call),
        "choices": simulation._choices_of(machine),
        "engine": "sim",
        "policy": str(simulation.policy),
        "workers": machine.num_workers(),
        "seed": simulation._seed,
        **_shares(machine),
        "metrics": metrics,
        **({} if recording is None else recording.taken()),
        "exclusive": is_alone,
        "trace_hash": f"{machine.trace_hash:016x}",
        "validated": machine.num_workers() <= simulation.costs.validated_workers,
        "manifest": {
            "stealscope": _core.VERSION,
            "features": dict(_core.FEATURES),
            "policy": _plain_policy(simulation.policy.to_dict()),
            "costs": simulation.costs.to_dict(),
            **_machine_parts(simulation),
        },
    }


def _shares(machine: _core.Machine) -> dict[str, tuple[float, ...] | None]:
    """By worker: how much of the run's time it was busy, searching and parked; they add up to one."""
    if machine.ended_at == 0:
        return {"busy": None, "searching": None, "parked": None}
    busy, searching, parked = zip(*machine.spent(), strict=True)
    shares = {"busy": busy, "searching": searching, "parked": parked}
    return {name: tuple(spent / machine.ended_at for spent in by_worker) for name, by_worker in shares.items()}


def _plain_policy(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(value, "__qualname__", "function") if callable(value) else value for name, value in fields.items()}


def _machine_parts(simulation: Simulation) -> dict[str, Any]:
    """What makes the machine another than the ordinary one."""
    arrays = {"topology": simulation._topology, "speeds": simulation._speeds}
    given: dict[str, Any] = {name: array.tolist() for name, array in arrays.items() if array is not None}
    return given | ({"faults": [repr(fault) for fault in simulation._faults]} if simulation._faults else {})
