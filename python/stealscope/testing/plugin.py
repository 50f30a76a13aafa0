"""The pytest plugin: a runtime or a simulation for a test, errors for what it leaves behind, and what replays a failure.

Invariant: a test that uses neither fixture and raises nothing of ours is not touched. Loaded by pytest itself (entry point
``pytest11``); ``-p no:stealscope`` leaves it out. Read next: ``docs/testing.md``, `_story.py` (what a failure says).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from ..dump_signal import live_runtimes
from ..handle import features
from ..runtime import Runtime
from ..simulation import Simulation
from ._story import story

__all__ = ["runtime", "simulation"]

_LIMIT = 5.0  # seconds that a test's end may take to settle


def pytest_configure(config: pytest.Config) -> None:
    """The marker that holds the fixtures' arguments."""
    config.addinivalue_line(
        "markers", "stealscope(**options): arguments of Runtime or Simulation for the fixtures `runtime` and `simulation`"
    )


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    options: dict[str, Any] = {"workers": 2}
    for marker in reversed(list(request.node.iter_markers("stealscope"))):
        if marker.args:
            raise pytest.UsageError(f"@pytest.mark.stealscope takes keyword arguments only, not {marker.args!r}")
        options |= marker.kwargs
    return options


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """A `Runtime` with two workers, or what ``@pytest.mark.stealscope(workers=4, ...)`` says.

    A task that still lives when the test has ended, a runtime that it made and did not shut down, and a thread that it started and
    did not join are errors.
    """
    options = {"seed": random.getrandbits(32), **_options(request)}
    runtimes, threads = set(live_runtimes), set(threading.enumerate())
    made = Runtime(**options)
    request.node.stash[_made] = f"seed: {options['seed']}\nruntime: ss.Runtime({_shown(options)})"
    yield made
    complaints = _leaked_tasks(made)
    if not made.shutdown(cancel=True, timeout=_LIMIT):
        complaints.append(f"the runtime does not end: {made.last_shutdown_dump}")
    complaints += [f"a runtime that was not shut down: {other!r}" for other in set(live_runtimes) - runtimes - {made}]
    left = [thread for thread in threading.enumerate() if thread not in threads and not _is_foreign(thread)]
    complaints += [f"a thread that was not joined: {thread.name}" for thread in left]
    if complaints:
        pytest.fail("the test left something behind\n" + "\n".join(complaints), pytrace=False)


@pytest.fixture
def simulation(request: pytest.FixtureRequest) -> Iterator[Simulation]:
    """A `Simulation` of two workers with a timeline, or what ``@pytest.mark.stealscope(workers=4, ...)`` says.

    A root that was queued and never ran is an error.
    """
    made = Simulation(**{"timeline": features()["timeline"], **_options(request)})
    yield made
    left = 0 if made._machine.was_played else made.handle.num_alive_tasks()
    if left:
        pytest.fail(f"the test left something behind\n{left} tasks that were queued with spawn() and never ran", pytrace=False)


_made = pytest.StashKey[str]()


def _leaked_tasks(made: Runtime) -> list[str]:
    """Lines about tasks that nobody waited for; one that is just ending gets the time to."""
    if not made.handle.num_alive_tasks() or made._native.is_closed:
        return []
    try:
        alive = made.handle.metrics(settled=True, timeout=_LIMIT)["num_alive_tasks"]
    except TimeoutError:
        alive = made.handle.num_alive_tasks()
    return [f"{alive} tasks live after the test:", str(made._dump_or_none() or "")] if alive else []


def _is_foreign(thread: threading.Thread) -> bool:
    """A worker's or a pool's thread that Python has seen: it has ended with its runtime, but Python does not know."""
    return isinstance(thread, threading._DummyThread)


def _shown(options: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test's report has a section with what replays it."""
    report = yield
    if report.when == "call" and report.failed and call.excinfo is not None:
        text = story(call.excinfo.value, getattr(item, "funcargs", {}), item.stash.get(_made, ""))
        if text:
            report.sections.append(("stealscope", text))
    return report
