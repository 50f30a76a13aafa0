"""Which scheduling decisions can be made otherwise, and how do known schedulers make them?

Invariant: a `Policy` that exists makes sense: every field is in range and has an effect beside the others. The rules stand
in one place, in C++ (``rt/policy/check.cpp``). Read next: `simulation.py` and `runtime.py`, which take one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, TypeAlias

from . import _core, _html

__all__ = ["Policy", "Victims"]

VictimFunction: TypeAlias = Callable[[int, int, "tuple[int, ...]", Callable[[int], int]], "int | None"]
Victims: TypeAlias = (
    Literal["random-start-scan", "uniform", "round-robin", "last-victim", "two-choices", "longest", "nearest"] | VictimFunction
)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Every scheduling decision, as a value; ``Policy()`` is Tokio 1.48's.

    Wherever a policy is taken, the name of a preset is too. A field that was changed and has no effect beside another is
    refused, so that two policies which differ also act differently.

    Args:
        lifo_slot: a task woken by a worker's own task runs next there, ahead of its queue.
        lifo_polls: polls from that slot which may follow a turn's first poll.
        lifo_steal_after: failed passes before a thief may take the task in a slot; None: never. A pass is a search's look at its
            victims; a search then has as many more of them.
        local_order: ``"fifo"``, a bounded ring, or ``"lifo"``, a Chase-Lev deque, which grows.
        local_capacity: tasks in a worker's queue, a power of two; of a deque its first size.
        placement: where a new task goes: ``"local"``, the spawning worker's queue; ``"central"``, one queue for all, new and
            woken tasks alike; ``"random"``, a random worker; ``("jsq", d)``, the least loaded of d random workers.
        steal: how much a thief takes: ``"half"``, ``"one"``, ``"all"``, an int, a float strictly between 0 and 1 (a share,
            rounded up), or None for no stealing.
        steal_end: from which end of the victim's queue.
        steal_threshold: least stealable tasks plus the one in service that a victim must have.
        victims: whom a thief looks at: an order by name (``"nearest"`` needs a topology), or a function, see below.
        attempts: looks in a search; None is one sweep over all peers.
        retry: a woken worker that finds nothing of its own searches again; False: it searches once each time it has run out.
        overflow: how much of a full ring goes to the shared queue.
        overflow_end: from which end.
        global_interval: turns between two looks at the shared queue first; ``"adaptive"`` tunes it to 200 us.
        inject: the shared queue, ``"single"`` or ``"sharded"``.
        inject_batch: tasks that a visit to it takes: ``"share"``, Tokio's, or a number, also taken while busy.
        max_searching: share of the workers that may search at once, above 0 and up to 1.
        spin: sweeps more before a worker parks.
        notify: whom a push wakes: ``"baton"``, Tokio's, one sleeper if nobody searches; ``"per-task"``; ``"all"``;
            ``"never"``, nobody (from outside still one worker if all sleep).
        driver_handoff: a worker that held the timers wakes a peer before it polls.
        fork: who runs first when a native task forks: ``"help-first"``, the parent, or ``"work-first"``, the child.
        coop_budget: operations that may succeed in one turn before a task gives way; None: no limit.
        event_interval: turns between two rounds of upkeep.

    A `victims` function is ``f(thief, attempt, lengths, choose) -> int | None``: the thief's index, the number of this look in
    the search from 0, each worker's stealable tasks, and ``choose(n)``, the only source of random numbers, in 0..n-1. It
    returns a worker, or None to end the search. A Python callable works in a simulation. On threads it has to be compiled, a
    numba ``@cfunc`` or a ctypes or cffi function pointer, with the signature ``int64(int64 thief, int64 attempt, int64* lengths,
    int64 workers, int64 random)``: `random` is uniform in 0..2**31-1, a negative return value ends the search, one that is no
    worker counts as a look in vain, several threads call it at once.

    Raises:
        ValueError: a value out of range, or a field without effect; the message names field, value and what to do.

    Source: Tokio 1.48, ``runtime/scheduler/multi_thread``, for the defaults.
    """

    lifo_slot: bool = True
    lifo_polls: int = 3
    lifo_steal_after: int | None = None
    local_order: Literal["fifo", "lifo"] = "fifo"
    local_capacity: int = 256
    placement: Literal["local", "central", "random"] | tuple[Literal["jsq"], int] = "local"
    steal: Literal["half", "one", "all"] | int | float | None = "half"
    steal_end: Literal["oldest", "newest"] = "oldest"
    steal_threshold: int = 1
    victims: Victims = "random-start-scan"
    attempts: int | None = None
    retry: bool = True
    overflow: Literal["half", "all"] = "half"
    overflow_end: Literal["oldest", "newest"] = "oldest"
    global_interval: Literal["adaptive"] | int = "adaptive"
    inject: Literal["single", "sharded"] = "single"
    inject_batch: Literal["share"] | int = "share"
    max_searching: float = 0.5
    spin: int = 0
    notify: Literal["baton", "per-task", "all", "never"] = "baton"
    driver_handoff: bool = False
    fork: Literal["help-first", "work-first"] = "help-first"
    coop_budget: int | None = 128
    event_interval: int = 61

    def __post_init__(self) -> None:
        placement: object = self.placement
        if isinstance(placement, list):  # as JSON gives it
            object.__setattr__(self, "placement", tuple(placement))
        _core.check_policy(self.to_dict(), True)

    # ---- presets ----

    @classmethod
    def presets(cls) -> dict[str, Policy]:
        """The named policies, in a new dict; `about` says what each imitates and what is absent."""
        return dict(_presets())

    @classmethod
    def resolve(cls, given: str | Policy) -> Policy:
        """A policy, or the preset of that name.

        Raises:
            TypeError: neither.
            ValueError: no preset of that name.
        """
        if isinstance(given, cls):
            return given
        if not isinstance(given, str):
            raise TypeError(f"policy={given!r}; need a Policy or the name of a preset: {', '.join(_presets())}")
        if given not in _presets():
            raise ValueError(f"policy={given!r}; need one of {', '.join(_presets())}, or a Policy(...)")
        return _presets()[given]

    @property
    def name(self) -> str | None:
        """The preset that this is, or None."""
        return next((name for name, preset in _presets().items() if preset == self), None)

    @property
    def about(self) -> str:
        """Of a preset: what it imitates and what is absent. Else an empty string."""
        return inspect.cleandoc(_PRESETS[self.name].__doc__ or "") if self.name else ""

    @property
    def changed(self) -> dict[str, Any]:
        """The fields that differ from Tokio's, by name."""
        return {name: value for name, value in self.to_dict().items() if value != _DEFAULTS[name]}

    def to_dict(self) -> dict[str, Any]:
        """All fields by name; ``Policy(**policy.to_dict())`` is equal to it."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    def __str__(self) -> str:
        """The preset's name, or the fields that differ from Tokio's."""
        return self.name or ", ".join(f"{name}={_shown(value)}" for name, value in self.changed.items())

    def __repr__(self) -> str:
        return f"Policy({', '.join(f'{name}={_shown(value)}' for name, value in self.changed.items())})"

    def _repr_html_(self) -> str:
        rows = _html.pairs(((name, _shown(value)) for name, value in self.to_dict().items()), marked=self.changed)
        about = _html.preformatted(self.about) if self.about else ""
        return _html.section(f"{self.name or 'policy'}: {len(self.changed)} of {len(fields(self))} fields changed", about + rows)


def _tokio() -> Policy:
    """Tokio 1.48's multi-threaded runtime, exactly: the defaults of every field."""
    return Policy()


