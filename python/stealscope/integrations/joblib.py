"""How do joblib's parallel calls run on a runtime? As tasks of it: ``with parallel_config("stealscope"): Parallel()(calls)``.

`register` makes the name known to joblib; importing this module imports joblib. Invariant: at most `n_jobs` batches of a call run at
a time, whatever the number of workers; a call that waits for others on a worker hands its core on, so nested calls cannot stop each
other. Read next: `executor.py`, for code that knows `concurrent.futures`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager
from typing import Any

from .. import _core
from ..errors import import_extra
from ..executor import hand_core_on
from ..runtime import Runtime

_joblib = import_extra("joblib.parallel", "joblib")
_Base: Any = _joblib.ParallelBackendBase

__all__ = ["StealscopeBackend", "register"]

_DEEPEST = 2
"""Calls nested so deep run one after the other, as with joblib's own backends: each that waits holds a thread."""

_INSTEAD = "spawn_blocking(...)"

_Outcome = Callable[[], Any]
"""Gives the results of a batch, or raises."""


def register(*, make_default: bool = False) -> None:
    """Tell joblib the backend ``"stealscope"``; once a process is enough, more does no harm.

    Args:
        make_default: joblib uses it where no backend is named.
    """
    _joblib.register_parallel_backend("stealscope", StealscopeBackend, make_default=make_default)


class StealscopeBackend(_Base):  # type: ignore[misc]  # joblib has no types
    """A joblib backend; name it in ``parallel_config("stealscope", ...)`` after `register`, or pass an instance.

    Args:
        runtime: where the calls run; it stays open. None: each call makes a runtime of `n_jobs` workers and closes it.
        nesting_level: joblib's: how many parallel calls this one is inside.
        **options: joblib's, for its base class.

    Without `n_jobs` (and with -1) all workers of `runtime` are used, or one a CPU. Calls that run Python code take turns on an
    ordinary CPython, as with joblib's ``"threading"``; nothing is pickled.

    Raises:
        TypeError: `runtime` is no `Runtime`.
    """

    default_n_jobs = -1
    supports_retrieve_callback = True
    supports_sharedmem = True
    uses_threads = True

    def __init__(self, runtime: Runtime | None = None, nesting_level: int | None = None, **options: Any) -> None:
        if runtime is not None and not isinstance(runtime, Runtime):
            raise TypeError(f"runtime={runtime!r}; need a Runtime, or None for one of its own for each call")
        super().__init__(nesting_level=nesting_level, **options)
        self._given = runtime
        self._runtime: Runtime | None = None
        self._batches: _Batches | None = None
        self._aborted = False

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many batches run at a time: `n_jobs`, counted from the end if negative, and at most the runtime's workers."""
        if n_jobs == 0:
            raise ValueError("n_jobs=0; need 1 or more, or -1 for all workers")
        if n_jobs is None:
            return 1
        workers = len(_core.usable_cpus()) if self._given is None else self._given.handle.num_workers()
        if n_jobs < 0:
            return int(max(workers + 1 + n_jobs, 1))
        return int(n_jobs if self._given is None else min(n_jobs, workers))

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_: Any) -> int:
        """Get ready for a call.

        Raises:
            RuntimeError: in a coroutine, where waiting would block the worker, or in a simulation.
        """
        count = self.effective_n_jobs(n_jobs)
        if count == 1 or (self.nesting_level or 0) >= _DEEPEST:
            raise _joblib.FallbackToBackend(_joblib.SequentialBackend(nesting_level=self.nesting_level))
        _core.check_may_block("joblib.Parallel()", _INSTEAD)
        self.parallel = parallel
        self._aborted = False
        self._runtime = self._given or Runtime(workers=count, name="joblib")
        self._batches = _Batches(self._runtime, count)
        return count

    def submit(self, func: Callable[[], Any], callback: Callable[[_Outcome], None] | None = None) -> None:
        """Run a batch when there is room; `callback` gets its outcome on the worker."""
        assert self._batches is not None, "joblib calls configure() first"
        self._batches.submit(func, callback)

    def retrieve_result_callback(self, out: _Outcome) -> Any:
        """The batch's results, or its exception raised with its own traceback."""
        return out()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Forget what has not begun; a batch that runs goes on to its end, and nobody hears of it."""
        self._aborted = True
        if self._batches is not None:
            self._batches.forget()
        if ensure_ready:
            self.terminate()
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)

    def terminate(self) -> None:
        """The call is over: a runtime of its own is closed."""
        runtime, self._runtime, self._batches = self._runtime, None, None
        if runtime is not None and runtime is not self._given:
            runtime.shutdown(wait=not self._aborted, cancel=self._aborted)

    def get_nested_backend(self) -> tuple[Any, int | None]:
        """Calls inside a batch run on the same runtime."""
        level = (self.nesting_level or 0) + 1
        return StealscopeBackend(runtime=self._runtime, nesting_level=level), None

    def retrieval_context(self) -> AbstractContextManager[None]:
        """On a worker, other tasks go on while the call waits for its batches."""
        return hand_core_on("joblib.Parallel()", _INSTEAD)


class _Batches:
    """Batches of one call, of which at most `limit` run at a time."""

    def __init__(self, runtime: Runtime, limit: int) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._room = limit
        self._waiting: deque[tuple[Callable[[], Any], Callable[[_Outcome], None] | None]] = deque()

    def submit(self, func: Callable[[], Any], callback: Callable[[_Outcome], None] | None) -> None:
        with self._lock:
            if self._room == 0:
                self._waiting.append((func, callback))
                return
            self._room -= 1
        self._spawn(func, callback)

    def forget(self) -> None:
        with self._lock:
            self._waiting.clear()

    def _spawn(self, func: Callable[[], Any], callback: Callable[[_Outcome], None] | None) -> None:
        handle = self._runtime.spawn(self._run, func, callback)
        handle.add_done_callback(lambda ended: _tell_if_cancelled(ended, callback))

    def _run(self, func: Callable[[], Any], callback: Callable[[_Outcome], None] | None) -> None:
        """The task of a batch. Its exception is joblib's to raise."""
        outcome = _outcome_of(func)
        with self._lock:
            following = self._waiting.popleft() if self._waiting else None
            self._room += following is None
        if following is not None:
            self._spawn(*following)
        if callback is not None:
            callback(outcome)


def _outcome_of(func: Callable[[], Any]) -> _Outcome:
    try:
        results = func()
    except BaseException as error:  # the reader of the call gets it, whatever it is
        return _raiser(error)
    return lambda: results


def _raiser(error: BaseException) -> _Outcome:
    def fail() -> Any:
        raise error

    return fail


def _tell_if_cancelled(handle: _core.JoinHandle, callback: Callable[[_Outcome], None] | None) -> None:
    if handle.cancelled() and callback is not None:
        callback(_raiser(CancelledError("the runtime was cancelled before the batch had begun")))
