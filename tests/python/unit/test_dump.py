"""`Handle.dump` and what is made of it: tasks, frames, selections, text, HTML; on a signal, at a time-out, from a watchdog."""

from __future__ import annotations

import asyncio
import json
import logging
import pathlib
import re
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
import stealscope as ss

LIMIT = 20.0


async def wait_for(event: ss.Event) -> None:
    await event.wait()


def until(holds: Any) -> None:
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.002)


def without_ages(dump: str) -> str:
    """Without what differs between runs: ages, folders, numbers of polls."""
    return re.sub(r"\d+ polls, [\d.]+ \w+ old|[\w./-]*/(?=deadlock\.py)", "", dump).strip()


@pytest.mark.without_dump
def test_a_build_without_dumps_says_which_option_it_lacks() -> None:
    with ss.Runtime(workers=1) as rt, pytest.raises(ss.FeatureNotEnabled, match="TASKDUMP"):
        rt.handle.dump()


@pytest.mark.needs_dump
class TestDump:
    def test_a_deadlock_shows_where_both_tasks_wait(self, tmp_path: pathlib.Path) -> None:
        page = (pathlib.Path(__file__).parents[3] / "docs" / "waiting.md").read_text(encoding="utf-8")
        example, shown = re.findall(r"```(?:python|text)\n(.*?)```", page, re.DOTALL)
        script = tmp_path / "deadlock.py"
        script.write_text(example, encoding="utf-8")
        run = [sys.executable, script.name]
        out = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path).stdout
        assert without_ages(out) == without_ages(shown), "the page shows something else"

    def test_every_waiting_task_is_listed_once_with_its_frames(self) -> None:
        event = ss.Event()
        with ss.Runtime(workers=2) as rt:
            handles = [rt.spawn(wait_for, event, name="waiter") for _ in range(50)]
            until(lambda: len(rt.handle.dump().filter(state="idle")) == 50)
            dump = rt.handle.dump()
            event.set()
            for handle in handles:
                handle.result(LIMIT)
        assert dump.complete
        assert sorted(task.id for task in dump) == sorted(handle.id for handle in handles)
        for task in dump:
            assert (task.kind, task.state, task.waits_for) == ("coroutine", "idle", "event")
            assert task.frames[-1].function == "wait_for"
            assert task.spawned_at.file == __file__

    def test_a_worker_in_a_long_poll_is_named_and_its_frames_are_shown(self) -> None:
        go = threading.Event()
        with ss.Runtime(workers=2) as rt:
            handle = rt.spawn(go.wait, name="stuck")
            until(lambda: rt.handle.metrics()["workers"][0]["in_poll_task"] or rt.handle.metrics()["workers"][1]["in_poll_task"])
            dump = rt.handle.dump(timeout=0.02)
            go.set()
            handle.result(LIMIT)
            assert rt.spawn(int).result(LIMIT) == 0
        assert not dump.complete
        assert len(dump.missing_workers) == 1
        (task,) = dump.filter(name="stuck")
        assert task.state == "running"
        assert task.frames[-1].function.endswith("wait")

    def test_a_coroutine_awaits_its_own_dump(self) -> None:
        async def look() -> ss.Dump:
            return await ss.current().dump_async()

        async def wrong() -> None:
            ss.current().dump()

        with ss.Runtime(workers=1) as rt:
            dump = rt.spawn(look).result(LIMIT)
            assert dump.complete
            assert len(dump) == 1
            with pytest.raises(RuntimeError, match="dump_async"):
                rt.spawn(wrong).result(LIMIT)

    @pytest.mark.parametrize("way", ["a deadline", "its task is cancelled", "asyncio cancels it"])
    def test_a_dump_that_is_given_up_lets_the_worker_go_that_stands_still_for_it(self, way: str) -> None:
        """The other worker is in its poll all the time, and the dump's own limit is far away."""

        async def give_up(rt: ss.Runtime) -> None:
            if way == "asyncio cancels it":
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(rt.handle.dump_async(3600.0), 0.02)
                return
            begun = threading.Event()
            handle = rt.spawn(dump_for_long, begun, 0.02 if way == "a deadline" else None)
            if way == "its task is cancelled":
                await asyncio.to_thread(begun.wait, LIMIT)
                handle.cancel()
            with pytest.raises((TimeoutError, asyncio.CancelledError)):
                await handle

        async def dump_for_long(begun: threading.Event, deadline: float | None) -> None:
            begun.set()
            async with ss.timeout(deadline):
                await ss.current().dump_async(3600.0)

        async def main(rt: ss.Runtime) -> None:
            go = threading.Event()
            held = rt.spawn(go.wait)
            try:
                while not any(worker["in_poll_task"] for worker in rt.handle.metrics()["workers"]):
                    await asyncio.sleep(0)
                for _ in range(5):
                    await asyncio.wait_for(give_up(rt), LIMIT)
                    assert await asyncio.wait_for(rt.spawn(int), LIMIT) == 0
                assert not held.done()
            finally:
                go.set()
            await held

        with ss.Runtime(workers=2) as rt:
            asyncio.run(main(rt))
            assert rt.handle.dump(timeout=LIMIT).complete

    def test_selections_and_forms_of_a_dump(self) -> None:
        event = ss.Event()
        with ss.Runtime(workers=1) as rt:
            for name in ("a", "a", "<b>"):
                rt.spawn(wait_for, event, name=name)
            until(lambda: len(rt.handle.dump().filter(state="idle")) == 3)
            dump = rt.handle.dump()
            event.set()
        assert len(dump.filter(name="a")) == 2
        with pytest.raises(ValueError, match="state='asleep'; need one of running"):
            dump.filter(state="asleep")
        ((line, tasks),) = dump.waiting_on().items()
        assert "in wait_for" in line
        assert len(tasks) == 3
        assert json.loads(json.dumps(dump.to_dict()))["complete"] is True
        assert "<b>'" not in dump._repr_html_()
        assert "&lt;b&gt;" in dump._repr_html_()
        frame = dump.to_frame()
        assert list(frame["waits_for"]) == ["event"] * 3

    def test_a_time_out_of_run_and_of_shutdown_keeps_a_dump(self, caplog: pytest.LogCaptureFixture) -> None:
        rt = ss.Runtime(workers=1)
        slow = ss.workloads.fork_join(1, 1, 300_000_000)
        with pytest.raises(TimeoutError, match="it was cancelled") as caught:
            rt.run(slow, timeout=0.05)
        assert isinstance(caught.value.dump, ss.Dump)  # type: ignore[attr-defined]
        rt.spawn(wait_for, ss.Event(), name="never")
        with caplog.at_level(logging.WARNING, logger="stealscope"):
            assert rt.shutdown(timeout=1.0) is False
        assert rt.last_shutdown_dump is not None
        assert len(rt.last_shutdown_dump.filter(name="never")) == 1
        assert "not shut down" in caplog.text
        assert rt.shutdown(cancel=True)

    @pytest.mark.needs_metrics
    def test_a_watchdog_tells_a_long_poll_once(self, caplog: pytest.LogCaptureFixture) -> None:
        told: list[ss.Dump] = []
        go = threading.Event()
        with caplog.at_level(logging.WARNING, logger="stealscope"), ss.Runtime(workers=1, watchdog=(0.02, told.append)) as rt:
            handle = rt.spawn(go.wait, name="long")
            until(lambda: told)
            time.sleep(0.05)
            go.set()
            handle.result(LIMIT)
        assert len(told) == 1
        assert len(told[0].filter(name="long")) == 1
        assert "has been in one poll" in caplog.text

    @pytest.mark.needs_metrics
    @pytest.mark.parametrize("bad", [0, -1.0, float("nan"), (1.0, 5)])
    def test_a_watchdog_that_makes_no_sense_is_refused(self, bad: Any) -> None:
        with pytest.raises((TypeError, ValueError)):
            ss.Runtime(workers=1, watchdog=bad)

    def test_a_signal_prints_a_dump_and_calls_the_handler_before(self) -> None:
        program = """
import os, signal, time
import stealscope as ss
signal.signal(signal.SIGUSR1, lambda *_: print("before", flush=True))
ss.dump_on_signal(signal.SIGUSR1)
async def wait(event):
    await event.wait()
with ss.Runtime(workers=1) as rt:
    rt.spawn(wait, ss.Event(), name="patient")
    rt.handle.metrics(settled=True, timeout=20)
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.1)
    rt.shutdown(cancel=True)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == "before\n"
        assert "'patient'" in done.stderr
