"""What tokio-console is told of a runtime, over its own protocol; here gRPC's client asks, in `test_real_tokio_console.py` the real one."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stealscope as ss

pytest.importorskip("grpc", reason="grpcio is not installed; the extra stealscope[console] brings it")
pytest.importorskip("google.protobuf", reason="protobuf is not installed; the extra stealscope[console] brings it")
import grpc
from stealscope.integrations import tokio_console
from stealscope.integrations._console_histogram import bucket_of, highest_of, serialized
from stealscope.integrations._console_wire import LIVE, PAUSED, SERVICE, messages

pytestmark = pytest.mark.needs_dump

_PATIENCE = 60.0


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private folder with a short name, where this user's sockets are while the test runs."""
    folder = Path(tempfile.mkdtemp(prefix="ss"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


class Console:
    """What tokio-console keeps: tasks and their latest stats, and the states that it reads out of them."""

    def __init__(self, url: str) -> None:
        self._channel = grpc.insecure_channel(url.replace("file://localhost", "unix:").removeprefix("http://"))
        self.tasks: dict[int, Any] = {}
        self.stats: dict[int, Any] = {}
        self.sent: Counter[int] = Counter()
        self.updates = self.ask("WatchUpdates", "Update")

    def ask(self, method: str, answer: str, request: Any = None) -> Any:
        kind = self._channel.unary_stream if method.startswith("Watch") else self._channel.unary_unary
        call = kind(
            f"/{SERVICE}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=getattr(messages(), answer).FromString,
        )
        return call(messages().Empty() if request is None else request, timeout=_PATIENCE)

    def read(self) -> Any:
        """The next update."""
        update = next(self.updates)
        told = {entry.key: entry.value for entry in update.task_update.stats_update}
        for task in update.task_update.new_tasks:
            assert task.id.id in told, "a task that comes without its stats is dropped"
            self.tasks[task.id.id] = task
        self.stats |= told
        self.sent.update(told.keys())
        return update

    def read_until(self, task: int, state: str) -> None:
        """Updates until that task is seen in a state."""
        while task not in self.tasks or self.state(task) != state:
            self.read()

    def state(self, task: int) -> str:
        """As tokio-console 0.1 tells it, in its ``TaskState``."""
        stats = self.stats[task]
        woken, (began, ended) = (
            ns(stats, "last_wake"),
            (ns(stats.poll_stats, f"last_poll_{what}") for what in ("started", "ended")),
        )
        if stats.HasField("dropped_at"):
            return "completed"
        return "running" if began > ended else "scheduled" if woken > began else "idle"

    def fields(self, task: int) -> dict[str, Any]:
        return {field.str_name: field.str_val or field.u64_val for field in self.tasks[task].fields}

    def close(self) -> None:
        self._channel.close()


def ns(message: Any, name: str) -> int:
    """A time or a duration, -1 if it is not there."""
    value = getattr(message, name)
    return int(value.seconds) * 10**9 + int(value.nanos) if message.HasField(name) else -1


@contextlib.contextmanager
def looking(runtime: ss.Runtime, **options: Any) -> Iterator[Console]:
    server = tokio_console.serve(runtime, **({"every": 0.02} | options))
    console = Console(server.url)
    try:
        yield console
    finally:
        console.close()
        server.close()


async def wait_for(event: ss.Event) -> None:
    await event.wait()


def until(holds: Any) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# ---- what is told ----


def test_each_task_is_told_with_its_name_kind_and_the_line_that_spawned_it(place: Path) -> None:
    event = ss.Event()
    with ss.Runtime(workers=2) as rt, looking(rt) as console:
        waiter = rt.spawn(wait_for, event, name="the waiter")
        job = rt.spawn_blocking(event.wait_blocking)
        console.read_until(waiter.id, "idle")
        console.read_until(job.id, "running")
        event.set()
    code = test_each_task_is_told_with_its_name_kind_and_the_line_that_spawned_it.__code__
    task = console.tasks[waiter.id]
    assert console.fields(waiter.id) == {
        "task.id": waiter.id, "task.name": "the waiter", "kind": "coroutine", "spawned.in": code.co_name,
    }  # fmt: skip
    assert Path(task.location.file) == Path(__file__)
    assert code.co_firstlineno < task.location.line < code.co_firstlineno + 6
    assert (task.kind, console.tasks[job.id].kind) == (0, 1)
    assert console.fields(job.id)["kind"] == "blocking"
    assert "task.name" not in console.fields(job.id)


def test_states_are_those_of_a_dump(place: Path) -> None:
    event, go = ss.Event(), threading.Event()
    with ss.Runtime(workers=1) as rt, looking(rt) as console:
        idle = rt.spawn(wait_for, event)
        console.read_until(idle.id, "idle")
        running = rt.spawn(go.wait)
        scheduled = rt.spawn(wait_for, event)
        console.read_until(running.id, "running")
        console.read_until(scheduled.id, "scheduled")
        assert console.state(idle.id) == "idle"
        assert ns(console.stats[idle.id], "dropped_at") == -1
        go.set()
        console.read_until(running.id, "completed")
        console.read_until(scheduled.id, "idle")
        event.set()
        console.read_until(idle.id, "completed")


def test_what_waits_is_held_by_what_will_wake_it(place: Path) -> None:
    event = ss.Event()
    with ss.Runtime(workers=1) as rt, looking(rt) as console:
        task = rt.spawn(wait_for, event)
        console.read_until(task.id, "idle")
        assert console.stats[task.id].waker_clones == 1  # with none tokio-console warns that it will never wake
        event.set()


def test_only_what_has_changed_comes_again(place: Path) -> None:
    event = ss.Event()
    with ss.Runtime(workers=1) as rt, looking(rt) as console:
        still = rt.spawn(wait_for, event)
        console.read_until(still.id, "idle")
        before = console.sent[still.id]
        for _ in range(5):
            console.read()
        assert console.sent[still.id] == before
        event.set()


def test_a_second_console_is_told_everything(place: Path) -> None:
    event = ss.Event()
    with ss.Runtime(workers=1) as rt:
        server = tokio_console.serve(rt, every=0.02)
        tasks = {rt.spawn(wait_for, event).id for _ in range(3)}
        for console in (Console(server.url), Console(server.url)):
            assert console.read().new_metadata.metadata[0].metadata.target == "stealscope"
            assert console.tasks.keys() >= tasks
        event.set()


def test_many_tasks_come_in_pieces_that_a_client_takes(place: Path) -> None:
    event, many = ss.Event(), 6_000
    name = "a long name, " * 60
    with ss.Runtime(workers=1) as rt:
        for _ in range(many):
            rt.spawn(wait_for, event, name=name)
        with looking(rt) as console:
            pieces = [console.read()]
            while len(console.tasks) < many:
                pieces.append(console.read())
            assert {ns(piece, "now") for piece in pieces} == {ns(pieces[0], "now")}
            assert len(pieces) > 4  # in one they would be more than the 4 MiB that gRPC's clients take
        event.set()


# ---- times ----


@pytest.mark.needs_timeline
def test_times_and_wakes_of_a_task_are_counted_from_its_events(place: Path) -> None:
    spell = 2_000_000

    async def work() -> None:
        for _ in range(10):
            await ss.work(ns=spell)
            await ss.sleep(0.001)

    with ss.Runtime(workers=1) as rt, looking(rt) as console:
        console.read()
        until(
            lambda: rt.handle.metrics()["workers"][0]["park_unpark_count"] % 2 == 1
        )  # asleep: as it wakes up it sees the timeline
        task = rt.spawn(work)
        task.result()
        console.read_until(task.id, "completed")
        stats = console.stats[task.id]
        assert stats.wakes == 10
        assert ns(stats.poll_stats, "busy_time") >= 10 * spell
        assert 0 < ns(stats, "scheduled_time") < ns(stats, "dropped_at") - ns(stats, "created_at")


@pytest.mark.needs_timeline
def test_histograms_of_a_task_have_each_of_its_polls(place: Path) -> None:
    async def work() -> None:
        for _ in range(100):
            await ss.yield_now()
        await event.wait()

    event = ss.Event()
    with ss.Runtime(workers=1) as rt, looking(rt) as console:
        console.read()
        until(lambda: rt.handle.metrics()["workers"][0]["park_unpark_count"] % 2 == 1)
        task = rt.spawn(work)
        console.read_until(task.id, "idle")
        request = messages().TaskDetailsRequest(id=messages().Id(id=task.id))
        details = next(console.ask("WatchTaskDetails", "TaskDetails", request))
        assert details.task_id.id == task.id
        polls, waits = (
            deserialized(details.histogram.raw_histogram),
            deserialized(details.scheduled_times_histogram.raw_histogram),
        )
        assert sum(polls.values()) == sum(waits.values()) == console.stats[task.id].poll_stats.polls == 101
        event.set()


@pytest.mark.needs_timeline
def test_a_timeline_is_written_only_while_somebody_looks(place: Path) -> None:
    with ss.Runtime(workers=1) as rt:
        server = tokio_console.serve(rt, every=0.02)
        assert rt.handle.timeline() is None
        console = Console(server.url)
        console.read()
        assert rt.handle.timeline() is not None
        console.close()
        until(lambda: rt.handle.timeline() is None)
        console = Console(server.url)
        console.read()
        server.close()
        assert rt.handle.timeline() is None
        console.close()
        with looking(rt, times=False) as console:
            console.read()
            assert rt.handle.timeline() is None


@pytest.mark.needs_timeline
def test_a_timeline_of_the_runtime_is_read_and_left_alone(place: Path) -> None:
    with ss.Runtime(workers=1, timeline=1000) as rt:
        with looking(rt) as console:
            console.read()
            task = rt.spawn(wait_for, event := ss.Event())
            console.read_until(task.id, "idle")
            report = rt.run(ss.workloads.yield_many(1, 2000))
            event.set()
            console.read_until(task.id, "completed")
            assert ns(console.stats[task.id].poll_stats, "busy_time") > 0
            lost = 0
            while not lost:
                lost = console.read().task_update.dropped_events
        assert report.timeline_dropped > 0
        timeline = rt.handle.timeline()
        assert timeline is not None
        assert timeline.capacity == 1000


def deserialized(raw: bytes) -> dict[int, int]:
    """Counts by bucket of a histogram in HdrHistogram's second format."""
    cookie, size, offset, digits, _, highest, ratio = struct.unpack_from(">IIIIQQd", raw)
    assert (cookie, size, offset, digits, ratio) == (0x1C849313, len(raw) - 40, 0, 2, 1.0)
    counts, bucket, number, shift = {}, 0, 0, 0
    for byte in raw[40:]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            value = -(number + 1) // 2 if number & 1 else number // 2
            if value < 0:
                bucket -= value
            else:
                counts[bucket], bucket = value, bucket + 1
            number = shift = 0
    assert not counts or highest_of(max(counts)) <= highest
    return counts


def test_a_histogram_comes_back_from_its_bytes() -> None:
    for counts in ({}, {0: 1}, {5: 1, 6: 300, 1000: 2**40}, {bucket: bucket for bucket in range(1, 2000, 3)}):
        assert deserialized(serialized(counts)) == counts


def test_buckets_hold_their_values_within_a_percent() -> None:
    values = [0, 1, 127, 128, 255, 256, 257, 1000, 10**6 + 1, 2**40 - 1, 2**40, 3 * 10**15]
    for value, bucket in zip(values, bucket_of(values).tolist(), strict=True):
        assert (highest_of(bucket - 1) if bucket else -1) < value <= highest_of(bucket)
        assert highest_of(bucket) - value <= value / 100


# ---- what is asked ----


def test_pausing_ends_the_looks_until_somebody_resumes(place: Path) -> None:
    event = ss.Event()
    with ss.Runtime(workers=1) as rt, looking(rt) as console:
        states = console.ask("WatchState", "State")
        assert next(states).temporality == LIVE
        console.read()
        console.ask("Pause", "Empty")
        assert next(states).temporality == PAUSED
        task = rt.spawn(wait_for, event)
        console.ask("Resume", "Empty")
        assert next(states).temporality == LIVE
        console.read_until(task.id, "idle")
        event.set()


def test_details_of_a_task_that_is_not_there_are_an_error(place: Path) -> None:
    with ss.Runtime(workers=1) as rt, looking(rt) as console:
        console.read()
        with pytest.raises(grpc.RpcError, match="no task 123456 at the last look"):
            next(console.ask("WatchTaskDetails", "TaskDetails", messages().TaskDetailsRequest(id=messages().Id(id=123456))))


# ---- who may ask, and how it ends ----


def test_only_this_user_may_open_the_socket(place: Path) -> None:
    with ss.Runtime(workers=1) as rt:
        server = tokio_console.serve(rt)
        assert server.path is not None
        assert server.url == f"file://localhost{server.path}"
        assert server.path.parent == place / "stealscope"
        assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
        with pytest.raises(FileExistsError, match="is there already"):
            tokio_console.serve(rt)
        place.chmod(0o755)
        with pytest.raises(PermissionError, match="is open to others"):
            tokio_console.serve(rt, path=place / "console")
        place.chmod(0o700)


def test_a_port_is_of_the_loopback_address_and_taken_once(place: Path) -> None:
    with ss.Runtime(workers=1) as rt:
        server = tokio_console.serve(rt, port=0)
        assert server.path is None
        address, _, port = server.url.removeprefix("http://").partition(":")
        assert address == "127.0.0.1"
        with pytest.raises(OSError, match=f"cannot listen at 127.0.0.1:{port}"):
            tokio_console.serve(rt, port=int(port))
        console = Console(server.url)
        console.read()
        console.close()


@pytest.mark.parametrize("wait", [True, False])
def test_a_shutdown_ends_it_and_removes_the_socket(place: Path, wait: bool) -> None:
    rt = ss.Runtime(workers=1)
    server = tokio_console.serve(rt, every=0.02)
    console = Console(server.url)
    console.read()
    rt.shutdown(wait=wait)
    with pytest.raises(grpc.RpcError):
        console.read_until(-1, "idle")
    until(lambda: server.closed)
    server.close()
    assert server.path is not None
    assert not server.path.exists()
    assert "ss-console" not in {thread.name for thread in threading.enumerate()}
    rt.shutdown()
    with pytest.raises(ss.RuntimeClosed, match="cannot be served"):
        tokio_console.serve(rt)


def test_what_a_dead_process_left_over_is_removed(place: Path) -> None:
    run("import os, stealscope as ss\nfrom stealscope.integrations import tokio_console\n"
        "rt = ss.Runtime(workers=1)\ntokio_console.serve(rt)\nos._exit(0)")  # fmt: skip
    (left,) = (place / "stealscope").iterdir()
    with ss.Runtime(workers=1) as rt:
        server = tokio_console.serve(rt)
        assert list((place / "stealscope").iterdir()) == [server.path]
        assert left != server.path


def test_an_interpreter_ends_while_it_is_looked_at(place: Path) -> None:
    code = """
        import sys, stealscope as ss
        from stealscope.integrations import tokio_console
        rt = ss.Runtime(workers=1)
        print(tokio_console.serve(rt, every=0.01).url, flush=True)
        sys.stdin.read()
    """
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], text=True, **pipes) as process:
        assert process.stdout is not None
        console = Console(process.stdout.readline().strip())
        console.read()
        console.read()
        assert process.communicate(timeout=_PATIENCE) == ("", "")
        assert process.returncode == 0
        console.close()
    assert list((place / "stealscope").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_neither_serves_nor_ends_it(place: Path) -> None:
    said = run(
        """
        import os, stealscope as ss
        from stealscope.integrations import tokio_console
        with ss.Runtime(workers=1) as rt:
            server = tokio_console.serve(rt)
            child = os.fork()
            if child == 0:
                server.close()
                os._exit(server.closed * 10 + server.path.exists())
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), server.closed)
    """,
        quiet=False,
    )  # gRPC itself remarks on the fork
    assert said == "11 False\n"


def test_nothing_is_opened_or_started_unless_it_is_asked_for(place: Path) -> None:
    with ss.Runtime(workers=1):
        assert list(place.rglob("*")) == []
        assert "ss-console" not in {thread.name for thread in threading.enumerate()}


def test_bad_arguments_are_refused(place: Path) -> None:
    with ss.Runtime(workers=1) as rt:
        with pytest.raises(TypeError, match="3 is a int; need a Runtime"):
            tokio_console.serve(3)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="need one of them"):
            tokio_console.serve(rt, path="a", port=1)
        with pytest.raises(ValueError, match="every=0"):
            tokio_console.serve(rt, every=0)
        with pytest.raises(ValueError, match="port=65536"):
            tokio_console.serve(rt, port=65536)


def run(code: str, *, quiet: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not (quiet and done.stderr), done.stderr
    return done.stdout
