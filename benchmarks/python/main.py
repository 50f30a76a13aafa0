"""How long does one workload take on a Python peer? Runs it and prints one JSON line, as the native programs do.

Invariant: what a peer keeps between repeats (runtime, loop, pool) is opened once, here; one more repeat runs first and is
not reported; the answer of each is checked. To add a peer: a function below and one line in `_PEERS`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_WORKLOADS = Path(__file__).resolve().parents[1] / "workloads"


@contextmanager
def _ours(workers: int) -> Iterator[Any]:
    import stealscope as ss

    with ss.Runtime(workers=workers) as runtime:
        yield runtime


@contextmanager
def _ours_executor(workers: int) -> Iterator[Any]:
    import stealscope as ss

    with ss.Runtime(workers=workers) as runtime, runtime.executor() as executor:
        yield executor


@contextmanager
def _threads(workers: int) -> Iterator[Any]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as executor:
        yield executor


@contextmanager
def _event_loop(workers: int, new_loop: Any = None) -> Iterator[Any]:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.get_loop().set_default_executor(ThreadPoolExecutor(workers))
        yield runner


def _uvloop(workers: int) -> Any:
    import uvloop

    return _event_loop(workers, uvloop.new_event_loop)


@contextmanager
def _trio(workers: int) -> Iterator[Any]:
    import trio

    yield trio.run  # one thread, and a loop that ends with each run: it cannot be kept


@contextmanager
def _joblib(workers: int) -> Iterator[Any]:
    import joblib

    with joblib.Parallel(n_jobs=workers, backend="threading") as parallel:
        yield parallel


@contextmanager
def _dask(workers: int) -> Iterator[Any]:
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    import dask.threaded

    with ThreadPoolExecutor(workers) as pool:
        yield partial(dask.threaded.get, pool=pool)


# Each opens the peer with so many workers (an event loop has one thread whatever it is told) for the files named here.
_PEERS = {
    "ours": (_ours, "ours.py"),
    "ours-executor": (_ours_executor, "executor.py"),
    "threads": (_threads, "executor.py"),
    "asyncio": (_event_loop, "event_loop.py"),
    "uvloop": (_uvloop, "event_loop.py"),
    "trio": (_trio, "trio.py"),
    "joblib": (_joblib, "joblib.py"),
    "dask": (_dask, "dask.py"),
}


def _load(file: Path) -> ModuleType:
    """Not by name: a file may be called as the package that it measures."""
    spec = spec_from_file_location("workload", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} cannot be imported")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _peak_kib() -> int:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs one workload on one Python peer and prints one JSON line.")
    parser.add_argument("--peer", choices=list(_PEERS), required=True)
    parser.add_argument("--workload", required=True)
    for option in ("--workers", "--repeats", "--iterations", "--operations", "--expect"):
        parser.add_argument(option, type=int, required=True)
    parser.add_argument("--size", action="append", default=[], metavar="NAME=NUMBER")
    return parser.parse_args()


def main() -> int:
    options = _parse()
    sizes = {name: int(number) for name, _, number in (size.partition("=") for size in options.size)}
    opened, file = _PEERS[options.peer]
    run = _load(_WORKLOADS / options.workload / file).run
    answer_ok = True
    times = []
    with opened(options.workers) as peer:
        for repeat in range(options.repeats + 1):
            start = time.perf_counter_ns()
            for _ in range(options.iterations):
                answer_ok &= run(peer, sizes) == options.expect
            if repeat > 0:
                times.append(time.perf_counter_ns() - start)
    line = {
        "peer": options.peer,
        "workload": options.workload,
        "workers": options.workers,
        "operations": options.operations * options.iterations,
        "ns": times,
        "answer_ok": answer_ok,
        "peak_kib": _peak_kib(),
    }
    print(json.dumps(line))
    if not answer_ok:
        print(f"{options.peer}: wrong answer", file=sys.stderr)
    return 0 if answer_ok else 1


if __name__ == "__main__":
    sys.exit(main())
