"""``stealscope top``: what do the workers of a running program do? A live view through the socket of `Runtime.serve`.

Invariant: it only looks; Ctrl-C ends it, and so does the end of the runtime, which it says. Read next: `top_view.py` (what it
shows), `attach.py`.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..tables import table
from ..units import format_ns, seconds_to_ns
from . import screen
from .arguments import Commands, positive_seconds, shared

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from ..attach import Attached

__all__ = ["add"]

_FIRST_WINDOW = 0.2
"""Between the first two snapshots, so that the first picture has rates already.  [s]"""


def add(commands: Commands) -> None:
    """Tell the parser of it."""
    command = commands.add_parser("top", parents=[shared()], help="live view of a runtime that called rt.serve()")
    command.add_argument("which", metavar="PID|PATH", nargs="?", help="a process, or a socket; default: the only one there is")
    command.add_argument("--once", action="store_true", help="one picture, then end")
    command.add_argument("--every", type=positive_seconds, default=1.0, metavar="S", help="seconds between pictures; default: 1")
    command.add_argument("--slow", type=positive_seconds, default=0.1, metavar="S", help="mark polls that last so long (0.1)")
    command.add_argument("--dump", action="store_true", help="print what every task waits for, then end")
    command.set_defaults(command=_top)


def _top(arguments: argparse.Namespace) -> int:
    found = _find(arguments.which)
    if len(found) > 1:
        return _list(found, arguments.json)
    (runtime,) = found
    if arguments.dump:
        dump = runtime.dump()
        if arguments.json:
            screen.print_json(dump.to_dict())
        else:
            screen.say(str(dump))
        return 0
    if arguments.once:
        _show_one(runtime, arguments)
        return 0
    with contextlib.suppress(KeyboardInterrupt):
        _watch(runtime, arguments)
    return 0


def _find(which: str | None) -> list[Attached]:
    """The served runtimes that are meant: at least one."""
    from ..attach import Attached, AttachError, served

    if which is not None and not which.isdecimal():
        if not Path(which).is_socket():
            raise ValueError(f"{which!r} is no process id and no socket; need a number, or the path that rt.serve().path says")
        return [Attached(which)]
    found = [runtime for runtime in served() if which is None or runtime.info["pid"] == int(which)]
    if not found:
        where = "" if which is None else f" in process {which}"
        raise AttachError(f"no runtime of yours is served{where}; call rt.serve() in the program, or give the socket's path")
    return found


def _list(found: list[Attached], as_json: bool) -> int:
    if as_json:
        screen.print_json({"served": [runtime.info | {"path": str(runtime.path)} for runtime in found]})
        return 0
    keys = ("program", "pid", "runtime", "workers", "policy")
    rows = [
        [*(str(runtime.info[key]) for key in keys), format_ns(runtime.info["elapsed"]), str(runtime.path)] for runtime in found
    ]
    screen.say(table([*keys, "up", "path"], rows, width=screen.width()))
    screen.say(f"\n{len(found)} runtimes are served; choose one: stealscope top PID, or PATH")
    return 0


def _pictures(runtime: Attached, slow: float, every: float) -> Iterator[dict[str, Any] | str]:
    """Rates for ever, the first soon; a line instead where no answer came in time. Ends with the runtime."""
    from ..attach import AttachError
    from .top_view import rates

    slow_ns, before = seconds_to_ns(slow, "slow"), runtime.metrics()
    time.sleep(min(_FIRST_WINDOW, every))
    while True:
        try:
            after = runtime.metrics()
        except AttachError:
            return
        except TimeoutError as error:
            yield str(error)
        else:
            yield rates(runtime.info, before, after, slow_ns)
            before = after
        time.sleep(every)


def _show_one(runtime: Attached, arguments: argparse.Namespace) -> None:
    from ..attach import AttachError

    picture = next(_pictures(runtime, arguments.slow, arguments.every), None)
    if picture is None:
        raise AttachError(f"{runtime.path} is gone")
    if isinstance(picture, str):
        raise TimeoutError(picture)
    if arguments.json:
        screen.print_json(picture)
    else:
        screen.say(_text(picture, None))


def _watch(runtime: Attached, arguments: argparse.Namespace) -> None:
    with _show(arguments.json) as show:
        for picture in _pictures(runtime, arguments.slow, arguments.every):
            show(picture)
    print(f"stealscope: {runtime.info['runtime']} of process {runtime.info['pid']} is gone", file=sys.stderr)


@contextlib.contextmanager
def _show(as_json: bool) -> Iterator[Callable[[dict[str, Any] | str], None]]:
    """A function that shows a picture: in place of the one before on a terminal with rich, else below it."""
    if as_json:
        yield lambda picture: screen.print_json({"error": picture} if isinstance(picture, str) else picture, indent=None)
    elif screen.has_colours():
        from rich.live import Live

        with Live(auto_refresh=False, vertical_overflow="crop") as live:
            yield lambda picture: live.update(screen.painted(_text(picture, screen.height())), refresh=True)
    else:
        yield lambda picture: screen.say(_text(picture, None) + "\n")


def _text(picture: dict[str, Any] | str, height: int | None) -> str:
    from .top_view import as_text

    return picture if isinstance(picture, str) else as_text(picture, screen.width(), height)
