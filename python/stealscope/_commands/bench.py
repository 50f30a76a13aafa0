"""``stealscope bench``: what does an operation cost here? Native workloads, and Python programs beside Python's own runtimes.

Invariant: each round runs everybody, in an order that turns from round to round, so that a drift of the machine favours nobody;
a ratio is the median over rounds of two runs of one round. Read next: `bench_programs.py`.
"""

from __future__ import annotations

import argparse
import statistics
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..tables import table
from . import screen
from .arguments import Commands, positive, positive_factor, shared

if TYPE_CHECKING:
    from .bench_programs import Program

__all__ = ["add"]

_MORE = (
    "`make bench` in a clone of the project sets Tokio, Rayon, Go and oneTBB beside the native ones, and uvloop, trio, joblib "
    "and dask beside those from Python, and prints our ratio to each"
)


def add(commands: Commands) -> None:
    """Tell the parser of it."""
    command = commands.add_parser(
        "bench", parents=[shared(workers=True)], help="what an operation costs, natively and from Python"
    )
    command.add_argument("--rounds", type=positive, default=7, metavar="N", help="runs of each, after one to warm up (7)")
    command.add_argument("--size", type=positive_factor, default=1.0, metavar="X", help="factor on the number of operations (1)")
    command.set_defaults(command=_bench)


def _bench(arguments: argparse.Namespace) -> int:
    import stealscope

    from .. import _core
    from ..run_report import manifest
    from .bench_programs import native_programs, python_programs

    def say(text: str) -> None:
        if not arguments.json:
            screen.say(text)

    with stealscope.Runtime(workers=arguments.workers) as runtime:
        workers, machine = runtime.handle.num_workers(), manifest()
        cpus, rounds = len(_core.usable_cpus()), arguments.rounds
        told = f"{workers} workers, {cpus} CPUs, Python {machine['python']}"
        say(f"{told}; median and range of {rounds} rounds after one to warm up\n")
        native = measured(native_programs(runtime, arguments.size), rounds)
        say(_native_text(native))
        with python_programs(runtime, workers, arguments.size) as programs:
            python = measured(programs, rounds)
        say(f"\n{_python_text(python)}\n\n{textwrap.fill(_MORE, screen.width() or 100)}")
    if arguments.json:
        figures = {"workers": workers, "cpus": cpus, "rounds": rounds, "native": native, "python": python}
        screen.print_json(figures | {"command": "make bench", "note": _MORE, "manifest": machine})
    return 0


def measured(programs: Sequence[Program], rounds: int) -> list[dict[str, Any]]:
    """Runs each program so often with everybody, and once before that; JSON-serialisable.

    Returns:
        By program ``name``, ``operation``, ``operations``, and ``by``: of everybody ``median``, ``low``, ``high`` (ns an operation)
        and ``ratio`` (median over rounds of its time by that of the first).
    """
    return [
        {
            "name": program.name,
            "operation": program.operation,
            "operations": program.operations,
            "by": _figures({who: [ns / program.operations for ns in series] for who, series in _runs(program, rounds).items()}),
        }
        for program in programs
    ]


def _runs(program: Program, rounds: int) -> dict[str, list[int]]:
    who = list(program.runs)
    took: dict[str, list[int]] = {name: [] for name in who}
    for number in range(rounds + 1):
        turn = number % len(who)
        for name in (*who[turn:], *who[:turn]):
            took[name].append(program.runs[name]())
    return {name: series[1:] for name, series in took.items()}


def _figures(series: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    first = next(iter(series.values()))
    return {
        who: {
            "median": statistics.median(values),
            "low": min(values),
            "high": max(values),
            "ratio": statistics.median(theirs / ours for theirs, ours in zip(values, first, strict=True)),
        }
        for who, values in series.items()
    }


def _native_text(rows: Sequence[dict[str, Any]]) -> str:
    cells = [[row["name"], row["operation"], *_texts(next(iter(row["by"].values())))] for row in rows]
    return table(["native, without the GIL", "of", "ns each", "range"], cells, width=screen.width())


def _python_text(rows: Sequence[dict[str, Any]]) -> str:
    cells = [
        [f"{row['name']}, {who}" if number == 0 else f"  {who}", *_texts(figures), f"{figures['ratio']:.2f}"]
        for row in rows
        for number, (who, figures) in enumerate(row["by"].items())
    ]
    return table(["from Python", "ns each", "range", "/ ours"], cells, width=screen.width())


def _texts(figures: dict[str, float]) -> tuple[str, str]:
    text: Callable[[float], str] = "{:,.0f}".format if figures["low"] >= 100 else "{:,.1f}".format
    return text(figures["median"]), f"{text(figures['low'])} .. {text(figures['high'])}"
