"""Where are the sockets of served runtimes, and who may open them?

Invariant: a socket lies in a folder of this user that nobody else may enter, has mode 0600 itself, and appears under its name
only once it listens, so one that refuses a connection is left over from a process that is gone. Read next: `serve.py`,
`attach.py`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import struct
import tempfile
from pathlib import Path

__all__ = [
    "PROTOCOL",
    "check_place",
    "check_sockets",
    "default_path",
    "folders",
    "open_listener",
    "peer_uid",
    "problem_of",
    "remove_if_stale",
]

PROTOCOL = 1
"""Of the requests and answers, each one line of JSON; a change that the other side cannot read counts it up."""

_LONGEST_PATH = 103
"""Bytes of a socket's address that every system takes: macOS has 104 and Linux 108, the zero at the end included.  [bytes]"""


def check_sockets() -> None:
    """Refuse a system without Unix domain sockets.

    Raises:
        OSError: that is this one.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise OSError(errno.EAFNOSUPPORT, "serving a runtime needs Unix domain sockets, which this Python does not have")


def folders() -> list[Path]:
    """Where this user's sockets may be: below ``XDG_RUNTIME_DIR``, if that is this user's alone, and below the temporary folder.

    New ones go to the first.
    """
    found = [Path(tempfile.gettempdir()) / f"stealscope-{os.geteuid()}"]
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and problem_of(Path(given)) is None:
        found.insert(0, Path(given) / "stealscope")
    return found


def default_path(key: int) -> Path:
    """Where this process's runtime number `key` is served; makes the folder.

    Raises:
        PermissionError: the folder is somebody else's, or open to others.
    """
    folder = folders()[0]
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    return folder / f"{os.getpid()}.{key}.sock"


def check_place(path: Path, *, extra: int = 0) -> None:
    """Refuse a place for a socket that others could reach, that is taken, or whose name is too long; one left over is removed.

    Args:
        extra: bytes by which the name is longer while the socket is made.

    Raises:
        OSError: the folder is not this user's alone (PermissionError), something is there already, or it cannot be looked at.
        ValueError: a longer path than systems take.
    """
    folder = path.parent if path.parent in folders() else path.parent.resolve(strict=True)
    if (problem := problem_of(folder)) is not None:
        raise PermissionError(f"{folder} {problem}; need a folder of your own that only you may enter (chmod 700)")
    size = len(os.fsencode(path))
    if size + extra > _LONGEST_PATH:
        most = _LONGEST_PATH - extra
        raise ValueError(f"path={os.fspath(path)!r} has {size} bytes; at most {most} fit in a socket's address")
    if os.path.lexists(path) and not remove_if_stale(path):
        raise FileExistsError(f"{path} is there already, and no socket that was left over; choose another path or remove it")


def open_listener(path: Path) -> socket.socket:
    """A socket that listens at `path`; one left over there is removed.

    Raises:
        OSError, ValueError: as of `check_place`, or it cannot be made.
    """
    # Made beside its place and moved there when it listens: a name that refuses connections is then surely left over.
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    check_place(path, extra=len(os.fsencode(fresh)) - len(os.fsencode(path)))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        fresh.unlink(missing_ok=True)
        listener.bind(os.fspath(fresh))
        fresh.chmod(0o600)
        listener.listen(16)
        fresh.rename(path)
    except BaseException:
        listener.close()
        fresh.unlink(missing_ok=True)
        raise
    return listener


def remove_if_stale(path: Path) -> bool:
    """Remove a socket that nobody listens at any more; whether that was so."""
    if not stat.S_ISSOCK(path.lstat().st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return True
        except OSError:  # too many wait already, or it is not ours to ask: somebody listens
            return False
    return False


def peer_uid(connection: socket.socket) -> int | None:
    """The user at the other end; None where the system does not tell, and the folder alone keeps others out."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    form = struct.Struct("iII")  # pid, uid, gid: struct ucred, see unix(7)
    uid: int = form.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size))[1]
    return uid


def problem_of(folder: Path) -> str | None:
    """What is wrong with a folder for a socket, or None."""
    try:
        entry = folder.lstat()
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    if not stat.S_ISDIR(entry.st_mode):
        return "is no folder"
    if entry.st_uid != os.geteuid():
        return f"belongs to the user with id {entry.st_uid}"
    if entry.st_mode & 0o077:
        return f"is open to others (mode {stat.S_IMODE(entry.st_mode):03o})"
    return None
