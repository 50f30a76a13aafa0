"""Which runtimes of this user are served, and what do they say?

Invariant: only sockets in folders that are this user's alone are asked, and only answers of this user's processes are read;
what is left over of a dead process is removed. Read next: `serve.py` (the other end), `_commands/top.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Any

from ._local_socket import PROTOCOL, check_sockets, folders, peer_uid, problem_of, remove_if_stale
from .dump import Dump
from .errors import StealscopeError

__all__ = ["AttachError", "Attached", "served"]

_SECONDS_TO_ANSWER = 5.0


class AttachError(StealscopeError, ConnectionError):
    """The runtime is gone, or does not answer us; the message says which."""


class Attached:
    """A runtime in another process, as seen through its socket.

    Args:
        path: of the socket, as `Runtime.serve` chose it.

    Attributes:
        info: pid, program, runtime, workers, policy, elapsed (ns), stealscope (its version).

    Raises:
        AttachError: nobody listens there, or somebody else.
        TimeoutError: it did not answer in time.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.info: dict[str, Any] = self._ask("info")

    def metrics(self) -> dict[str, Any]:
        """What `Handle.metrics` gives there."""
        answer: dict[str, Any] = self._ask("metrics")
        return answer

    def dump(self) -> Dump:
        """What `Handle.dump` gives there."""
        answer = self._ask("dump")
        for task in answer["tasks"]:
            task["spawned_at"] = task["spawned_at"].values()
            task["frames"] = [frame.values() for frame in task["frames"]]
        answer["missing_workers"] = {int(worker): line for worker, line in answer["missing_workers"].items()}
        return Dump._from_native(answer)

    def _ask(self, what: str) -> Any:
        check_sockets()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS_TO_ANSWER)
            try:
                connection.connect(os.fspath(self.path))
                uid = peer_uid(connection)
                if uid is not None and uid != os.geteuid():
                    raise AttachError(f"{self.path} is served by the user with id {uid}; look at runtimes of your own")
                connection.sendall(json.dumps({"v": PROTOCOL, "ask": what}).encode() + b"\n")
                with connection.makefile("rb") as lines:
                    line = lines.readline()
            except TimeoutError:
                limit = f"{_SECONDS_TO_ANSWER:g} s"
                raise TimeoutError(f"no answer at {self.path} within {limit}: its process is stopped, or holds the GIL") from None
            except (ConnectionError, FileNotFoundError) as error:
                raise error if isinstance(error, AttachError) else AttachError(f"nobody serves at {self.path}") from None
            except OSError as error:
                raise AttachError(f"{self.path}: {error.strerror or error}") from None
        if not line.endswith(b"\n"):
            raise AttachError(f"{self.path} left before it had answered")
        return self._checked(line)

    def _checked(self, line: bytes) -> Any:
        try:
            answer = json.loads(line)
            version = answer["v"]
        except (ValueError, TypeError, KeyError):
            raise AttachError(f"{self.path} answers something else than a runtime does") from None
        if "answer" in answer and version == PROTOCOL:
            return answer["answer"]
        raise AttachError(f"{self.path}: {answer.get('error', f'answers v={version!r}; need v={PROTOCOL}')}")


def served() -> list[Attached]:
    """The runtimes of this user that are served now, in the order of their paths. Those that do not answer are left out."""
    found = []
    check_sockets()
    for folder in folders():
        for path in sorted(folder.glob("*.sock")) if problem_of(folder) is None else ():
            with contextlib.suppress(AttachError, TimeoutError, FileNotFoundError):
                if not remove_if_stale(path):
                    found.append(Attached(path))
    return found
