"""What does ``python -m stealscope`` do?

Invariant: a bad argument, or a file that cannot be read, is one clear line on standard error and exit status 2; with
``--json`` standard output holds one JSON document and nothing else. Read next: `tour.py`; `workloads.py` for what
WORKLOAD may be.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import workloads
from .errors import StealscopeError
from .tables import key_values, table
from .tour import tour
from .workloads import Workload

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "parse_workload"]

_CONSTRUCTORS = ("fib", "skynet", "nqueens", "matmul", "fork_join", "spawn_many", "yield_many", "ping_pong", "chained_spawn")


class _Parser(argparse.ArgumentParser):
    """As argparse, but an error is one line without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


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


def parse_workload(text: str, scale: float = 1.0) -> Workload:
    """A workload from a command line: ``skynet``, ``"fib(25)"``, ``fork_join:8,2,1000``, a WfFormat file, or a ninja build folder.

    Raises:
        ValueError: none of these, or arguments that the constructor refuses; the message says what is
            allowed.
        OSError: the file cannot be read.
    """
    name, arguments = _split_call(text)
    if name in _CONSTRUCTORS:
        constructor = getattr(workloads, name)
        positional, keywords = _literals(arguments, text)
        try:
            result: Workload = constructor(*positional, **keywords)
        except TypeError as error:  # too few or too many of them, or of a wrong type
            raise ValueError(f"{text}: {error}; need {name}{_parameters(constructor)}") from None
        return result
    path = Path(text)
    if path.is_dir():
        return workloads.from_ninja(path, scale)
    if path.is_file():
        return workloads.from_wfcommons(path, scale)
    known = ", ".join(name + _parameters(getattr(workloads, name)) for name in _CONSTRUCTORS)
    raise ValueError(f"{text!r} is no workload, file or folder; need {known}, a WfFormat file, or a ninja build folder")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="stealscope", description="A work-stealing task scheduler, and what can be seen of it.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = _Parser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    threads = _Parser(add_help=False)
    threads.add_argument("--workers", type=_positive, metavar="N", help="worker threads; default: one a CPU")
    threads.add_argument("--scale", type=float, metavar="X", help="factor on recorded times: 1e-6 makes a second a us")

    command = commands.add_parser("tour", parents=[shared, threads], help="the main job in one minute")
    source = command.add_mutually_exclusive_group()
    source.add_argument("--workflow", metavar="FILE", help="a recorded workflow (WfFormat JSON) to run")
    source.add_argument("--build", metavar="DIR", help="a folder in which ninja has built: run that build's graph")
    command.set_defaults(command=_tour)

    command = commands.add_parser("run", parents=[shared, threads], help="run one workload and print its report")
    command.add_argument("workload", metavar="WORKLOAD", help="skynet, 'fib(25)', fork_join:8,2,1000, a file, a folder")
    command.add_argument("--timeout", type=float, metavar="SECONDS", help="give up after so long")
    command.set_defaults(command=_run)

    command = commands.add_parser("calibrate", parents=[shared], help="measure this machine for simulations")
    command.add_argument("--rounds", type=_positive, default=200, metavar="N", help="samples of each cost (200)")
    command.add_argument("--repeats", type=_positive, default=9, metavar="N", help="real runs of each workload (9)")
    command.set_defaults(command=_calibrate)

    command = commands.add_parser("compare", parents=[shared], help="policies side by side on one workload, in virtual time")
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("workload", metavar="WORKLOAD", nargs="?", help="as for run")
    source.add_argument("--workflow", metavar="FILE", help="a recorded workflow (WfFormat JSON)")
    command.add_argument("--workers", type=_positive, metavar="N", required=True, help="virtual workers")
    command.add_argument("--seeds", type=_positive, default=20, metavar="N", help="replications; default: 20")
    command.add_argument("--policies", metavar="A,B,...", help="presets, the first is the baseline; default: all")
    command.add_argument("--scale", type=float, default=1.0, metavar="X", help="factor on recorded times")
    command.set_defaults(command=_compare)

    command = commands.add_parser("bench", parents=[shared], help="how to compare with other runtimes")
    command.set_defaults(command=_bench)
    command = commands.add_parser("features", parents=[shared], help="what this build has")
    command.set_defaults(command=_features)
    return parser


