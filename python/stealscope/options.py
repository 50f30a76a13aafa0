"""What can be set about a runtime beyond its policy: hooks and histograms.

Invariant: every value here is frozen and checked when it is made, so a `Runtime` never meets a bad one. Read next:
`runtime.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

from .units import checked_count, seconds_to_ns

__all__ = ["H2", "Histograms", "Hooks", "Linear", "TaskMeta"]


class TaskMeta(NamedTuple):
    """A task, as a hook is told of it.

    Attributes:
        id: the task's number, unique in this process.
        name: given at spawn, or an empty string.
        kind: "native", "coroutine", "callable" or "blocking".
        spawned_at: (file, line, function) of the code that spawned it; empty and 0 where that is not known.
    """

    id: int
    name: str
    kind: str
    spawned_at: tuple[str, int, str]


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Functions that the runtime calls as things happen, without its locks held.

    Thread hooks get the worker's index, or None on a thread of the blocking pool; task hooks get a `TaskMeta`. What a hook
    raises goes to `sys.unraisablehook`, and the hook stays. A Python hook takes the GIL: the poll hooks cost that on every
    poll, native ones too. Source of the names: Tokio 1.48, ``runtime::Builder``.
    """

    on_thread_start: Callable[[int | None], object] | None = None
    on_thread_stop: Callable[[int | None], object] | None = None
    on_thread_park: Callable[[int | None], object] | None = None
    on_thread_unpark: Callable[[int | None], object] | None = None
    on_task_spawn: Callable[[TaskMeta], object] | None = None
    on_before_task_poll: Callable[[TaskMeta], object] | None = None
    on_after_task_poll: Callable[[TaskMeta], object] | None = None
    on_task_terminate: Callable[[TaskMeta], object] | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            hook = getattr(self, field.name)
            if hook is not None and not callable(hook):
                raise TypeError(f"{field.name}={hook!r}; need a callable or None")

    def _native(self) -> dict[str, Callable[..., object] | None]:
        return {
            field.name: _with_meta(hook) if "task" in field.name and hook is not None else hook
            for field in fields(self)
            for hook in [getattr(self, field.name)]
        }


def _with_meta(hook: Callable[[TaskMeta], object]) -> Callable[..., object]:
    def call(task_id: int, name: str, kind: str, _reserved: str, place: tuple[str, int, str]) -> None:
        hook(TaskMeta(task_id, name, kind, place))

    return call


@dataclass(frozen=True)
class Linear:
    """Buckets of equal width. Tokio's first kind of histogram.

    Args:
        width: of a bucket, seconds.
        buckets: how many; the last one takes all that is longer.
    """

    width: float = 100e-6
    buckets: int = 10

    def __post_init__(self) -> None:
        if seconds_to_ns(self.width, "width") == 0:
            raise ValueError(f"width={self.width!r}; need at least 1 ns (1e-9)")
        checked_count(self.buckets, "buckets", low=1, high=65_536)

    def _native(self) -> tuple[Any, ...]:
        return ("linear", seconds_to_ns(self.width, "width"), self.buckets)


@dataclass(frozen=True)
class H2:
    """Logarithmic buckets of bounded relative error, ``2 ** -precision``. Source: the H2 histogram, as in Tokio 1.48.

    Args:
        low: shorter times are told apart no more, seconds.
        high: longer ones neither, seconds.
        precision: 0 to 10.
    """

    low: float = 100e-9
    high: float = 60.0
    precision: int = 2

    def __post_init__(self) -> None:
        low, high = seconds_to_ns(self.low, "low"), seconds_to_ns(self.high, "high")
        checked_count(self.precision, "precision", low=0, high=10)
        if not 0 < low < high:
            raise ValueError(f"low={self.low!r}, high={self.high!r}; need 0 < low < high, seconds")

    def _native(self) -> tuple[Any, ...]:
        return ("h2", seconds_to_ns(self.low, "low"), seconds_to_ns(self.high, "high"), self.precision)


Histogram = H2 | Linear


@dataclass(frozen=True, kw_only=True)
class Histograms:
    """Which times are kept as histograms, and in what buckets; None: not.

    Args:
        poll: time of turns (Tokio's ``poll_count_histogram``: polls from the LIFO slot are part of the turn).
        task_poll: time of every poll.
        latency: from wake to poll.
    """

    poll: Histogram | None = None
    task_poll: Histogram | None = None
    latency: Histogram | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not isinstance(value, (H2, Linear)):
                raise TypeError(f"{field.name}={value!r}; need H2(...), Linear(...) or None")

    @classmethod
    def resolve(cls, given: Histograms | Literal["default"] | None) -> Histograms:
        """What a `Runtime` was given, as a value: None is no histogram, "default" all three with `H2`'s defaults."""
        if given is None:
            return cls()
        if given == "default":
            return cls(poll=H2(), task_poll=H2(), latency=H2())
        if not isinstance(given, cls):
            raise TypeError(f'histograms={given!r}; need Histograms(...), "default" or None')
        return given

    def _native(self) -> tuple[tuple[Any, ...] | None, ...]:
        return tuple(None if h is None else h._native() for h in (self.poll, self.task_poll, self.latency))
