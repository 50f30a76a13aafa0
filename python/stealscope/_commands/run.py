"""``stealscope run``: what does one workload take, on threads or in virtual time, and what did the workers do?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import screen
from .arguments import Commands, positive_seconds, seed, shared
from .workload_text import parse_workload

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from ..report import Report
    from ..workloads import Workload

__all__ = ["add"]

_FIGURES = ("overview", "timeline", "utilization", "queue_depths", "poll_times", "latencies", "steals")


def add(commands: Commands) -> None:
    """Tell the parser of it."""
    parent = shared(workers=True, scale=True, plot="what the workers did")
    command = commands.add_parser("run", parents=[parent], help="run one workload and print its report")
    command.add_argument("workload", metavar="WORKLOAD", help="skynet, 'fib(25)', fork_join:8,2,1000, a file, a folder")
    command.add_argument("--policy", default="tokio", metavar="P", help="a preset; default: tokio")
    command.add_argument("--sim", action="store_true", help="in virtual time, on virtual workers")
    command.add_argument(
        "--seed", type=seed, metavar="N", help="of the scheduler; in virtual time it decides all; default there: 0"
    )
    command.add_argument("--timeout", type=positive_seconds, metavar="SECONDS", help="give up after so long (threads)")
    command.add_argument("--figure", choices=_FIGURES, help="which one --plot draws; default: overview")
    command.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.figure and not arguments.plot:
        raise ValueError(f"--figure {arguments.figure} without --plot FILE; say where to draw it")
    if arguments.sim and arguments.timeout is not None:
        raise ValueError(f"--timeout {arguments.timeout:g} with --sim; virtual time waits for nobody: leave one of them out")
    workload = parse_workload(arguments.workload, 1.0 if arguments.scale is None else arguments.scale)
    report = (_in_virtual_time if arguments.sim else _on_threads)(workload, arguments)
    if arguments.json:
        screen.print_json(report.to_dict())
    else:
        screen.say(str(report))
        if report.replay_line:
            screen.say(f"\nagain: {report.replay_line}")
    workload.check(report.result)
    if arguments.plot:
        _plot(report, arguments.figure or "overview", arguments.plot)
    return 0


def _on_threads(workload: Workload, arguments: argparse.Namespace) -> Report:
    import stealscope

    options = {"workers": arguments.workers, "policy": arguments.policy, "seed": arguments.seed, "timeline": bool(arguments.plot)}
    with stealscope.Runtime(**options) as runtime:
        report: Report = runtime.run(workload, timeout=arguments.timeout)
    return report


def _in_virtual_time(workload: Workload, arguments: argparse.Namespace) -> Report:
    import stealscope

    from .. import _core

    workers = arguments.workers or len(_core.usable_cpus())
    timeline = bool(arguments.plot)
    return stealscope.Simulation(workers, policy=arguments.policy, seed=arguments.seed or 0, timeline=timeline).run(workload)


def _plot(report: Report, name: str, path: Path) -> None:
    if name == "overview":
        figure = screen.new_figure(9, 7)
        above, below = figure.subplots(2, 1)
        report.plot_timeline(ax=above)
        report.plot_utilization(ax=below)
        below.set_title("", loc="left")  # title and legend stand above the timeline already
        below.get_legend().remove()
    else:
        figure = screen.new_figure(7, 4.5)
        getattr(report, f"plot_{name}")(ax=figure.subplots())
    screen.save_figure(figure, path)
