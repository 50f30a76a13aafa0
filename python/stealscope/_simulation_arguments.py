"""Are the arguments of a `Simulation` and of its runs in range? Each check says what is allowed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from .faults import Fault, LateWake, Slow, Stall
from .units import checked_count

__all__ = ["check_workload", "checked_array", "checked_faults", "checked_limit"]


def checked_array(given: npt.ArrayLike | None, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64] | None:
    """A copy as floats; None stays None.

    Raises:
        ValueError: another shape, or values that are negative or not finite.
    """
    if given is None:
        return None
    array = np.array(given, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; need {shape}")
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f"{name} has values that are negative or not finite; need finite ones >= 0")
    return array


def checked_faults(given: Iterable[Fault]) -> tuple[Fault, ...]:
    """A tuple of faults, or `TypeError`."""
    faults = tuple(given)
    for fault in faults:
        if not isinstance(fault, Stall | Slow | LateWake):
            raise TypeError(f"faults: {fault!r}; need Stall(...), Slow(...) or LateWake(...)")
    return faults


def check_workload(workload: object, call: str) -> None:
    """`TypeError` for what is no `Workload`."""
    from .workloads import Workload

    if not isinstance(workload, Workload):
        raise TypeError(f"{call} needs a Workload, not {workload!r}; block_on() takes async functions")


def checked_limit(max_steps: int | None) -> int | None:
    """A number of steps, at least one; None is no limit."""
    return None if max_steps is None else checked_count(max_steps, "max_steps", low=1)
