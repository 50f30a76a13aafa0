"""How does tokio-console look at a runtime? Over its own protocol (gRPC), from a server on a thread that looks only while it is looked at.

Invariant: nothing is opened unless `serve` is called, and then on a path that only this user may open, or on the loopback address; one
thread does it all, and no worker waits for it longer than a dump takes. What the runtime does not measure is left out: resources and
async operations are empty. Read next: `_console_tasks.py` (what a look says), `_console_wire.py` (the protocol).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from .. import _core
from .._local_socket import check_place, default_path, remove_if_stale
from ..errors import FeatureNotEnabled, RuntimeClosed, import_extra
from ..runtime import Runtime
from ..units import checked_count, seconds_to_ns
from ._console_tasks import TaskBook, Times
from ._console_times import TimesBook
from ._console_updates import details, updates
from ._console_wire import LIVE, PAUSED, SERVICE, messages

__all__ = ["ConsoleServer", "serve"]

_log = logging.getLogger("stealscope.console")

_SECONDS_A_DUMP = 0.02
"""A dump holds the workers that have come while it waits for one in a long poll; one that has not come is told as it was.  [s]"""

_SECONDS_TO_END = 1.0


def serve(
    runtime: Runtime,
    *,
    path: str | os.PathLike[str] | None = None,
    port: int | None = None,
    every: float = 1.0,
    times: bool = True,
) -> ConsoleServer:
    """Let ``tokio-console`` look at a runtime: give it the ``url`` of what this returns.

    Args:
        runtime: whose tasks.
        path: of a socket, in a folder that only this user may enter; None chooses one.
        port: instead of a path, a TCP port of 127.0.0.1, which every user of this machine can open; 0 takes a free one, 6669 is
            where tokio-console looks by itself.
        every: between two looks, seconds. A look is a dump; none is taken while no console is attached, or one has paused it.
        times: write a timeline while a console is attached, for what a dump does not have: how long tasks ran and waited for a
            worker, and how often they were woken, from then on. A timeline that the runtime writes already is read instead.

    Returns:
        ConsoleServer: has ``url`` and ``close()``, and ends with the runtime.

    Raises:
        MissingExtra: grpcio or protobuf is not installed.
        FeatureNotEnabled: built without ``TASKDUMP``.
        RuntimeClosed: after `shutdown`, or in a forked child.
        OSError: the folder is open to others, something is at the path already, or the port is taken.
        ValueError: both a path and a port, or one that cannot be.

    Source: console-api 0.9, ``rs.tokio.console.instrument.Instrument``.
    """
    if not isinstance(runtime, Runtime):
        raise TypeError(f"{runtime!r} is a {type(runtime).__name__}; need a Runtime")
    if path is not None and port is not None:
        raise ValueError(f"path={os.fspath(path)!r} and port={port!r}; need one of them, or neither for a path of its own")
    if port is not None:
        checked_count(port, "port", low=0, high=65_535)
    if seconds_to_ns(every, "every") == 0:
        raise ValueError(f"every={every!r}; need seconds > 0, such as 1.0")
    if not _core.FEATURES["taskdump"]:
        raise FeatureNotEnabled("tokio_console.serve() needs a build with TASKDUMP=ON (see features())")
    if runtime._native.is_closed or runtime._native.is_forked_copy:
        raise RuntimeClosed(f"{runtime!r} cannot be served: it was shut down, or made before this process was forked")
    server = ConsoleServer(runtime, None if path is None else Path(path).absolute(), port, every, times)
    runtime._views.add(server)
    return server


class ConsoleServer:
    """A runtime, as tokio-console sees it. Made by `serve`; ends with its runtime.

    Attributes:
        url: what to give to ``tokio-console``.
        path: of the socket, or None on a port.
    """

    def __init__(self, runtime: Runtime, path: Path | None, port: int | None, every: float, times: bool) -> None:
        self._grpc = import_extra("grpc.aio", "console")
        messages()  # raises here what is missing
        self._handle, self._every = runtime.handle, every
        self._zero = time.time_ns() - self._handle._native.elapsed()
        self._with_times = times and _core.FEATURES["timeline"]
        self._book, self._dropped = TaskBook(), 0
        self._times: TimesBook | None = None
        self._watchers, self._paused = 0, False
        self._pid = os.getpid()
        self._ended = threading.Event()
        self.path = None if port is not None else _place(path, self._handle._native.key)
        started: Future[int] = Future()
        self._thread = threading.Thread(target=self._go, args=(port, started), name="ss-console", daemon=True)
        self._thread.start()
        bound = started.result()
        self.url = f"http://127.0.0.1:{bound}" if self.path is None else f"file://localhost{self.path}"
        atexit.register(self.close)  # before the runtime's own: gRPC must not outlive the interpreter

    @property
    def closed(self) -> bool:
        """Whether it has stopped, or lives in the process that this one was forked from."""
        return self._ended.is_set() or os.getpid() != self._pid

    def close(self) -> None:
        """Stop serving and remove the socket; its thread is gone when this returns. May be called again."""
        if os.getpid() != self._pid:
            return
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._end.set)
        if self._thread is not threading.current_thread():
            self._thread.join()
        atexit.unregister(self.close)

    stop = close
    """What a `Runtime` calls on whatever looks at it."""

    def __repr__(self) -> str:
        return f"<stealscope.ConsoleServer at {self.url!r}, {'closed' if self.closed else 'open'}>"

    # ---- its thread ----

    def _go(self, port: int | None, started: Future[int]) -> None:
        try:
            asyncio.run(self._serve(port, started))
        except Exception as error:
            if started.done():
                _log.exception("tokio-console is served no more, because a look failed")
            else:
                started.set_exception(error)
        finally:
            self._ended.set()

    async def _serve(self, port: int | None, started: Future[int]) -> None:
        self._loop, self._end, self._news = asyncio.get_running_loop(), asyncio.Event(), asyncio.Condition()
        # so_reuseport would let two servers have one port, each for some of those who ask.
        server = self._grpc.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((self._service(),))
        address = f"127.0.0.1:{port}" if self.path is None else f"unix:{self.path}"
        try:
            bound = server.add_insecure_port(address)
            if self.path is not None:
                self.path.chmod(0o600)
        except RuntimeError as error:
            raise OSError(f"cannot listen at {address}: {error}") from None
        await server.start()
        started.set_result(bound)
        try:
            await self._look_on()
        finally:
            await server.stop(grace=None)  # which removes the socket too
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            if rest:  # gRPC's, which complain if they are cancelled before they have ended
                await asyncio.wait(rest, timeout=_SECONDS_TO_END)

    async def _look_on(self) -> None:
        while not self._handle._native.is_closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), self._every)
                return
            if self._watchers and not self._paused:
                await self._look()

    async def _look(self) -> None:
        dump, measured = self._handle.dump(timeout=_SECONDS_A_DUMP), dict[int, Times]()
        if self._times is not None:  # after the dump: what it has no more has ended, and then all its events are there
            self._times.read()
            self._dropped += self._times.take_dropped()
            measured = {task: found.times for task, found in self._times.tasks.items()}
        self._book.add(dump, measured)
        if self._times is not None:
            self._times.keep(self._book.tasks)
        await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _wait(self) -> None:
        async with self._news:
            await self._news.wait()

    # ---- what is asked ----

    def _service(self) -> Any:
        grpc, made = import_extra("grpc", "console"), messages()
        kinds = {"Watch": grpc.unary_stream_rpc_method_handler}
        asked: dict[str, tuple[Callable[..., Any], Any]] = {
            "WatchUpdates": (self._watch_updates, made.Empty),
            "WatchTaskDetails": (self._watch_task, made.TaskDetailsRequest),
            "WatchState": (self._watch_state, made.Empty),
            "Pause": (self._pause, made.Empty),
            "Resume": (self._resume, made.Empty),
        }
        handlers = {
            name: kinds.get(name[:5], grpc.unary_unary_rpc_method_handler)(
                method, request_deserializer=request.FromString, response_serializer=lambda answer: answer.SerializeToString()
            )
            for name, (method, request) in asked.items()
        }
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    async def _watch_updates(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            await self._attach()
            seen, lost = 0, self._dropped
            while True:
                look, dropped = self._book.look, self._dropped
                for update in updates(self._book, seen, self._zero, dropped - lost):
                    yield update
                seen, lost = look, dropped
                await self._wait()
        finally:
            self._detach()

    async def _attach(self) -> None:
        self._watchers += 1
        if self._watchers == 1:  # nobody looked for a while: what ended meanwhile is not told
            self._book = TaskBook()
            self._times = TimesBook(self._handle._native) if self._with_times else None
            await self._look()

    def _detach(self) -> None:
        self._watchers -= 1
        if self._watchers == 0 and self._times is not None:
            self._times.close()
            self._times = None

    async def _watch_task(self, request: Any, context: Any) -> AsyncIterator[Any]:
        task = request.id.id
        if task not in self._book.tasks:
            await context.abort(import_extra("grpc", "console").StatusCode.NOT_FOUND, f"no task {task} at the last look")
        while task in self._book.tasks:
            measured = self._times.tasks.get(task) if self._times is not None else None
            yield details(task, self._book.at + self._zero, measured)
            await self._wait()

    async def _watch_state(self, request: Any, context: Any) -> AsyncIterator[Any]:
        told = None
        while True:
            if told is not self._paused:
                told = self._paused
                yield messages().State(temporality=PAUSED if told else LIVE)
            await self._wait()

    async def _pause(self, request: Any, context: Any) -> Any:
        self._paused = True
        await self._tell()
        return messages().Empty()

    async def _resume(self, request: Any, context: Any) -> Any:
        self._paused = False
        await self._tell()
        return messages().Empty()


def _place(path: Path | None, key: int) -> Path:
    """Where the socket goes; what dead processes left over there is removed."""
    if path is None:
        path = default_path(key).with_suffix(".tokio-console")
        for left in path.parent.glob("*.tokio-console"):
            with contextlib.suppress(OSError):
                remove_if_stale(left)
    check_place(path)
    return path
