"""Does `Runtime.executor` pass the standard library's own tests of an executor?

The test classes come from the `test` package of the Python that runs this; here they only get another executor. Those that
cannot apply are named below with the reason, and `docs/executor.md` shows the same table. Invariant: what is not named
runs; the names and reasons in the table are these.
"""

from __future__ import annotations

import functools
import importlib
import logging
import sys
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import stealscope as ss

_PACKAGE = "test.test_concurrent_futures"
_HOMES = {
    "ThreadPoolExecutorTest": "test_thread_pool",
    "ThreadPoolShutdownTest": "test_shutdown",
    "ThreadPoolWaitTests": "test_wait",
    "ThreadPoolAsCompletedTest": "test_as_completed",
    "FutureTests": "test_future",
}

_THREADS = "looks at the threads of a pool; these are the runtime's, and end with it"
_SCRIPT = "runs a script that imports a pool by name from concurrent.futures; the claim is tested by"
_COUNT = "is about the argument max_workers; the number of workers is the runtime's"

DOES_NOT_APPLY = {
    "test_default_workers": _COUNT,
    "test_max_workers_negative": _COUNT,
    "test_max_workers_too_large": "is about processes",
    "test_saturation": _THREADS,
    "test_idle_thread_reuse": _THREADS,
    "test_threads_terminate": _THREADS,
    "test_context_manager_shutdown": _THREADS,
    "test_del_shutdown": _THREADS,
    "test_shutdown_no_wait": _THREADS,
    "test_thread_names_assigned": "is about thread_name_prefix; Runtime(name=) names the threads",
    "test_thread_names_default": "is about thread_name_prefix; Runtime(name=) names the threads",
    "test_hang_global_shutdown_lock": "forks process pools out of a thread pool's internals",
    "test_initializer": "there is no initializer; Hooks(on_thread_start=) is one for the runtime's threads",
    "test_interpreter_shutdown": f"{_SCRIPT} test_what_was_submitted_is_done_before_the_interpreter_is_left",
    "test_submit_after_interpreter_shutdown": f"{_SCRIPT} test_an_executor_refuses_calls_when_the_interpreter_is_being_left",
    "test_hang_gh83386": f"{_SCRIPT} test_leaving_the_interpreter_after_shutdown_without_waiting_does_not_hang",
    "test_cancel_futures_wait_false": f"{_SCRIPT} test_leaving_the_interpreter_after_shutdown_without_waiting_does_not_hang",
    "test_cancel_futures": "takes it that a call has begun when submit() returns; the claim is tested by "
    "test_shutdown_may_cancel_what_has_not_begun",
    "test_multiple_set_result": "spells out the name of the class of the future",
    "test_multiple_set_exception": "spells out the name of the class of the future",
}


def _find(name: str) -> type[unittest.TestCase] | None:
    """The class of that name: in a package since 3.12, in one module before."""
    for module in (f"{_PACKAGE}.{_HOMES[name]}", _PACKAGE):
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ModuleNotFoundError:
            continue
        if found is not None:
            return found  # type: ignore[no-any-return]
    return None


class _OnARuntime:
    """In front of a class of the standard library: its `executor_type` makes an executor on a runtime of its own."""

    worker_count = 5

    def executor_type(self, max_workers: int) -> Any:
        runtime = ss.Runtime(workers=max_workers)
        self.addCleanup(runtime.shutdown)  # type: ignore[attr-defined]
        return runtime.executor()


class _WithOurFuture:
    """In front of the tests of futures: what they make is the kind that `submit` gives."""

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        with ss.Runtime(workers=1) as runtime, runtime.executor() as executor:
            ours = functools.partial(type(executor.submit(int)), runtime._native)
        logs = mock.patch.object(
            logging.getLogger(), "handlers", []
        )  # they read what goes to stderr where nobody has set up logging
        logs.start()
        self.addCleanup(logs.stop)  # type: ignore[attr-defined]
        module = sys.modules[type(self).__mro__[2].__module__]
        for place in (module, sys.modules.get(f"{_PACKAGE}.util", module)):
            patch = mock.patch.object(place, "Future", ours)
            patch.start()
            self.addCleanup(patch.stop)  # type: ignore[attr-defined]


def _adapted(name: str) -> type[unittest.TestCase] | None:
    standard = _find(name)
    if standard is None:
        return None
    front = _WithOurFuture if name == "FutureTests" else _OnARuntime
    left_out = dict.fromkeys(DOES_NOT_APPLY)  # None is no test
    return type(name, (front, standard), {"__module__": __name__, **left_out})


_classes = {name: _adapted(name) for name in _HOMES}
globals().update({name: made for name, made in _classes.items() if made is not None})


def test_the_standard_tests_are_here() -> None:
    if not any(_classes.values()):
        pytest.skip("this Python came without the test package (Debian: libpython3-testsuite; python.org and pyenv have it)")
    missing = [name for name, made in _classes.items() if made is None]
    assert not missing


def test_the_table_in_the_docs_names_each_test_that_does_not_apply() -> None:
    table = (Path(__file__).parents[3] / "docs" / "executor.md").read_text()
    assert [name for name, why in DOES_NOT_APPLY.items() if f"| `{name}` | {why} |" not in table] == []
