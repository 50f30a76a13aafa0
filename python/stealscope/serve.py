"""How can another process of the same user look at a running runtime? Over a local socket, a question a connection.

Invariant: nothing is opened unless `Runtime.serve` was called; who asks is the user who serves, or gets no answer; a question
reads figures or takes a dump and changes nothing; it is all done on one thread, which no worker ever waits for. A question
is one line of JSON, ``{"v": 1, "ask": "metrics"}``, and so is the answer, ``{"v": 1, "answer": ...}`` or
``{"v": 1, "error": "..."}``. Read next: `_local_socket.py` (who may open it), `attach.py` (the other end).
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _core
from ._local_socket import PROTOCOL, check_sockets, default_path, open_listener, peer_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    from .handle import Handle

__all__ = ["Server"]

_LONGEST_QUESTION = 4096
_SECONDS_TO_ASK = 1.0
_SECONDS_TO_READ = 5.0
"""How long one who asks may take to send the question, and to read the answer, while others wait.  [s]"""

_servers: weakref.WeakSet[Server] = weakref.WeakSet()


class Server:
    """A live view of a runtime, for ``stealscope top``. Made by `Runtime.serve`; ends with its runtime.

    Args:
        handle: of the runtime.
        path: of the socket; None chooses one that ``stealscope top`` finds.

    Attributes:
        path: of the socket.
    """

    def __init__(self, handle: Handle, path: str | os.PathLike[str] | None = None) -> None:
        check_sockets()
        self.path = default_path(handle._native.key) if path is None else Path(path).absolute()
        self._handle = handle
        self._listener = open_listener(self.path)
        self._inode = self.path.lstat().st_ino
        self._pid = os.getpid()
        self._ended = threading.Event()
        self._bell, self._rings = socket.socketpair()
        self._asker: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="ss-serve", daemon=True)
        _servers.add(self)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether it has stopped, or lives in the process that this one was forked from."""
        return self._ended.is_set() or os.getpid() != self._pid

    def close(self) -> None:
        """Stop serving and remove the socket. May be called again."""
        self.stop()
        if not (os.getpid() != self._pid or self._thread is threading.current_thread()):
            self._thread.join()

    def stop(self) -> None:
        """As `close`, without waiting for the thread."""
        if self.closed:
            return
        self._ended.set()
        with contextlib.suppress(OSError):
            if self.path.lstat().st_ino == self._inode:  # not one that somebody put in its place
                self.path.unlink()
        with contextlib.suppress(OSError):
            self._bell.send(b"!")
        asker = self._asker
        if asker is not None:
            with contextlib.suppress(OSError):  # it may have ended just now
                asker.shutdown(socket.SHUT_RDWR)

    def __repr__(self) -> str:
        return f"<stealscope.Server at {os.fspath(self.path)!r}, {'closed' if self.closed else 'open'}>"

    def _serve(self) -> None:
        self._listener.setblocking(False)  # who knocked may have left: then accept() fails instead of waiting for the next
        with self._listener, self._bell, self._rings, selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._rings, selectors.EVENT_READ)
            while not self._ended.is_set():
                selector.select()
                if self._ended.is_set():
                    return
                try:
                    self._asker, _ = self._listener.accept()
                except OSError:  # or no descriptor is free: not a reason to try again at once
                    self._ended.wait(0.1)
                    continue
                with self._asker, contextlib.suppress(OSError):
                    self._answer(self._asker)
                self._asker = None

    def _answer(self, asker: socket.socket) -> None:
        uid, question = peer_uid(asker), _read_question(asker)  # read in any case: what is unread would cut the answer off
        if question is None:
            return
        try:
            if uid is not None and uid != os.geteuid():
                raise PermissionError(f"this runtime is served to the user with id {os.geteuid()} only")
            answer: dict[str, Any] = {"answer": self._reply_to(question)}
        except Exception as error:
            answer = {"error": str(error) or type(error).__name__}
        asker.settimeout(_SECONDS_TO_READ)
        asker.sendall(json.dumps({"v": PROTOCOL} | answer).encode() + b"\n")

    def _reply_to(self, question: bytes) -> Any:
        try:
            asked = json.loads(question)
            version, ask = asked["v"], asked["ask"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError('need one line such as {"v": 1, "ask": "metrics"}') from None
        if version != PROTOCOL:
            raise ValueError(
                f"v={version!r}; this process answers v={PROTOCOL}: use the same version of stealscope on both sides"
            )
        known: dict[str, Callable[[], Any]] = {
            "info": self._info,
            "metrics": self._handle.metrics,
            "dump": lambda: self._handle.dump().to_dict(),
        }
        if not isinstance(ask, str) or ask not in known:
            raise ValueError(f"ask={ask!r}; need one of {', '.join(known)}")
        return known[ask]()

    def _info(self) -> dict[str, Any]:
        native = self._handle._native
        return {
            "pid": self._pid,
            "program": Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python",
            "runtime": f"{native.name}#{native.key}",
            "workers": native.num_workers(),
            "policy": native.policy,
            "elapsed": native.elapsed(),
            "stealscope": _core.VERSION,
        }

    def _forget(self) -> None:
        """In a forked child: the sockets are the parent's, which would not see its askers leave while copies are open."""
        for entry in (self._listener, self._bell, self._rings, self._asker):
            if entry is not None:
                entry.close()


def _read_question(asker: socket.socket) -> bytes | None:
    """One line, or None if the other end left before it was whole."""
    question, deadline = b"", time.monotonic() + _SECONDS_TO_ASK
    while not question.endswith(b"\n") and len(question) <= _LONGEST_QUESTION:
        asker.settimeout(max(0.001, deadline - time.monotonic()))
        part = asker.recv(_LONGEST_QUESTION)
        if not part:
            return None
        question += part
    return question


def _forget_in_child() -> None:
    for server in list(_servers):
        server._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
