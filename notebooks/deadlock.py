"""Two coroutines that take two locks in opposite order, and the dump that shows where each waits. Run it: it ends by itself."""

from __future__ import annotations

import time

import stealscope as ss


async def left(a: ss.Lock, b: ss.Lock, both: ss.Barrier) -> None:
    async with a:
        await both.wait()
        async with b:
            pass


async def right(a: ss.Lock, b: ss.Lock, both: ss.Barrier) -> None:
    async with b:
        await both.wait()
        async with a:
            pass


with ss.Runtime(workers=2) as rt:
    a, b, both = ss.Lock(), ss.Lock(), ss.Barrier(2)
    rt.spawn(left, a, b, both, name="left")
    rt.spawn(right, a, b, both, name="right")
    while len(dump := rt.handle.dump().filter(state="idle")) < 2 or any(task.waits_for != "lock" for task in dump):
        time.sleep(0.001)
    print(rt.handle.dump())
    rt.shutdown(cancel=True)
