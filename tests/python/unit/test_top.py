"""``stealscope top``: rates from two snapshots, the picture at several sizes, and the command on another process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stealscope as ss
from stealscope import __main__ as command_line
from stealscope._commands import screen
from stealscope._commands.top_view import as_text, rates
from stealscope.metrics import RUNTIME_COUNTERS, RUNTIME_GAUGES, WORKER_COUNTERS

INFO = {"pid": 7, "program": "program.py", "runtime": "ss-worker#1", "workers": 2, "policy": "tokio"}
MS = 1_000_000

PROGRAM = """
import sys
import stealscope as ss

async def wait(event):
    await event.wait()

with ss.Runtime(2, name="other") as rt:
    event = ss.Event()
    waiter = rt.spawn(wait, event, name="waiter")
    while rt.handle.metrics()["workers"][0]["park_unpark_count"] == 0:
        pass
    print(rt.serve().path, flush=True)
    sys.stdin.readline()
    event.set()
    waiter.result()
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="ss"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def program(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that serves a runtime; `args` holds the socket's path."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_RUNTIME_DIR": str(folder)},
    ) as process:
        assert process.stdout is not None
        process.args = process.stdout.readline().strip()
        yield process
        process.communicate("\n", timeout=60)
        assert process.returncode == 0


@pytest.fixture
def at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


def snapshot(elapsed: int, *workers: dict[str, Any], **totals: int) -> dict[str, Any]:
    plain = dict.fromkeys(WORKER_COUNTERS, 0) | {"queue_depth": 0, "in_poll_since": None, "in_poll_task": None}
    zero: dict[str, Any] = dict.fromkeys((*RUNTIME_COUNTERS, *RUNTIME_GAUGES), 0)
    return zero | {"runtime": "ss-worker#1", "workers": [plain | own for own in workers], "elapsed": elapsed} | totals


def test_counts_become_rates_by_the_second() -> None:
    before = snapshot(1000 * MS, {"task_poll_count": 10}, {"steal_operations": 1})
    after = snapshot(1500 * MS, {"task_poll_count": 110}, {"steal_operations": 5}, spawned_tasks_count=50)
    data = rates(INFO, before, after, 100 * MS)
    assert [worker["polls"] for worker in data["workers"]] == [200, 0]
    assert (data["totals"]["polls"], data["totals"]["steals"], data["totals"]["spawned"]) == (200, 8, 100)
    json.dumps(data, allow_nan=False)


def test_a_worker_is_busy_parked_or_searching() -> None:
    states = [{"in_poll_since": 5, "in_poll_task": 3}, {"park_unpark_count": 7}, {"park_unpark_count": 8}]
    data = rates(INFO, snapshot(0, {}, {}, {}), snapshot(10, *states), 100)
    assert [worker["state"] for worker in data["workers"]] == ["busy", "parked", "searching"]


def test_a_poll_that_goes_on_counts_as_busy_in_each_window_once() -> None:
    first = snapshot(1000, {})
    second = snapshot(2000, {"in_poll_since": 1400, "in_poll_task": 9})
    third = snapshot(3000, {"in_poll_since": 1400, "in_poll_task": 9})
    last = snapshot(4000, {"busy_duration_total": 1700})  # it ended at 3100, and was published then
    busy = [rates(INFO, *pair, 1600)["workers"][0]["busy"] for pair in ((first, second), (second, third), (third, last))]
    assert busy == [0.6, 1.0, 0.1]


def test_a_poll_is_slow_from_the_limit_on() -> None:
    data = rates(INFO, snapshot(0, {}, {}), snapshot(100, {"in_poll_since": 0}, {"in_poll_since": 1}), 100)
    assert [worker["slow"] for worker in data["workers"]] == [True, False]
    assert data["totals"]["slow"] == 1


def test_a_build_without_the_unstable_metrics_shows_what_it_has() -> None:
    few = ("busy_duration_total", "queue_depth", "park_count", "park_unpark_count")

    def stable(elapsed: int) -> dict[str, Any]:
        totals = {"elapsed": elapsed, "num_workers": 1, "num_alive_tasks": 4, "injection_queue_depth": 2}
        return totals | {"runtime": "r", "workers": [dict.fromkeys(few, 0)]}

    data = rates(INFO, stable(0), stable(10), 1)
    assert data["workers"][0]["polls"] is None
    text = as_text(data)
    assert "4 alive" in text
    assert "blocking" not in text


