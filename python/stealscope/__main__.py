"""What does ``python -m stealscope`` do?

Invariant: a bad argument, or a file that cannot be read, is one clear line on standard error and exit status 2; with
``--json`` standard output holds JSON and nothing else: one document, or from a live ``top`` one a line. Read next:
`_commands/`, a module a command.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ._commands import bench, calibrate, compare, features, run, top, tour
from ._commands.arguments import Parser
from ._commands.workload_text import parse_workload
from .errors import StealscopeError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main", "parse_workload"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; `argv` None means ``sys.argv[1:]``.

    Returns:
        Exit status: 0 done, 1 the run failed, 2 a bad argument, 130 interrupted.
    """
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    try:
        return int(arguments.command(arguments))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader left (as `head` does): nothing more can be said, and flushing at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (StealscopeError, TimeoutError) as error:
        return _complain(error, 1)
    except (ValueError, OSError) as error:
        return _complain(error, 2)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="stealscope", description="A work-stealing task scheduler, and what can be seen of it.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (tour, run, compare, bench, top, calibrate, features):
        command.add(commands)
    return parser


def _complain(error: Exception, status: int) -> int:
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"stealscope: {text}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
