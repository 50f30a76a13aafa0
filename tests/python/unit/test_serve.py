"""`Runtime.serve`: who may look at a runtime, what is asked and answered, and how it ends."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import stealscope as ss
from stealscope import attach
from stealscope.attach import Attached, AttachError, served

NOBODY = 65_534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private folder with a short name, where this user's sockets are while the test runs."""
    folder = Path(tempfile.mkdtemp(prefix="ss"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


def ask(path: Path, question: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(question)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as lines:
            line = lines.readline()
    answer: dict[str, object] = json.loads(line) if line else {}
    return answer


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "ss-serve"]


def test_nothing_is_opened_unless_it_is_asked_for(place: Path) -> None:
    with ss.Runtime(workers=1):
        assert list(place.rglob("*")) == []
        assert threads() == []


def test_only_this_user_may_open_folder_and_socket(place: Path) -> None:
    with ss.Runtime(workers=1) as rt:
        path = rt.serve().path
        assert path.parent == place / "stealscope"
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.is_socket()


def test_serving_again_gives_the_same_and_another_path_is_refused(place: Path) -> None:
    with ss.Runtime(workers=1) as rt:
        server = rt.serve(place / "a.sock")
        assert rt.serve() is server
        assert rt.serve(place / "a.sock") is server
        with pytest.raises(ValueError, match=r"b\.sock.*is served at .*a\.sock"):
            rt.serve(place / "b.sock")
        server.close()
        assert not server.path.exists()
        assert rt.serve() is not server


@pytest.mark.parametrize("wait", [True, False])
def test_a_shutdown_ends_it_and_removes_the_socket(place: Path, wait: bool) -> None:
    rt = ss.Runtime(workers=1)
    server = rt.serve()
    rt.shutdown(wait=wait)
    rt.shutdown()
    assert server.closed
    assert list(server.path.parent.iterdir()) == []
    server.close()
    assert threads() == []
    with pytest.raises(ss.RuntimeClosed, match="cannot be served"):
        rt.serve()


def test_a_runtime_that_is_forgotten_is_not_kept_by_its_server(place: Path) -> None:
    rt = ss.Runtime(workers=1)
    server = rt.serve()
    forgotten = [rt]
    del rt
    with pytest.warns(ResourceWarning, match="dropped without shutdown"):
        forgotten.clear()
    gc.collect()
    server.close()
    assert not server.path.exists()


def test_info_metrics_and_a_dump_are_answered(place: Path) -> None:
    with ss.Runtime(workers=2, name="mine") as rt:
        path = rt.serve().path
        (seen,) = served()
        assert seen.path == path
        assert (seen.info["pid"], seen.info["workers"], seen.info["policy"]) == (os.getpid(), 2, "tokio")
        assert seen.metrics().keys() == rt.handle.metrics().keys()
        assert seen.metrics()["runtime"] == seen.info["runtime"] == rt.handle.metrics()["runtime"]


@pytest.mark.needs_dump
def test_a_dump_comes_over_whole(place: Path) -> None:
    event = ss.Event()
    with ss.Runtime(workers=2) as rt:
        waiters = [rt.spawn(wait_for, event, name="waiter") for _ in range(3)]
        seen = Attached(rt.serve().path)
        while len(dump := seen.dump()) != 3 or any(task.state != "idle" for task in dump):
            pass
        assert [str(task.frames[-1]) for task in dump] == [str(task.frames[-1]) for task in rt.handle.dump()]
        assert {(task.name, task.waits_for) for task in dump} == {("waiter", "event")}
        event.set()
        for waiter in waiters:
            waiter.result(20)


async def wait_for(event: ss.Event) -> None:
    await event.wait()


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (b"metrics\n", "need one line such as"),
        (b"[1]\n", "need one line such as"),
        (b"{}\n", "need one line such as"),
        (b"[" * 4000 + b"\n", "need one line such as"),
        (b'{"v": 2, "ask": "info"}\n', "v=2; this process answers v=1"),
        (b'{"v": 1, "ask": "shutdown"}\n', "ask='shutdown'; need one of info, metrics, dump"),
        (b'{"v": 1, "ask": ["info"]}\n', "ask=['info']; need one of"),
    ],
)
def test_a_bad_question_is_answered_by_what_is_allowed(place: Path, question: bytes, message: str) -> None:
    with ss.Runtime(workers=1) as rt:
        path = rt.serve().path
        answer = ask(path, question)
        assert answer.keys() == {"v", "error"}
        assert message in str(answer["error"])
        assert "answer" in ask(path, b'{"v": 1, "ask": "info"}\n')


def test_who_leaves_or_goes_on_for_ever_does_not_end_the_service(place: Path) -> None:
    with ss.Runtime(workers=1) as rt:
        path = rt.serve().path
        assert ask(path, b"") == {}
        assert ask(path, b'{"v": 1, "ask"') == {}
        with contextlib.suppress(OSError):  # it may be cut off while it still sends
            ask(path, b"x" * 1_000_000)
        assert "answer" in ask(path, b'{"v": 1, "ask": "info"}\n')