def _go_like() -> Policy:
    """Go's scheduler, selected decisions.

    Imitated: a slot for the goroutine made ready last, which keeps running its successor (here up to 1,000 polls); rings of
    256, half of which are stolen or overflow; the global queue first every 61st turn; four sweeps over the peers before
    parking; at most half of the workers search.
    Absent: pre-emption and the 10 ms time slice that the slot inherits; stealing that slot after 3 us; the network poller
    and idle-time garbage collection; random permutation of peers (a random start instead).
    Source: Go 1.22, runtime/proc.go (runqput, runqsteal, stealWork, findRunnable, wakep).
    """
    return Policy(lifo_polls=1000, global_interval=61, spin=3, coop_budget=None)


def _rayon_like() -> Policy:
    """Rayon's thread pool, selected decisions.

    Imitated: a Chase-Lev deque, newest first for its owner, of which thieves take one task from the old end; no slot beside
    it; peers from a random start; no limit to how many search; 32 rounds of looking before sleep; new work from outside
    comes after one's own.
    Absent: join() that works on others' tasks while it waits (here the parent suspends); looking at peers before the
    injector; the jobs counter that decides whom to wake (here one sleeper if nobody searches).
    Source: rayon-core 1.12, registry.rs, sleep/mod.rs.
    """
    return Policy(
        lifo_slot=False,
        local_order="lifo",
        steal="one",
        global_interval=1_000_000,
        max_searching=1.0,
        spin=32,
        coop_budget=None,
    )


def _cilk_like() -> Policy:
    """Cilk's work stealing, selected decisions.

    Imitated: the child runs first and the parent is what can be stolen; a deque, newest first for its owner; a thief looks
    at one random victim at a time and takes the oldest frame; all may search.
    Absent: thieves that never sleep (here 32 looks, then rest); the THE protocol and its lock; the join of a frame by its
    last child without a wake-up; a plain spawn, which is help-first.
    Source: Blumofe and Leiserson, "Scheduling multithreaded computations by work stealing", 1999; Frigo, Leiserson and
    Randall, "The implementation of the Cilk-5 multithreaded language", 1998.
    """
    return Policy(
        lifo_slot=False,
        local_order="lifo",
        steal="one",
        victims="uniform",
        global_interval=1_000_000,
        max_searching=1.0,
        spin=32,
        fork="work-first",
        coop_budget=None,
    )


def _central_queue() -> Policy:
    """One first-in first-out queue for all workers: new and woken tasks alike, taken one at a time. A baseline (M/M/c)."""
    return Policy(placement="central", steal=None, inject_batch=1)


def _work_sharing() -> Policy:
    """A new task goes to the less loaded of two random workers and stays there: JSQ(2) without stealing. A baseline.

    Source: Mitzenmacher, "The power of two choices in randomized load balancing", 2001.
    """
    return Policy(placement=("jsq", 2), steal=None)


def _no_stealing() -> Policy:
    """A new task goes to a random worker and stays there. A baseline: what stealing or sharing has to beat."""
    return Policy(placement="random", steal=None)


_PRESETS: dict[str, Callable[[], Policy]] = {
    "tokio": _tokio,
    "go_like": _go_like,
    "rayon_like": _rayon_like,
    "cilk_like": _cilk_like,
    "central_queue": _central_queue,
    "work_sharing": _work_sharing,
    "no_stealing": _no_stealing,
}
_DEFAULTS = {entry.name: entry.default for entry in fields(Policy)}


@cache
def _presets() -> dict[str, Policy]:
    return {name: make() for name, make in _PRESETS.items()}


def _shown(value: object) -> str:
    return getattr(value, "__qualname__", repr(value)) if callable(value) else repr(value)