def _tour(arguments: argparse.Namespace) -> int:
    with Path(os.devnull).open("w", encoding="utf-8") as silence, _runtime(arguments.workers) as runtime:
        data = tour(
            runtime,
            workflow=arguments.workflow,
            build=arguments.build,
            scale=arguments.scale,
            out=silence if arguments.json else None,
        )
    if arguments.json:
        _print_json(data)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    workload = parse_workload(arguments.workload, 1.0 if arguments.scale is None else arguments.scale)
    with _runtime(arguments.workers) as runtime:
        report = runtime.run(workload, timeout=arguments.timeout)
    if arguments.json:
        _print_json(report.to_dict())
    else:
        print(report)
    workload.check(report.result)
    return 0


def _calibrate(arguments: argparse.Namespace) -> int:
    from .calibrate import calibrate, predictions

    costs = calibrate(rounds=arguments.rounds)
    checked = predictions(costs, repeats=arguments.repeats)
    if arguments.json:
        _print_json({"costs": costs.to_dict(), "predictions": [entry.to_dict() for entry in checked]})
        return 0
    print(f"{costs.machine}, {costs.date}\n")
    print(key_values((kind, costs.shown(kind)) for kind in costs.kinds()))
    print("\nmakespan in virtual time with these costs, and on real threads:\n")
    print(table(("workload", "workers", "predicted", "measured", "real runs", "error"), (entry.row() for entry in checked)))
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from . import Policy
    from ._compare_command import compared, compared_as_text

    workload = parse_workload(arguments.workflow or arguments.workload, arguments.scale)
    policies = arguments.policies.split(",") if arguments.policies else list(Policy.presets())
    data = compared(workload, policies, arguments.workers, arguments.seeds, progress=sys.stderr.isatty())
    if arguments.json:
        _print_json(data)
    else:
        print(compared_as_text(data))
    return 1 if all(row["failed"] == row["runs"] for row in data["rows"]) else 0


def _bench(arguments: argparse.Namespace) -> int:
    text = "benchmarks run from a clone of the project: `make bench` builds each peer and prints our ratio to it"
    if arguments.json:
        _print_json({"command": "make bench", "note": text})
    else:
        print(text)
    return 0


def _features(arguments: argparse.Namespace) -> int:
    from . import features

    found = features()
    values = dict(found) if hasattr(found, "items") else dict.fromkeys(found, True)
    if arguments.json:
        _print_json(values)
    else:
        print(key_values((str(name), value) for name, value in values.items()))
    return 0


def _runtime(workers: int | None) -> Any:
    from . import Runtime

    return Runtime(workers=workers)


def _print_json(data: object) -> None:
    json.dump(data, sys.stdout, indent=1, default=str)
    print()


def _complain(error: Exception, status: int) -> int:
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"stealscope: {text}", file=sys.stderr)
    return status


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r}; need 1..65535")
    return value


def _split_call(text: str) -> tuple[str, str]:
    name, separator, rest = text.partition("(")
    if separator and rest.endswith(")"):
        return name.strip(), rest[:-1]
    name, _, rest = text.partition(":")
    return name.strip(), rest


def _literals(arguments: str, text: str) -> tuple[list[Any], dict[str, Any]]:
    try:
        call = ast.parse(f"f({arguments})", mode="eval").body
        if not isinstance(call, ast.Call) or any(keyword.arg is None for keyword in call.keywords):
            raise SyntaxError
        positional = [_literal(node) for node in call.args]
        return positional, {str(keyword.arg): _literal(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError):
        raise ValueError(f"{text!r}: arguments must be numbers or words, as in 'fib(25)' or fork_join:8,2,1000") from None


def _literal(node: ast.expr) -> Any:
    # A bare word stands for itself, so that a shell needs no quotes inside quotes: spawn_many:1000,remote
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _parameters(constructor: Any) -> str:
    return f"({', '.join(inspect.signature(constructor).parameters)})"


if __name__ == "__main__":
    sys.exit(main())
