"""``stealscope calibrate``: what do the simulation's steps cost on this machine, and how well does that predict?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..tables import key_values, table
from . import screen
from .arguments import Commands, positive, shared

if TYPE_CHECKING:
    import argparse

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Tell the parser of it."""
    command = commands.add_parser("calibrate", parents=[shared()], help="measure this machine for simulations")
    command.add_argument("--rounds", type=positive, default=200, metavar="N", help="samples of each cost (200)")
    command.add_argument("--repeats", type=positive, default=9, metavar="N", help="real runs of each workload (9)")
    command.set_defaults(command=_calibrate)


def _calibrate(arguments: argparse.Namespace) -> int:
    from ..calibration import calibrate, predictions

    costs = calibrate(rounds=arguments.rounds, progress=sys.stderr.isatty())
    checked = predictions(costs, repeats=arguments.repeats, progress=sys.stderr.isatty())
    if arguments.json:
        screen.print_json({"costs": costs.to_dict(), "predictions": [entry.to_dict() for entry in checked]})
        return 0
    screen.say(f"{costs.machine}, {costs.date}\n")
    screen.say(key_values((kind, costs.shown(kind)) for kind in costs.kinds()))
    screen.say("\nmakespan in virtual time with these costs, and on real threads:\n")
    heads = ("workload", "workers", "predicted", "measured", "real runs", "error")
    screen.say(table(heads, (entry.row() for entry in checked), width=screen.width()))
    return 0
