"""`RuntimeMachine`: tasks are told what to do, in any order, and a model says what must have become of them.

Invariant: a task that was told something does it once it can, whatever the schedule; the model needs no clock and no worker.
Read next: `_stage.py` (where the tasks live), ``docs/testing.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from ..channels import channel
from ..errors import Cancelled
from ..inside import current_task, sleep, spawn, work, yield_now
from ..policy import Policy
from ._stage import Stage, ThreadStage, VirtualStage
from .laws import check_invariants
from .strategies import schedules

__all__ = ["Actor", "ActorFailed", "RuntimeMachine"]

Order: TypeAlias = tuple[str, Any]
State: TypeAlias = Literal["alive", "returned", "failed", "cancelled"]


class ActorFailed(Exception):
    """An actor was told to fail."""


@dataclass(eq=False)
class Actor:
    """A task that does what it is told, and what the model knows of it.

    Attributes:
        number: in the order of their making.
        state: what it must be in once all is at rest.
        value: what it returned or failed with.
        orders: that it has been given and cannot carry out yet, in order: the first waits for another actor.
        expected: orders that it must have.
        done: orders that it has carried out.
    """

    number: int
    state: State = "alive"
    value: int = 0
    orders: list[Order] = field(default_factory=list)
    expected: int = 0
    done: int = 0
    handle: Any = None
    send: Any = None
    receive: Any = None

    def __repr__(self) -> str:
        return f"actor {self.number} ({self.state})"

    async def run(self) -> int:
        """The task."""
        async for order, value in self.receive:
            match order:
                case "yield":
                    for _ in range(value):
                        await yield_now()
                case "sleep":
                    await sleep(value)
                case "work":
                    await work(value)
                case "spawn":
                    value.handle = spawn(value.run)
                case "join":
                    await self._join(value)
                case "fail":
                    raise ActorFailed(value)
                case "return":
                    return int(value)
            self.done += 1
        raise AssertionError("nobody closes the channel")

    async def _join(self, other: Actor) -> None:
        try:
            await other.handle
        except ActorFailed:
            pass
        except Cancelled:
            if current_task().cancelling():
                raise


class RuntimeMachine(RuleBasedStateMachine):
    """Spawns, yields, sleeps, joins, failures, cancellations and shutdowns in any order, against a model.

    Extend it: set `engine`, `workers` and `policy`, add rules of your own that call `tell` and `settle`; then
    ``TestMine = Mine.TestCase`` for pytest. Hypothesis prints the steps of the smallest failure as a program.

    Attributes:
        engine: ``"sim"``: in virtual time, where the schedule is drawn and shrinks, too; ``"threads"``: on real ones.
        workers: as for `Simulation` and `Runtime`.
        policy: the same.
        everybody: the actors of the runtime that lives now.
    """

    engine: ClassVar[Literal["sim", "threads"]] = "sim"
    workers: ClassVar[int] = 2
    policy: ClassVar[str | Policy] = "tokio"

    actors = Bundle("actors")

    def __init__(self) -> None:
        super().__init__()
        self.everybody: list[Actor] = []
        self.made = 0
        self.stage: Stage | None = None

    # ---- for rules ----

    def tell(self, actor: Actor, order: str, value: Any = None) -> None:
        """Give an actor that lives an order; it may carry it out at once or later."""
        if actor.state != "alive":
            return
        actor.orders.append((order, value))
        assert actor.send.try_send((order, value)), "more orders than anybody can give"
        self._predict()

    def settle(self) -> None:
        """Until every actor has done what it can, and then compare with the model: outcomes, living tasks, laws at rest."""
        if self.stage is None:
            return
        self.stage.rest(lambda: all(self._is_as_predicted(actor) for actor in self.everybody))
        for actor in self.everybody:
            assert self._is_as_predicted(actor), actor
        alive = sum(actor.state == "alive" for actor in self.everybody)
        assert self.stage.handle.num_alive_tasks() == alive + 1  # the one that keeps it open
        self.stage.handle.self_check()

    def new_actor(self) -> Actor:
        """One that no task runs yet."""
        actor = Actor(self.made)
        self.made += 1
        actor.send, actor.receive = channel(10_000)
        self.everybody.append(actor)
        return actor

    def spawn_actor(self) -> Actor:
        """One that is spawned from outside."""
        assert self.stage is not None
        actor = self.new_actor()
        actor.handle = self.stage.spawn(actor.run)
        return actor

    # ---- rules ----

    @initialize(target=actors, seed=st.integers(0, 1000), choices=schedules())
    def open(self, seed: int, choices: Any) -> Actor:
        """A fresh runtime, and the first actor."""
        return self._open(seed, choices)

    @rule(target=actors)
    def spawn(self) -> Actor:
        """From outside."""
        return self.spawn_actor()

    @rule(target=actors, parent=actors)
    def spawn_child(self, parent: Actor) -> Any:
        """By a task; one that waits for another spawns nothing now."""
        if not self._is_free(parent):
            return multiple()
        child = self.new_actor()
        self.tell(parent, "spawn", child)
        return child

    @rule(actor=actors, times=st.integers(1, 5))
    def yield_(self, actor: Actor, times: int) -> None:
        """So many times."""
        self.tell(actor, "yield", times)

    @rule(actor=actors, milliseconds=st.integers(0, 3))
    def sleep(self, actor: Actor, milliseconds: int) -> None:
        """For so long."""
        self.tell(actor, "sleep", milliseconds * 1e-3)

    @rule(actor=actors, microseconds=st.integers(0, 100))
    def work(self, actor: Actor, microseconds: int) -> None:
        """Be busy for so long."""
        self.tell(actor, "work", microseconds * 1e-6)

    @rule(actor=actors, other=actors)
    def join(self, actor: Actor, other: Actor) -> None:
        """One waits for another's end; two may wait for each other."""
        if actor is not other and self._is_born(other):
            self.tell(actor, "join", other)

    @rule(actor=actors, value=st.integers(0, 9))
    def finish(self, actor: Actor, value: int) -> None:
        """Return a value."""
        self.tell(actor, "return", value)

    @rule(actor=actors, value=st.integers(0, 9))
    def fail(self, actor: Actor, value: int) -> None:
        """Raise an error."""
        self.tell(actor, "fail", value)

    @rule(actor=actors)
    def cancel(self, actor: Actor) -> None:
        """One that lives is cancelled where it waits; of one that has ended nothing changes."""
        if not self._is_born(actor):
            return
        self.settle()
        assert actor.handle.cancel() == (actor.state == "alive")
        if actor.state == "alive":
            actor.state, actor.orders = "cancelled", []
        self._predict()

    @rule()
    def look(self) -> None:
        """Let everything come to rest, and compare."""
        self.settle()

    @rule(target=actors, cancel=st.booleans(), seed=st.integers(0, 1000), choices=schedules())
    def shutdown(self, cancel: bool, seed: int, choices: Any) -> Actor:
        """Everything ends or is cancelled; then there is a fresh runtime."""
        self._end(cancel=cancel)
        return self._open(seed, choices)

    def teardown(self) -> None:
        """The end of an example."""
        if self.stage is not None:
            self._end(cancel=False)

    def _open(self, seed: int, choices: Any) -> Actor:
        """With one task that waits until the end and keeps it open."""
        if self.engine == "sim":
            self.stage = VirtualStage(self.workers, self.policy, seed, choices)
        else:
            self.stage = ThreadStage(self.workers, self.policy, seed)
        self.everybody = []
        self._keeper = Actor(-1)
        self._keeper.send, self._keeper.receive = channel(1)
        self._keeper.handle = self.stage.spawn(self._keeper.run)
        return self.spawn_actor()

    # ---- the model ----

    def _is_born(self, actor: Actor) -> bool:
        return actor in self.everybody and (actor.handle is not None or self._will_be_born(actor))

    def _will_be_born(self, actor: Actor) -> bool:
        self.settle()
        return actor.handle is not None

    def _is_free(self, actor: Actor) -> bool:
        return actor in self.everybody and actor.state == "alive" and not actor.orders

    def _predict(self) -> None:
        """Carry out what can be, until nothing changes."""
        moved = True
        while moved:
            moved = False
            for actor in self.everybody:
                while actor.state == "alive" and actor.orders:
                    order, value = actor.orders[0]
                    if order == "join" and value.state == "alive":
                        break
                    actor.orders.pop(0)
                    moved = True
                    if order in ("return", "fail"):
                        actor.state, actor.value, actor.orders = "returned" if order == "return" else "failed", value, []
                    else:
                        actor.expected += 1

    def _is_as_predicted(self, actor: Actor) -> bool:
        handle = actor.handle
        if handle is None or handle.done() != (actor.state != "alive"):
            return False
        match actor.state:
            case "alive":
                return actor.done == actor.expected
            case "returned":
                return bool(handle.result(0) == actor.value)
            case "failed":
                return isinstance(handle.exception(0), ActorFailed) and handle.exception(0).args == (actor.value,)
            case "cancelled":
                return bool(handle.cancelled())

    def _end(self, *, cancel: bool) -> None:
        stage, self.stage = self.stage, None
        assert stage is not None
        for actor in self.everybody:
            self.tell(actor, "return", 0)
        if not cancel:
            self._undo_circles(stage)
            self._keeper.send.try_send(("return", 0))
            stage.rest(lambda: stage.handle.num_alive_tasks() == 0)
        report = stage.end(cancel=cancel)
        assert all(actor.handle is None or actor.handle.done() for actor in self.everybody)
        if report is not None:
            check_invariants(report)

    def _undo_circles(self, stage: Stage) -> None:
        """Those that wait for each other would keep it open."""
        stage.rest(lambda: all(self._is_as_predicted(actor) for actor in self.everybody))
        for actor in self.everybody:
            if actor.state == "alive":
                actor.handle.cancel()
                actor.state, actor.orders = "cancelled", []
                self._predict()
                stage.rest(lambda: all(self._is_as_predicted(actor) for actor in self.everybody))
