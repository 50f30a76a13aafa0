"""``stealscope tour``: the main job in one minute. Read next: `stealscope.tour`, which does it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from . import screen
from .arguments import Commands, shared

if TYPE_CHECKING:
    import argparse

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Tell the parser of it."""
    command = commands.add_parser("tour", parents=[shared(workers=True, scale=True)], help="the main job in one minute")
    source = command.add_mutually_exclusive_group()
    source.add_argument("--workflow", metavar="FILE", help="a recorded workflow (WfFormat JSON) to run")
    source.add_argument("--build", metavar="DIR", help="a folder in which ninja has built: run that build's graph")
    command.set_defaults(command=_tour)


def _tour(arguments: argparse.Namespace) -> int:
    import stealscope

    from ..tour import tour

    with stealscope.Runtime(workers=arguments.workers) as runtime:
        data = tour(
            runtime,
            workflow=arguments.workflow,
            build=arguments.build,
            scale=arguments.scale,
            out=io.StringIO() if arguments.json else screen.Spoken(),
        )
    if arguments.json:
        screen.print_json(data)
    return 0