def test_a_folder_that_others_may_enter_is_refused(place: Path) -> None:
    (place / "open").mkdir()
    (place / "open").chmod(0o750)
    with ss.Runtime(workers=1) as rt, pytest.raises(PermissionError, match=r"is open to others \(mode 750\); need a folder of"):
        rt.serve(place / "open" / "a.sock")


@as_root
def test_a_folder_of_another_user_is_refused(place: Path) -> None:
    (place / "stealscope").mkdir(mode=0o700)
    os.chown(place / "stealscope", NOBODY, NOBODY)
    with ss.Runtime(workers=1) as rt, pytest.raises(PermissionError, match=f"belongs to the user with id {NOBODY}"):
        rt.serve()
    assert served() == []


def test_a_link_in_place_of_the_folder_is_refused(place: Path) -> None:
    (place / "elsewhere").mkdir(mode=0o700)
    (place / "stealscope").symlink_to(place / "elsewhere")
    with ss.Runtime(workers=1) as rt, pytest.raises(PermissionError, match="is no folder"):
        rt.serve()


def test_a_runtime_folder_that_is_open_to_others_is_passed_over(place: Path) -> None:
    place.chmod(0o755)
    with ss.Runtime(workers=1) as rt:
        assert rt.serve().path.parent == place / f"stealscope-{os.geteuid()}"


def test_a_socket_left_over_by_a_dead_process_is_replaced(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(place / "a.sock"))
    with ss.Runtime(workers=1) as rt:
        rt.serve(place / "a.sock")
        assert Attached(place / "a.sock").info["pid"] == os.getpid()


def test_a_socket_left_over_is_cleaned_up_by_who_looks(place: Path) -> None:
    (place / "stealscope").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(place / "stealscope" / "1.1.sock"))
    assert served() == []
    assert list((place / "stealscope").iterdir()) == []


def test_what_is_at_the_path_already_stays(place: Path) -> None:
    (place / "file").write_text("mine")
    with ss.Runtime(workers=1) as rt, ss.Runtime(workers=1) as other:
        path = other.serve().path
        for taken in (place / "file", path):
            with pytest.raises(FileExistsError, match="is there already"):
                rt.serve(taken)
        assert (place / "file").read_text() == "mine"
        assert len(served()) == 1


def test_a_path_that_does_not_fit_is_refused(place: Path) -> None:
    with ss.Runtime(workers=1) as rt, pytest.raises(ValueError, match=r"bytes; at most \d+ fit"):
        rt.serve(place / ("x" * 100))


def test_a_system_without_such_sockets_says_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with ss.Runtime(workers=1) as rt, pytest.raises(OSError, match="needs Unix domain sockets"):
        rt.serve()


def test_nobody_at_a_path_is_one_clear_error(place: Path) -> None:
    with pytest.raises(AttachError, match="nobody serves at"):
        Attached(place / "a.sock")


def test_who_does_not_answer_in_time_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attach, "_SECONDS_TO_ANSWER", 0.01)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(place / "a.sock"))
        mute.listen()
        with pytest.raises(TimeoutError, match="its process is stopped, or holds the GIL"):
            Attached(place / "a.sock")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "left before it had answered"),
        (b"hello\n", "answers something else than a runtime does"),
        (b'{"v": 9, "answer": {}}\n', "answers v=9; need v=1"),
        (b'{"v": 1, "error": "no"}\n', "a.sock: no"),
    ],
)
def test_a_wrong_answer_is_one_clear_error(place: Path, answer: bytes, message: str) -> None:
    def reply(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "a.sock"))
        listener.listen()
        thread = threading.Thread(target=reply, args=(listener,))
        thread.start()
        with pytest.raises(AttachError, match=message):
            Attached(place / "a.sock")
        thread.join()


def in_child(*steps: object) -> str:
    """What the last of some calls returns, as text, in a forked child that then ends without cleaning up."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        text = "no answer"
        try:
            for step in steps:
                text = str(step())  # type: ignore[operator]
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as lines:
        text = lines.read()
    os.waitpid(child, 0)
    return text


@as_root
def test_another_user_does_not_get_past_the_folder(place: Path) -> None:
    with ss.Runtime(workers=1) as rt:
        path = rt.serve().path
        assert in_child(lambda: os.setuid(NOBODY), lambda: ask(path, b"")).startswith("PermissionError")


@as_root
def test_another_user_who_got_to_the_socket_is_told_nothing(place: Path) -> None:
    with ss.Runtime(workers=1) as rt:
        path = rt.serve().path
        for folder in (place, path.parent):
            folder.chmod(0o755)
        path.chmod(0o666)
        question = b'{"v": 1, "ask": "info"}\n'
        text = in_child(lambda: os.setuid(NOBODY), lambda: ask(path, question))
        assert text == "{'v': 1, 'error': 'this runtime is served to the user with id 0 only'}"
        assert "answer" in ask(path, question)


def test_a_forked_child_does_not_serve(place: Path) -> None:
    with ss.Runtime(workers=1) as rt:
        server = rt.serve()
        assert in_child(lambda: (server.closed, server._listener.fileno(), server.close())) == "(True, -1, None)"
        assert in_child(rt.serve).startswith("RuntimeClosed")
        assert not server.closed
        assert Attached(server.path).info["pid"] == os.getpid()
