"""`Simulation`: the same scheduler as on threads, in virtual time, on one host thread.

Invariant: a report is a function of the arguments. Each run has a fresh machine that starts at t = 0 with the same seed.
Read next: `costs.py` (what a step takes), `choices.py` (what is left open, and replay), `sim_report.py` (what comes out).
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from . import _core
from ._progress import task_progress
from ._simulation_arguments import check_workload, checked_array, checked_faults, checked_limit
from ._simulation_ends import deadlock, too_many_steps
from ._waiting import NO_DEADLINE, limit_ns
from .choices import Choices
from .costs import Costs
from .errors import DeadlockError, load_cancelled
from .handle import Handle, check_context, spawn_on_native, spawn_workload
from .policy import Policy
from .sim_report import name_of, report_of_call, report_of_workload
from .step import Step
from .timeline import capacity_of
from .units import checked_count, ns_to_seconds

if TYPE_CHECKING:
    from contextvars import Context

    import numpy.typing as npt

    from .explore import Exploration
    from .faults import Fault
    from .report import Report
    from .workloads import Workload

__all__ = ["Simulation"]

_SLICE = 20_000
"""Steps between two looks at Ctrl-C: some milliseconds of native tasks, some tens of Python ones.  [steps]"""

_SETTLE = 1_000_000
"""Steps that the workers may take to lie down once no task lives; a bound, never reached.  [steps]"""


class Simulation:
    """Worker, queue, idle, timer and metrics code of the runtime, compiled once more against a virtual clock.

    A worker's step costs what `costs` says; a native task's work and ``await ss.work(s)`` cost virtual time, sleeping costs
    none. The same arguments give the same report, bit for bit, on every machine.

    What it does not show: cache misses, memory bandwidth, pre-emption by the operating system, contention beyond the cost
    table. Beyond the worker count that the costs were checked for a report says ``validated=False``: then it compares
    policies under stated costs and predicts no machine.

    Args:
        workers: virtual workers, 1 to 65,535.
        policy: a `Policy` or the name of a preset.
        seed: answers every open choice: who moves first of several, which victim, who is woken.
        costs: what each step takes; None is ``Costs()``, ``Costs.zero()`` is free scheduling.
        topology: array (workers, workers) of what a look at a victim takes besides, seconds; a row for each thief.
        speeds: array (workers,), 1.0 is what the costs are for, 2.0 twice as fast.
        faults: `Stall`, `Slow` and `LateWake`.
        choices: answers some open choices otherwise than the seed: bytes, one a decision; a mapping of decision numbers; or
            `Report.choices` of another run. 0 keeps the seed's answer, k takes the k-th option after it, modulo their number.
        timeline: write events for `Report.timeline`; it changes nothing of a run. True is 65,536 events a worker (less
            beyond 256 workers), a number that many a worker; what comes after them is only counted.

    A simulation belongs to the thread that runs it; spawning or cancelling from another raises `RuntimeError`.

    Raises:
        TypeError, ValueError: an argument that is out of range; the message says what is allowed.
        ReplayMismatch: choices that another version or configuration recorded.
        FeatureNotEnabled: `timeline` in a build without ``TIMELINE``.
    """

    _records = False  # every decision is kept, for exploration

    def __init__(
        self,
        workers: int,
        *,
        policy: str | Policy = "tokio",
        seed: int = 0,
        costs: Costs | None = None,
        topology: npt.ArrayLike | None = None,
        speeds: npt.ArrayLike | None = None,
        faults: Iterable[Fault] = (),
        choices: Choices | bytes | Mapping[int, int] | None = None,
        timeline: bool | int = False,
    ) -> None:
        self._workers = checked_count(workers, "workers", low=1, high=65_535)
        self._policy = Policy.resolve(policy)
        self._seed = checked_count(seed, "seed", low=0, high=(1 << 64) - 1)
        self._costs = Costs() if costs is None else costs
        if not isinstance(self._costs, Costs):
            raise TypeError(f"costs={costs!r}; need Costs(...) or None")
        self._topology = checked_array(topology, "topology", (self._workers, self._workers))
        self._speeds = checked_array(speeds, "speeds", (self._workers,))
        self._faults = checked_faults(faults)
        self._timeline = capacity_of(timeline, self._workers)
        self._schedule, self._choices = Choices.resolve(choices, self.configuration)
        self._machine = self._new_machine()  # the last one that ran, or the next
        self._finalizer = weakref.finalize(self, _stop_quietly, [self._machine])
        self._roots = 0
        self._report: Report | None = None

    # ---- running ----

    def run(
        self, workload: Workload, *, until: float | None = None, max_steps: int | None = None, progress: bool = False
    ) -> Report:
        """Run a workload on a fresh machine, with what `spawn` has queued, until no task lives.

        Args:
            until: end the run at that time, virtual seconds; what lives then is cancelled, and the report is about what came
                before (its ``result`` is None if the workload had not ended).
            max_steps: more steps than that raise `StepLimitError`, against livelock; None is no limit.
            progress: show on standard error how many tasks have ended.

        Raises:
            DeadlockError: tasks live and nothing can happen any more.
            StepLimitError: see `max_steps`.
            InvariantError: the answer is not the expected one.
            KeyboardInterrupt: Ctrl-C; what lives is cancelled.
        """
        check_workload(workload, "run()")
        limit, end = checked_limit(max_steps), limit_ns(until, "until")
        machine = self._fresh_machine()
        before = Handle(machine).metrics()
        root = spawn_workload(machine, workload, None, raw=True)
        call = f".run(ss.{workload!r})"
        try:
            with task_progress(machine, workload, progress) as look:
                self._play(machine, limit, call, end, look)
            self._report = report_of_workload(self, machine, before, workload, root, call, is_alone=self._roots == 0)
        finally:
            self._stop(machine)
        return self._report

    def block_on(self, target: Any, /, *args: Any, max_steps: int | None = None) -> Any:
        """Run an async function, a coroutine or a callable on a fresh machine, until it *and its children* end.

        Args:
            max_steps: as `run`.

        Returns:
            What it returns. `report` is about the run.

        Raises:
            DeadlockError, StepLimitError, KeyboardInterrupt: as `run`.
            BaseException: what it raised.
        """
        limit = checked_limit(max_steps)
        machine = self._fresh_machine()
        before = Handle(machine).metrics()
        root = machine.spawn(target, args, None, None, -1)
        call = f".block_on({', '.join([name_of(target), *map(repr, args)])})"
        try:
            try:
                self._play(machine, limit, call)
            except DeadlockError as error:
                if root.done() and (failure := root.exception()) is not None:
                    raise failure from error
                raise
            result = root.result()
            self._report = report_of_call(self, machine, before, target, result, call, is_alone=self._roots == 0)
        finally:
            self._stop(machine)
        return result

    def steps(self, workload: Workload) -> Iterator[Step]:
        """Run a workload one step at a time, for a lecture: ``for step in sim.steps(workload): print(step)``.

        The run ends with the loop; `report` is not set by it.

        Raises:
            DeadlockError: as `run`.
        """
        check_workload(workload, "steps()")
        machine = self._fresh_machine()
        root = spawn_workload(machine, workload, None, raw=True)
        try:
            while (taken := machine.step()) is not None:
                yield Step(*taken)
            if not root.done():
                raise deadlock(machine, self._choices_of(machine), self._replay_line(machine, f".run(ss.{workload!r})"))
        finally:
            self._stop(machine)

    def explore(
        self,
        target: Any,
        check: Callable[[Report], object] | None = None,
        *,
        preemptions: int = 2,
        max_schedules: int = 100_000,
        progress: bool = False,
    ) -> Exploration:
        """Run `target` under every schedule that leaves the ordinary one in at most `preemptions` open choices.

        Choices are open where several workers could move at the same instant, a victim is drawn, or somebody is woken; with
        ``Costs.zero()`` most steps tie, so most orders are open.

        Args:
            target: a `Workload`, or an async function without arguments.
            check: called with each run's report; a failure is an exception, or False.
            preemptions: deviations in one schedule.
            max_schedules: runs at most; then the exploration is incomplete.
            progress: show on standard error how many have been run.

        Returns:
            Exploration: the first failure, if there is one, with the choices that replay it.
        """
        from .explore import explore

        return explore(self, target, check, preemptions=preemptions, max_schedules=max_schedules, progress=progress)

    def spawn(self, target: Any, /, *args: Any, name: str | None = None, context: Context | None = None) -> _core.JoinHandle:
        """Queue a root for the next run: whatever `Runtime.spawn` takes. Inside a task use ``ss.spawn``.

        Returns:
            JoinHandle: its result is there after the run.
        """
        if self._machine.is_playing:
            return spawn_on_native(self._machine, target, args, name, context, -1)
        check_context(context)
        handle = spawn_on_native(self._unplayed_machine(), target, args, name, context, -1)
        self._roots += 1
        return handle

    # ---- what can be seen ----

    @property
    def now(self) -> float:
        """Virtual seconds since the start of the run: while it runs, and after it."""
        return ns_to_seconds(self._machine.now)

    @property
    def handle(self) -> Handle:
        """Metrics and dump of the run that goes on, or of the last one."""
        return Handle(self._machine)

    @property
    def report(self) -> Report:
        """The last run's.

        Raises:
            RuntimeError: nothing has run to its end yet.
        """
        if self._report is None:
            raise RuntimeError("no run has ended yet; call run() or block_on() first")
        return self._report

    @property
    def policy(self) -> Policy:
        """How it decides."""
        return self._policy

    @property
    def costs(self) -> Costs:
        """What its steps take."""
        return self._costs

    @property
    def configuration(self) -> str:
        """A fingerprint of the version and of all arguments but the choices: choices are replayed under the same one."""
        parts = [_core.VERSION, *self._arguments(whole=True).values()]
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()

    def __repr__(self) -> str:
        return self._shown(self._choices)

    def _shown(self, choices: Choices) -> str:
        arguments = self._arguments() | self._choice_argument(choices)
        return f"ss.Simulation({', '.join(f'{name}={value}' for name, value in arguments.items())})"

    def _arguments(self, *, whole: bool = False) -> dict[str, str]:
        """The arguments that differ from their defaults (or all), but for choices, as Python writes them."""
        policy = repr(self._policy.name) if self._policy.name else f"ss.{self._policy!r}"
        arguments = {"workers": repr(self._workers)}
        if whole or self._policy != Policy():
            arguments["policy"] = policy
        arguments["seed"] = repr(self._seed)
        if whole or self._costs != Costs():
            arguments["costs"] = "ss.Costs.zero()" if self._costs == Costs.zero() and not whole else f"ss.{self._costs!r}"
        if self._topology is not None:
            arguments["topology"] = repr(self._topology.tolist())
        if self._speeds is not None:
            arguments["speeds"] = repr(self._speeds.tolist())
        if self._faults:
            arguments["faults"] = f"[{', '.join(f'ss.{fault!r}' for fault in self._faults)}]"
        return arguments

    def _choice_argument(self, choices: Choices) -> dict[str, str]:
        if self._schedule and not choices:
            return {"choices": repr(self._schedule)}
        return {"choices": repr(dict(choices))} if choices else {}

    def _replay_line(self, machine: _core.Machine, call: str) -> str:
        """One line of Python that runs the same again."""
        return self._shown(self._choices_of(machine)) + call

    def _choices_of(self, machine: _core.Machine) -> Choices:
        return Choices(tuple(machine.deviations()), self.configuration)

    def _deviating(self, deviations: tuple[tuple[int, int], ...]) -> Simulation:
        """The same with other choices, and with every decision kept."""
        other = Simulation.__new__(type(self))
        other.__dict__ |= self.__dict__ | {"_schedule": b"", "_choices": Choices(deviations), "_records": True, "_roots": 0}
        other._machine = other._new_machine()
        other._finalizer = weakref.finalize(other, _stop_quietly, [other._machine])
        other._report = None
        return other

    # ---- how it runs ----

    def _new_machine(self) -> _core.Machine:
        load_cancelled()
        machine = _core.Machine(
            {
                "workers": self._workers,
                "policy": self._policy.to_dict(),
                "seed": self._seed,
                "costs": self._costs._native(),
                "topology": [] if self._topology is None else [round(extra * 1e9) for extra in self._topology.ravel().tolist()],
                "speeds": [] if self._speeds is None else self._speeds.tolist(),
                "faults": tuple(fault._native() for fault in self._faults),
                "schedule": self._schedule,
                "choices": list(self._choices.deviations),
                "record_decisions": self._records,
                "timeline": self._timeline,
            }
        )
        machine.policy = str(self._policy)
        return machine

    def _unplayed_machine(self) -> _core.Machine:
        if self._machine.was_played:
            self._machine = self._new_machine()
            self._finalizer.detach()
            self._finalizer = weakref.finalize(self, _stop_quietly, [self._machine])
            self._roots = 0
        return self._machine

    def _fresh_machine(self) -> _core.Machine:
        if self._machine.is_playing:
            raise RuntimeError("this simulation is running; a task in it cannot start it again: make another Simulation")
        self._report = None
        machine = self._unplayed_machine()
        machine.adopt()
        return machine

    def _play(
        self,
        machine: _core.Machine,
        max_steps: int | None,
        call: str,
        until: int = NO_DEADLINE,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        left = max_steps
        while True:
            steps = _SLICE if left is None else min(_SLICE, left)
            end = machine.play(steps, until)
            if end == "finished":
                machine.settle(_SETTLE)
                return
            if end == "time_limit":
                machine.publish()
                return
            if end == "deadlock":
                raise deadlock(machine, self._choices_of(machine), self._replay_line(machine, call))
            look()
            if left is not None:
                left -= steps
                if left == 0:
                    raise too_many_steps(machine, max_steps or 0, self._replay_line(machine, call))

    def _stop(self, machine: _core.Machine) -> None:
        machine.stop()
        self._finalizer.detach()
        self._finalizer = weakref.finalize(self, _stop_quietly, [])
        self._roots = 0


def _stop_quietly(machines: list[_core.Machine]) -> None:
    """Roots that were queued and never run: their coroutines are closed."""
    for machine in machines:
        machine.stop()
