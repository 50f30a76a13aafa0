"""Progress of long calls: on standard error alone, with whatever is installed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable

import pytest
import stealscope as ss
from stealscope import _progress, workloads
from stealscope.calibration import predictions

GRAPH = workloads.pattern("stencil_1d", width=4, steps=5, cost_ns=1000)


def on_threads() -> None:
    with ss.Runtime(1) as runtime:
        runtime.run(GRAPH, progress=True)


def explored() -> None:
    ss.Simulation(2, costs=ss.Costs.zero()).explore(workloads.fib(3), preemptions=1, max_schedules=5, progress=True)


CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "threads": (on_threads, "20 of 20 tasks"),
    "simulation": (lambda: ss.Simulation(2).run(GRAPH, progress=True), "20 of 20 tasks"),
    "unknown": (lambda: ss.Simulation(2).run(workloads.fib(3), progress=True), "fib(n=3): "),
    "explore": (explored, "explore: 5 schedules"),
    "calibrate": (lambda: ss.calibrate(rounds=3, progress=True), "calibrate: 3 of 3 rounds"),
}


def only(monkeypatch: pytest.MonkeyPatch, *installed: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "stealscope._progress.importlib.util.find_spec",
        lambda name: real(name) if name in installed or name not in ("tqdm", "rich", "ipywidgets") else None,
    )


@pytest.mark.needs_metrics
@pytest.mark.parametrize("name", CALLS)
def test_a_long_call_says_how_far_it_is_without_any_extra(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch)
    call, words = CALLS[name]
    call()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err


@pytest.mark.parametrize("library", ["tqdm", "rich"])
def test_a_bar_counts_without_knowing_the_end(
    library: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(library, reason="this is about how it looks with it")
    only(monkeypatch, library)
    with _progress.progress_bar(None, True, what="[some]", unit="thing") as advance:
        advance(3)
        advance(1, 1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "[some]" in captured.err


def test_nothing_is_printed_unless_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    ss.Simulation(2).run(GRAPH)
    assert capsys.readouterr() == ("", "")


def test_a_run_with_progress_times_out_as_one_without() -> None:
    endless = workloads.program([[workloads_sleep()]])
    with ss.Runtime(1) as runtime, pytest.raises(TimeoutError, match="had not ended after"):
        runtime.run(endless, timeout=0.01, progress=True)


def workloads_sleep() -> ss.program.Sleep:
    return ss.program.Sleep(3600 * 10**9)


def test_predictions_say_how_far_they_are(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    only(monkeypatch)
    monkeypatch.setattr(sys.modules[predictions.__module__], "_cases", lambda: [workloads.fib(3)])
    assert len(predictions(ss.Costs(), repeats=1, progress=True)) == 2
    assert "predictions: 2 of 2 cases" in capsys.readouterr().err
