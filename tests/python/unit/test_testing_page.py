"""The page about testing: its code runs as it stands, the faulty policy is caught and replayed, the mended one passes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import stealscope as ss
from hypothesis import settings
from stealscope.testing import LAWS, check_invariants, schedule_in_words

pytestmark = [pytest.mark.needs_metrics, pytest.mark.needs_timeline]

PAGE = (Path(__file__).parents[3] / "docs" / "testing.md").read_text(encoding="utf-8")
POLICY, TEST, REPLAY, MENDED, _CONFTEST, MACHINE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for code in (POLICY, TEST, REPLAY):
        exec(code, names)
    return names


@pytest.fixture(scope="module")
def failure(page: dict[str, Any]) -> ss.InvariantError:
    """Of the page's test, with Hypothesis's own number of examples, the same ones each time."""
    plain = settings(settings.get_profile("default"), derandomize=True, database=None, deadline=None)
    assert plain.max_examples == 100
    with pytest.raises(ss.InvariantError) as caught:
        plain(page["test_my_policy"])()
    return caught.value


def test_the_starving_policy_is_caught_within_the_default_number_of_examples(failure: ss.InvariantError) -> None:
    assert list(failure.broken) == ["l3_no_ready_task_waits_while_a_worker_rests"]


def test_the_message_is_of_the_form_that_the_page_shows(failure: ss.InvariantError) -> None:
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0]
    assert without_numbers(str(failure).splitlines()[1]) == without_numbers(shown.splitlines()[1])
    assert "rested, and worker" in str(failure)
    assert "replay: ss.Simulation(" in str(failure)


def without_numbers(text: str) -> str:
    return re.sub(r"\d+", "N", text)


def test_the_replay_line_gives_the_same_run(page: dict[str, Any], failure: ss.InvariantError) -> None:
    report = page["replay"](failure.report.replay_line)
    assert report.trace_hash == failure.report.trace_hash
    assert max(report.busy) > 0.9
    assert min(report.busy) < 0.1


def test_the_mended_policy_passes_the_same_test(page: dict[str, Any]) -> None:
    mended = dict(page)
    exec(MENDED, mended)
    exec(TEST, mended)
    settings(max_examples=100, derandomize=True, database=None, deadline=None)(mended["test_my_policy"])()


def test_the_machine_of_the_page_is_one_that_pytest_runs(page: dict[str, Any]) -> None:
    names = dict(page)
    exec(MENDED + MACHINE, names)
    machine = names["TestMyMachine"]
    machine.settings = settings(machine.settings, max_examples=10)
    machine("runTest").runTest()


def test_the_page_lists_every_law() -> None:
    for law in LAWS.values():
        assert f"| {law.letter} | {law.statement} |" in PAGE


def test_a_schedule_in_words_says_what_happened_where_it_left_the_seed() -> None:
    workload = ss.workloads.fib(5)
    report = ss.Simulation(3, costs=ss.Costs.zero(), choices=bytes([0, 1, 0, 1, 2])).run(workload)
    plain = ss.Simulation(3, costs=ss.Costs.zero())
    words = schedule_in_words(plain, workload, choices=report.choices).splitlines()
    assert words[0] == "the seed's choices except:"
    assert [int(re.findall(r"decision (\d+): ", line)[0]) for line in words[1:]] == list(report.choices)
    assert all(re.search(r"worker \d|from outside", line) for line in words[1:])
    assert schedule_in_words(plain, workload, choices={}) == "the seed's choices"


def test_a_deadlock_in_words() -> None:
    async def wait() -> None:
        await ss.Event().wait()

    async def never() -> None:
        ss.spawn(wait)
        await ss.Event().wait()

    sim = ss.Simulation(2, costs=ss.Costs.zero(), choices={0: 1, 1: 1})
    with pytest.raises(ss.DeadlockError) as caught:
        sim.block_on(never)
    assert len(schedule_in_words(sim, never, choices=caught.value.choices).splitlines()) == 1 + len(caught.value.choices)


def test_the_laws_that_the_page_promises_for_threads_are_checked() -> None:
    with ss.Runtime(workers=2) as runtime:
        assert "s18_no_counter_is_negative" in check_invariants(runtime.run(ss.workloads.fib(5)))
