"""The live view: what it shows, and that it ends with its block, with a call, with the runtime, and with Ctrl-C."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import stealscope as ss
from stealscope import _watch_screens, watch
from stealscope.watch import LiveView


def snapshot(elapsed: int, **worker: Any) -> dict[str, Any]:
    whole = {
        "busy_duration_total": 0,
        "queue_depth": 0,
        "task_poll_count": 0,
        "steal_operations": 0,
        "park_count": 0,
        "park_unpark_count": 0,
        "in_poll_task": None,
        "in_poll_since": None,
    }
    scalars = {"runtime": "r#1", "num_workers": 2, "num_alive_tasks": 3, "injection_queue_depth": 4, "spawned_tasks_count": 0}
    return {"elapsed": elapsed, **scalars, "workers": [whole | worker, dict(whole, park_unpark_count=1)]}


def view(**changes: Any) -> LiveView:
    after = snapshot(2_000_000_000, busy_duration_total=250_000_000, task_poll_count=500, queue_depth=7, **changes)
    return LiveView.between(snapshot(1_000_000_000), after)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ss-watch"]


class Shown:
    """Collects views, and lets a test wait for one."""

    def __init__(self) -> None:
        self.views: list[LiveView] = []
        self.some = threading.Event()

    def __call__(self, new: LiveView) -> None:
        self.views.append(new)
        self.some.set()


def test_a_view_has_shares_and_rates_over_its_interval() -> None:
    first, second = view().workers
    assert (first["busy"], first["polls"], first["queue"], first["now"]) == (0.25, 500.0, 7, "awake")
    assert (second["busy"], second["now"]) == (0.0, "asleep")
    assert view().busy == 0.125
    assert (view().alive, view().queued, view().shared) == (3, 7, 4)


def test_a_poll_that_goes_on_counts_as_busy_and_is_named_once_it_is_slow() -> None:
    long = view(in_poll_task=17, in_poll_since=1_200_000_000)
    assert [worker["busy"] for worker in long.workers] == [1.0, 0.0]  # 0.25 s of ended polls, and 0.8 s of this one
    assert view(in_poll_task=17, in_poll_since=1_500_000_000).workers[0]["busy"] == 0.75
    assert [(poll.worker, poll.task, poll.lasted) for poll in long.slow] == [(0, 17, 800_000_000)]
    assert "slow: worker 0 in task 17 for 800 ms" in long.line
    assert view(in_poll_task=17, in_poll_since=1_950_000_000).slow == ()


def test_a_view_of_a_build_that_counts_less_says_so_with_dashes() -> None:
    few = {"elapsed": 0, "runtime": "r#1", "num_alive_tasks": 0, "injection_queue_depth": 0, "workers": [{}]}
    seen = LiveView.between(few, few | {"elapsed": 10})
    assert seen.busy is None
    assert seen.rows() == [(0, None, None, None, None, None, None, None)]


def test_a_view_is_text_html_and_json() -> None:
    seen = view()
    assert "500 polls/s" in seen.line
    assert "asleep" in str(seen)
    assert "<script" not in seen._repr_html_()
    assert json.loads(json.dumps(seen.to_dict()))["alive"] == 3


def test_a_watch_ends_with_its_block() -> None:
    shown = Shown()
    with ss.Runtime(1) as runtime:
        with runtime.watch(every=0.01, show=shown) as running:
            assert shown.some.wait(30)
        assert not running.running
        assert not threads()
        assert running.last is shown.views[-1]


def test_a_watch_ends_with_the_runtime_and_its_last_view_says_so() -> None:
    shown = Shown()
    with ss.Runtime(1) as runtime:
        running = runtime.watch(every=3600, show=shown)
        runtime.spawn(int).result(30)
    assert not running.running
    assert not threads()
    assert shown.views[-1].ended
    assert "ended" in shown.views[-1].line


def test_ctrl_c_while_waiting_ends_the_view_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with ss.Runtime(1) as runtime:
        running = runtime.watch(every=3600, show=Shown())
        real, presses = running._ended.wait, iter([KeyboardInterrupt])

        def wait(timeout: float | None = None) -> bool:
            for press in presses:
                raise press
            return real(timeout)

        monkeypatch.setattr(running._ended, "wait", wait)
        assert running.wait() is True
        assert not threads()
        assert runtime.spawn(int).result(30) == 0


def test_a_view_that_cannot_be_drawn_ends_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fails(view: LiveView) -> None:
        raise ValueError("no ink")

    with ss.Runtime(1) as runtime:
        assert runtime.watch(every=0.001, show=fails).wait(30)
    assert "no ink" in caplog.text


def test_without_a_terminal_each_view_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with ss.Runtime(1) as runtime:
        runtime.watch(every=3600).stop()
    (line,) = capsys.readouterr().out.splitlines()
    assert "0 alive" in line


def test_in_a_terminal_rich_draws_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich", reason="this is about how it looks with rich")
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=120).print(_watch_screens._drawn(view(in_poll_task=17, in_poll_since=0), 40))
    assert "in task 17" in out.getvalue()
    Console(file=out, width=120).print(_watch_screens._drawn(view(), 4))
    assert "and 1 more workers" in out.getvalue()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda runtime: runtime.watch(every=0), "every=0; need seconds > 0"),
        (lambda runtime: runtime.watch(every=-1), "every=-1; need finite seconds >= 0"),
        (lambda runtime: runtime.watch(slow=-1), "slow=-1"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Callable[[ss.Runtime], object], words: str) -> None:
    with ss.Runtime(1) as runtime, pytest.raises(ValueError, match=words):
        call(runtime)


def test_an_ended_runtime_is_not_watched() -> None:
    with ss.Runtime(1) as runtime:
        pass
    with pytest.raises(ss.RuntimeClosed, match="has ended"):
        runtime.watch()


def test_a_watch_shows_what_it_is_of() -> None:
    with ss.Runtime(1) as runtime, runtime.watch(every=3600, show=Shown()) as running:
        assert "running" in repr(running)
    assert "ended" in repr(running)
    assert watch.WORKER_HEADS[0] == "worker"
