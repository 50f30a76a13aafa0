"""The real tokio-console, attached to a runtime in a terminal: what a person sees. ``scripts/slow-checks.sh console`` installs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stealscope as ss

pytest.importorskip("grpc", reason="grpcio is not installed; the extra stealscope[console] brings it")
pytest.importorskip("google.protobuf", reason="protobuf is not installed; the extra stealscope[console] brings it")
from stealscope.integrations import tokio_console

PROGRAM = os.environ.get("STEALSCOPE_TOKIO_CONSOLE") or shutil.which("tokio-console")

pytestmark = [
    pytest.mark.needs_dump,
    pytest.mark.skipif(PROGRAM is None, reason="tokio-console is neither on PATH nor named by STEALSCOPE_TOKIO_CONSOLE"),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

_PATIENCE = 60.0


class Terminal:
    """A program on a screen of 180 by 45 that nobody sees; its texts are asked of tmux, by a server of its own."""

    def __init__(self, folder: Path, *command: str) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        environment = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": str(folder), "PATH": os.environ["PATH"]}
        options = ["-d", "-x", "180", "-y", "45"]
        subprocess.run([*self._tmux, "-u", "new-session", *options, *command], check=True, env=environment, timeout=_PATIENCE)

    def screen(self) -> str:
        """What is on it now."""
        return self._ask("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        self._ask("send-keys", *keys)

    def until(self, *patterns: str) -> str:
        """The first screen on which all of these are found."""
        deadline = time.monotonic() + _PATIENCE
        while not all(re.search(pattern, screen := self.screen()) for pattern in patterns):
            assert time.monotonic() < deadline, f"{patterns} not all on\n{screen}"
            time.sleep(0.05)
        return screen

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, timeout=_PATIENCE)

    def _ask(self, *what: str) -> str:
        return subprocess.run([*self._tmux, *what], check=True, capture_output=True, text=True, timeout=_PATIENCE).stdout


@pytest.fixture
def place() -> Iterator[Path]:
    """A private folder with a short name, for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="ss"))
    yield folder
    shutil.rmtree(folder)


class Lively:
    """A runtime with a task that waits, a job that blocks, and a task that does a bit of work every ten milliseconds."""

    def __init__(self) -> None:
        self.runtime = ss.Runtime(workers=2)
        self._bell, self._end = ss.Event(), threading.Event()
        self.runtime.spawn(self._wait, name="waits for the bell")
        self.runtime.spawn(self._beat, name="heart")
        self.runtime.spawn_blocking(self._end.wait, name="a blocking job")

    def ring(self) -> None:
        """They all end."""
        self._bell.set()
        self._end.set()

    async def _wait(self) -> None:
        await self._bell.wait()

    async def _beat(self) -> None:
        while not self._bell.is_set():
            await ss.work(0.001)
            await ss.sleep(0.01)


@pytest.fixture
def lively() -> Iterator[Lively]:
    """Named tasks on two workers."""
    lively = Lively()
    with lively.runtime:
        yield lively
        lively.ring()


@pytest.fixture(params=["path", "port"])
def terminal(request: pytest.FixtureRequest, place: Path, lively: Lively) -> Iterator[Terminal]:
    where = {"path": place / "console"} if request.param == "path" else {"port": 0}
    server = tokio_console.serve(lively.runtime, every=0.2, **where)  # type: ignore[arg-type]
    assert PROGRAM is not None
    terminal = Terminal(place, PROGRAM, "--lang", "C.UTF-8", "--retain-for", "none", server.url)
    yield terminal
    terminal.close()
    server.close()


def test_our_tasks_are_on_its_screen_with_their_states_and_places(terminal: Terminal) -> None:
    screen = terminal.until("CONNECTED", "waits for the bell", "heart", "a blocking job")
    rows = {name: next(line for line in screen.splitlines() if name in line) for name in ("waits for", "heart", "a blocking")}
    assert "coroutine" in rows["heart"]
    assert "blocking" in rows["a blocking"].replace("a blocking job", "")
    assert all(f"{Path(__file__).name}:" in row for row in rows.values())
    assert "Warnings" not in screen


@pytest.mark.needs_timeline
def test_a_task_has_a_page_with_its_times_and_histograms(terminal: Terminal) -> None:
    terminal.until("heart")
    terminal.press("h", "h", "h", "g", "g", "Down", "Enter")  # by ID, where the heart is the second from either end
    screen = terminal.until("Name: heart", r"Busy: [1-9][\d.]*ms", r"Woken: \d+ times", r"p50: +\d", "Current wakers: ")
    assert "Location: " in screen
    assert Path(__file__).name in screen


def test_what_has_ended_is_shown_as_ended(terminal: Terminal, lively: Lively) -> None:
    terminal.until("heart")
    lively.ring()
    terminal.until("⏹ +heart", "⏹ +waits", "⏹ +a blocking job")
