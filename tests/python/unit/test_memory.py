"""What tasks cost in memory, measured in a process of their own: many at once, and many that wait."""

from __future__ import annotations

import subprocess
import sys
import textwrap

LIMIT = 100.0  # seconds: only a test that fails waits so long

PRELUDE = """
import gc, os
import stealscope as ss
from stealscope import sync

def peak():  # not getrusage: its figure begins with what the parent held when it forked, here all of pytest
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
"""


def measured(code: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(code)], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return int(done.stdout)


def test_a_million_tasks_in_one_run_fit_in_a_gibibyte() -> None:
    peak = measured("""
        with ss.Runtime(workers=2) as rt:
            report = rt.run(ss.workloads.spawn_many(1_000_000))
            assert report.result == 1_000_000
        print(peak())
        """)
    assert peak < 2**30


def test_a_native_task_that_waits_costs_at_most_400_bytes() -> None:
    # All pairs are alive at once on one worker whose queue is first in, first out: every first partner waits for its
    # second, which is only spawned. Each pair also owns its channels, which count here as well.
    tasks = 100_000
    each = measured(f"""
        with ss.Runtime(workers=1) as rt:
            rt.run(ss.workloads.yield_many(1000, 1))
            gc.collect()
            before = peak()
            rt.run(ss.workloads.yield_many({tasks}, 1))
            print((peak() - before) // {tasks})
        """)
    assert each <= 400


def test_a_python_task_that_waits_costs_little_more_than_its_frame() -> None:
    tasks = 20_000
    each = measured(f"""
        import sys
        event = sync.Event()
        async def wait():
            await event.wait()
        coroutine = wait()
        frame = sys.getsizeof(coroutine) + 300  # with its context, the object it awaits and the handle
        coroutine.close()
        with ss.Runtime(workers=1) as rt:
            rt.spawn(int).result()
            before = resident()
            handles = [rt.spawn(wait) for _ in range({tasks})]
            rt.handle.metrics(settled=True, timeout=60)
            used = (resident() - before) // {tasks}
            event.set()
            rt.handle.metrics(settled=True, timeout=60)
        print(max(0, used - frame))
        """)
    assert each <= 800


def test_ended_tasks_give_their_memory_back() -> None:
    grown = measured("""
        def burst():
            for handle in [rt.spawn(int) for _ in range(4_000)]:
                handle.result()
        with ss.Runtime(workers=2) as rt:
            burst()
            burst()
            before = resident()
            for _ in range(5):
                burst()
            print(max(0, resident() - before))
        """)
    assert grown < 4 * 2**20
