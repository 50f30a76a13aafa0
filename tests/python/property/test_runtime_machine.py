"""`RuntimeMachine`: rules in any order, in virtual time and on threads; and it notices a runtime that does not keep them."""

from __future__ import annotations

from typing import Any

import pytest
import stealscope as ss
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from stealscope.testing import RuntimeMachine
from stealscope.testing.machine import Actor

few = settings(max_examples=max(20, settings.default.max_examples // 4), stateful_step_count=30)


class TestInVirtualTime(RuntimeMachine.TestCase):
    settings = few


class NoSlot(RuntimeMachine):
    workers = 3
    policy = ss.Policy(lifo_slot=False, steal="one", notify="all")


class TestAnotherPolicy(NoSlot.TestCase):
    settings = few


class OnThreads(RuntimeMachine):
    engine = "threads"


class TestOnThreads(OnThreads.TestCase):
    settings = few


class Forgetful(RuntimeMachine):
    """Its model forgets that an actor was told to return."""

    @rule(actor=RuntimeMachine.actors)
    def forget(self, actor: Actor) -> None:
        if self._is_free(actor):
            actor.send.try_send(("return", 1))
            self.settle()


class Locked(RuntimeMachine):
    """A rule of the user's own: tasks that take one lock, beside the actors."""

    @rule(tasks=st.integers(1, 4))
    def under_a_lock(self, tasks: int) -> None:
        lock, inside = ss.Lock(), []

        async def enter(n: int) -> None:
            async with lock:
                before = len(inside)
                await ss.yield_now()
                assert len(inside) == before, "two held the lock"
                inside.append(n)

        assert self.stage is not None
        handles = [self.stage.spawn(enter, n) for n in range(tasks)]
        self.stage.rest(lambda: all(handle.done() for handle in handles))
        for handle in handles:
            handle.result(0)
        self.settle()


class TestWithARuleOfTheUsersOwn(Locked.TestCase):
    settings = few


def test_a_runtime_that_ends_a_task_too_early_is_found_and_the_steps_are_printed(capsys: Any) -> None:
    with pytest.raises(AssertionError) as failure:
        run_state_machine_as_test(Forgetful, settings=settings(few, max_examples=30, database=None))
    notes = "\n".join(getattr(failure.value, "__notes__", [])) + capsys.readouterr().out
    assert "state.forget(" in notes
    assert "state.open(seed=0, choices=b'')" in notes
