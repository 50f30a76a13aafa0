"""What may WORKLOAD be on a command line? A constructor with arguments, a recorded workflow, or a build."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

from .. import workloads
from ..workloads import Workload

__all__ = ["parse_workload"]

_CONSTRUCTORS = ("fib", "skynet", "nqueens", "matmul", "fork_join", "spawn_many", "yield_many", "ping_pong", "chained_spawn")


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
