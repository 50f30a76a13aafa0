"""Is this input the same as one that was run before? A hash of what a value holds, equal in every process.

Invariant: two values with the same hash hold the same; what cannot be looked into is hashed by its pickle.
Read next: `_cells.py` (the key of a cell).
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import pickle
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from . import _core

__all__ = ["content_hash", "described", "scheduler_hash"]


def content_hash(value: object) -> str:
    """SHA-256 of all that a value holds, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    _feed(value, digest.update)
    return digest.hexdigest()


@cache
def scheduler_hash() -> str:
    """SHA-256 of the extension module: another build may schedule differently, and then its results are others."""
    return hashlib.sha256(Path(_core.__file__).read_bytes()).hexdigest()


def described(value: object) -> Any:
    """The fields of a value, JSON-serialisable, for a reader; long arrays by their hash."""
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size <= 64 else {"shape": list(value.shape), "sha256": content_hash(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: described(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [described(item) for item in value] if len(value) <= 64 else {"length": len(value), "sha256": content_hash(value)}
    return repr(value) if not isinstance(value, FunctionType) else f"{value.__module__}.{value.__qualname__}"


def _feed(value: object, add: Callable[[bytes], None]) -> None:
    # Every part is preceded by its kind and length, so that no two different values feed the same bytes.
    if isinstance(value, np.ndarray):
        add(f"array {value.dtype.str} {value.shape};".encode())
        add(np.ascontiguousarray(value).tobytes())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        add(f"{type(value).__qualname__} {len(fields)};".encode())
        for field in fields:
            _feed(field.name, add)
            _feed(getattr(value, field.name), add)
    elif isinstance(value, Mapping):
        add(f"mapping {len(value)};".encode())
        for key, item in value.items():
            _feed(key, add)
            _feed(item, add)
    elif isinstance(value, list | tuple):
        add(f"sequence {len(value)};".encode())
        for item in value:
            _feed(item, add)
    else:
        kind, data = _leaf(value)
        add(f"{kind} {len(data)};".encode())
        add(data)


def _leaf(value: object) -> tuple[str, bytes]:
    if isinstance(value, bool | int | float | str | None):
        return type(value).__name__, repr(value).encode()
    if isinstance(value, bytes):
        return "bytes", value
    if isinstance(value, FunctionType):
        try:
            text = inspect.getsource(value)
        except (OSError, TypeError):  # typed at a prompt
            text = repr((value.__code__.co_code, value.__code__.co_consts, value.__code__.co_names))
        return "function", f"{value.__module__}.{value.__qualname__}\n{text}".encode()
    return "pickle", pickle.dumps(value, protocol=4)