def picture(workers: int, width: int | None, height: int | None) -> list[str]:
    last = {"in_poll_since": 0, "in_poll_task": 12, "task_poll_count": 123_456_789, "gil_wait_time": 50}
    after = snapshot(3_000 * MS, *[{}] * (workers - 1), last)
    return as_text(rates(INFO, snapshot(0, *[{}] * workers), after, MS), width, height).splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut_off_at_usual_widths(width: int) -> None:
    lines = picture(2, width, 24)
    assert max(len(line) for line in lines) <= width
    assert lines[-1].endswith("task 12, 3 s slow")
    assert ("##########" in lines[-1]) == (width == 120)


def test_workers_that_do_not_fit_are_summed_up_and_slow_ones_stay() -> None:
    lines = picture(256, 80, 24)
    assert len(lines) <= 24
    assert lines[-1].startswith("and 243 more: 243 searching, 0% busy")
    assert lines[-2].startswith("255 ")


@pytest.mark.usefixtures("at_home")
class TestCommand:
    def test_once_prints_one_document_of_another_process(
        self, program: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command_line.main(["top", "--once", "--json"]) == 0
        data = json.loads(capsys.readouterr().out)
        assert (data["info"]["pid"], data["info"]["workers"]) == (program.pid, 2)
        assert data["totals"]["num_alive_tasks"] == 1
        assert data["window"] > 0
        assert [worker["worker"] for worker in data["workers"]] == [0, 1]

    def test_a_process_or_a_path_may_be_named(self, program: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]) -> None:
        for which in (str(program.pid), str(program.args)):
            assert command_line.main(["top", which, "--once"]) == 0
            assert f"pid {program.pid} (-c): 2 workers, policy tokio" in capsys.readouterr().out

    @pytest.mark.needs_dump
    def test_its_dump_is_printed(self, program: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert command_line.main(["top", "--dump"]) == 0
        assert "waits for: event" in capsys.readouterr().out
        assert command_line.main(["top", "--dump", "--json"]) == 0
        assert [task["name"] for task in json.loads(capsys.readouterr().out)["tasks"]] == ["waiter"]

    def test_several_are_listed(self, program: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]) -> None:
        with ss.Runtime(workers=1) as rt:
            path = rt.serve().path
            assert command_line.main(["top", "--json"]) == 0
            listed = {entry["path"]: entry["pid"] for entry in json.loads(capsys.readouterr().out)["served"]}
            assert listed == {str(path): os.getpid(), program.args: program.pid}
            assert command_line.main(["top"]) == 0
            assert "2 runtimes are served; choose one" in capsys.readouterr().out

    def test_the_end_of_the_runtime_ends_it_and_is_said(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with ss.Runtime(workers=1) as rt:
            server = rt.serve()
            shown: list[object] = []
            monkeypatch.setattr(screen, "print_json", lambda picture, indent: (shown.append(picture), server.close()))
            assert command_line.main(["top", str(os.getpid()), "--json", "--every", "0.01"]) == 0
        assert len(shown) == 1
        assert f"of process {os.getpid()} is gone" in capsys.readouterr().err

    def test_an_interrupt_ends_it_cleanly(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        def interrupt(text: str) -> None:
            raise KeyboardInterrupt

        with ss.Runtime(workers=1) as rt:
            monkeypatch.setattr(screen, "say", interrupt)
            assert command_line.main(["top", str(rt.serve().path), "--every", "0.01"]) == 0
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize(
        ("arguments", "status", "message"),
        [
            (["1"], 1, "no runtime of yours is served in process 1; call rt.serve()"),
            (["nowhere"], 2, "'nowhere' is no process id and no socket"),
            (["--every", "0"], 2, "'0'; need seconds > 0"),
            (["--slow", "soon"], 2, "'soon'; need seconds > 0"),
        ],
    )
    def test_what_cannot_be_shown_is_one_clear_line(
        self, arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command_line.main(["top", *arguments]) == status
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert message in err
