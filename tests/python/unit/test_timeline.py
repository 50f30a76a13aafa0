"""The timeline of a runtime as NumPy arrays over the memory that its workers write to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stealscope as ss
from stealscope import _core

np = pytest.importorskip("numpy")

pytestmark = pytest.mark.skipif(not ss.features()["timeline"], reason="this build writes no timelines")

KIND = {name: number for number, name in enumerate(_core.EVENT_KINDS)}


@pytest.fixture
def rt() -> Iterator[ss.Runtime]:
    with ss.Runtime(workers=2) as runtime:
        yield runtime


def test_every_spawn_and_poll_of_a_run_is_on_it(rt: ss.Runtime) -> None:
    timeline = _core.timeline_on(rt._native, 100_000)
    before = rt.handle.metrics(settled=True)
    rt.run(ss.workloads.fib(12))
    after = rt.handle.metrics(settled=True)
    events = np.concatenate([timeline.events(lane) for lane in range(timeline.lanes)])
    assert timeline.lanes == 3
    assert events.dtype.names == ("at", "task", "worker", "other", "count", "kind")
    spawned = after["spawned_tasks_count"] - before["spawned_tasks_count"]
    assert np.count_nonzero(events["kind"] == KIND["spawn"]) == spawned
    assert not np.any(events["kind"] == KIND["none"])
    for lane in range(2):
        own = timeline.events(lane)
        assert np.all(own["worker"] == lane)
        assert np.all(np.diff(own["at"].astype("i8")) >= 0)


def test_an_array_is_read_only_and_outlives_its_runtime() -> None:
    with ss.Runtime(workers=1) as runtime:
        timeline = _core.timeline_on(runtime._native, 1_000)
        runtime.run(ss.workloads.fib(5))
        _core.timeline_off(runtime._native)
        assert _core.timeline_of(runtime._native) is None
        events = timeline.events(0)
    del timeline, runtime
    assert len(events) > 0
    assert events["at"].min() > 0
    with pytest.raises(ValueError, match="read-only"):
        events["at"] = 0


def test_a_full_lane_counts_what_it_drops(rt: ss.Runtime) -> None:
    timeline = _core.timeline_on(rt._native, 10)
    rt.run(ss.workloads.fib(12))
    rt.handle.metrics(settled=True)
    assert max(timeline.dropped(lane) for lane in range(2)) > 0
    assert all(len(timeline.events(lane)) <= 10 for lane in range(3))
    with pytest.raises(IndexError, match=r"lane 3; there are 0\.\.2"):
        timeline.events(3)
