"""``stealscope features``: what does this build have?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..tables import key_values
from . import screen
from .arguments import Commands, shared

if TYPE_CHECKING:
    import argparse

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Tell the parser of it."""
    command = commands.add_parser("features", parents=[shared()], help="what this build has")
    command.set_defaults(command=_features)


def _features(arguments: argparse.Namespace) -> int:
    import stealscope

    found = stealscope.features()
    if arguments.json:
        screen.print_json(found)
    else:
        screen.say(key_values(found.items()))
    return 0
