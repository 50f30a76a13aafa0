"""What may be given to a `Runtime`, and what does it become?

Invariant: whatever leaves this file the native runtime takes; all else is an error that says what is allowed.
"""

from __future__ import annotations

import os

from . import _core
from .units import checked_count

__all__ = ["checked_name", "checked_seed", "checked_workers"]


def checked_name(name: object) -> str:
    """What begins the names of the workers' threads."""
    if name is None:
        return "ss-worker"
    if isinstance(name, str) and name and "\0" not in name:
        return name
    raise ValueError(f"name={name!r}; need text without null characters, or None")


def checked_workers(workers: int | None) -> int:
    """How many workers; None is one for each CPU that this process may use."""
    if workers is None:
        return min(len(_core.usable_cpus()), 65_535)
    return checked_count(workers, "workers", low=1, high=65_535, hint="leave it out for one per CPU")


def checked_seed(seed: int | None) -> int:
    """A seed that is not 0; None draws one."""
    if seed is None:
        return int.from_bytes(os.urandom(8), "little") or 1
    return checked_count(seed, "seed", low=0, high=(1 << 64) - 1) or 0x9E3779B97F4A7C15
