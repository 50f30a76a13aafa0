"""Could the scheduler of the model have written the logs of real and simulated runs, and not those that were tampered with?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import stealscope as ss
import traces
from spin import examine

pytestmark = pytest.mark.needs_timeline


def _simulated(seed: int) -> list[traces.Event]:
    report = ss.Simulation(workers=2, seed=seed, timeline=True).run(ss.workloads.fork_join(depth=2, fanout=2, work_ns=2000))
    return traces.read(report.timeline, workers=2)


def _real(*, dumps: bool = False, to_the_end: bool = False) -> list[traces.Event]:
    """Of a runtime that was at rest before; until its workers have left, or sleep again."""
    with ss.Runtime(workers=2, timeline=True) as runtime:
        runtime.handle.metrics(settled=True)
        report = runtime.run(ss.workloads.fork_join(depth=2, fanout=2, work_ns=20000))
        if not dumps and not to_the_end:
            assert report.timeline is not None
            return traces.read(report.timeline, workers=2)
        timeline = runtime.handle.timeline()
        assert timeline is not None
        if dumps:
            runtime.handle.metrics(settled=True)
            assert runtime.handle.dump().complete
        if not to_the_end:
            return _lanes(timeline)
    return _lanes(timeline)


def _lanes(timeline: ss.timeline.Timeline) -> list[traces.Event]:
    events = np.concatenate([timeline.events(lane) for lane in range(timeline.lanes)])
    return traces.read(events[np.argsort(events["at"], kind="stable")], workers=2)


def _is_accepted(
    log: list[traces.Event], folder: Path, *, one_order: bool = False, dumps: bool = False, to_the_end: bool = False
) -> bool:
    # A runtime at rest begins a new log: then the first that each worker records is that it gets up.
    first = [next((event.kind for event in log if event.lane == lane), "unpark") for lane in range(2)]
    at_rest = not one_order and all(kind in ("unpark", "dump") for kind in first)
    settings = {"ONE_ORDER": one_order, "DUMPS": dumps, "SHUTS_DOWN": to_the_end, "STARTS_AT_REST": at_rest, "AT_LIMIT": False}
    defines = [f"{name}={int(value)}" for name, value in settings.items()]
    violated = examine("trace", defines, folder, log=traces.as_header(log, workers=2)).violated
    return violated is not None and "accepted" in violated  # trace.pml claims that no log can be; any other error is none of it


def _without_last(log: list[traces.Event], kind: str) -> list[traces.Event]:
    place = max(place for place, event in enumerate(log) if event.kind == kind)
    return log[:place] + log[place + 1 :]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_log_of_a_simulation_is_accepted(seed: int, tmp_path: Path) -> None:
    assert _is_accepted(_simulated(seed), tmp_path, one_order=True)


def test_the_log_of_a_run_on_threads_is_accepted(tmp_path: Path) -> None:
    assert _is_accepted(_real(), tmp_path)


def test_the_log_of_a_run_on_threads_without_its_last_wake_is_refused(tmp_path: Path) -> None:
    assert not _is_accepted(_without_last(_real(), "wake"), tmp_path)


@pytest.mark.needs_dump
def test_the_log_of_a_dump_on_threads_is_accepted(tmp_path: Path) -> None:
    assert _is_accepted(_real(dumps=True), tmp_path, dumps=True)


@pytest.mark.needs_dump
def test_the_log_of_a_complete_dump_to_which_one_worker_did_not_come_is_refused(tmp_path: Path) -> None:
    assert not _is_accepted(_without_last(_real(dumps=True), "dump"), tmp_path, dumps=True)


def test_the_log_of_a_runtime_until_its_end_is_accepted(tmp_path: Path) -> None:
    assert _is_accepted(_real(to_the_end=True), tmp_path, to_the_end=True)


def test_the_log_of_a_runtime_whose_worker_left_in_its_sleep_is_refused(tmp_path: Path) -> None:
    assert not _is_accepted(_without_last(_real(to_the_end=True), "unpark"), tmp_path, to_the_end=True)


@pytest.mark.parametrize("kind", ["spawn", "poll_begin", "steal", "wake"])
@pytest.mark.parametrize("doubled", [False, True], ids=["removed", "doubled"])
def test_a_log_that_was_tampered_with_is_refused(kind: str, doubled: bool, tmp_path: Path) -> None:
    log = _simulated(1)
    place = next(place for place, event in enumerate(log) if event.kind == kind and event.lane < 2)
    tampered = log[: place + 1] + log[place:] if doubled else log[:place] + log[place + 1 :]
    assert not _is_accepted(tampered, tmp_path, one_order=True)
