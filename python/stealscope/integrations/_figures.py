"""Which figures do the exporters show, and of which runtimes?

Invariant: `METRICS` decides: an exporter has no list of its own, and one that this build does not measure is not exported. Read next:
`prometheus.py`, `opentelemetry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..dump_signal import live_runtimes
from ..handle import METRICS, Handle, MetricInfo
from ..runtime import Runtime
from ..units import ns_to_seconds

__all__ = ["Handles", "exported", "handles_of", "values_of"]

Handles = Callable[[], list[Handle]]


def exported() -> list[MetricInfo]:
    """What is a number: labels are left out (a thread's or a task's identifier would make a new series each time it changes)."""
    return [info for info in METRICS.values() if info["available"] and info["kind"] != "label"]


def handles_of(runtimes: tuple[Runtime | Handle, ...]) -> Handles:
    """Handles of the runtimes given, or if there are none of those that live when it is called.

    Raises:
        TypeError: neither a runtime nor a handle.
    """
    for given in runtimes:
        if not isinstance(given, Runtime | Handle):
            raise TypeError(f"{given!r} is a {type(given).__name__}; need runtimes or their handles, or none for all that live")
    fixed = [given.handle if isinstance(given, Runtime) else given for given in runtimes]
    return (lambda: fixed) if fixed else _live_handles


def _live_handles() -> list[Handle]:
    return [runtime.handle for runtime in list(live_runtimes)]


def values_of(info: MetricInfo, snapshot: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], Any]]:
    """Labels and value, once or once a worker; durations in seconds, a histogram as its dict. What is None now is left out."""
    labels = {"runtime": snapshot["runtime"]}
    places = enumerate(snapshot["workers"]) if info["scope"] == "worker" else [(None, snapshot)]
    for worker, figures in places:
        value = figures[info["name"]]
        if value is None:
            continue
        if info["unit"] == "ns" and info["kind"] != "histogram":
            value = ns_to_seconds(value)
        yield labels if worker is None else labels | {"worker": str(worker)}, value
