"""How does a time limit that a person gives reach the native half, and what is an awaitable's type?

Invariant: the native half takes ns as an unsigned 64-bit number, where all ones means "no limit". Read next: `sync.py`.
"""

from __future__ import annotations

from .units import optional_seconds_to_ns

__all__ = ["NO_DEADLINE", "limit_ns"]

NO_DEADLINE = 2**64 - 1
"""No time limit.  [ns]"""


def limit_ns(timeout: float | None, name: str = "timeout") -> int:
    """`timeout` in seconds, None for no limit, as the native half takes it.

    Raises:
        TypeError: not a real number.
        ValueError: negative, NaN or infinite.
    """
    ns = optional_seconds_to_ns(timeout, name)
    return NO_DEADLINE if ns is None else ns
