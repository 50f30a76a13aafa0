"""How does a task of trio's wait for a task of ours?

Invariant: imported only where trio runs. Waiting is a checkpoint as trio has them, and a cancelled wait leaves the task
alone. anyio needs nothing of its own: under it asyncio or trio runs. Read next: `_asyncio_bridge.py`.
"""

from __future__ import annotations

import weakref
from typing import Any

import trio

from . import _core
from ._asyncio_bridge import Letterbox

__all__ = ["await_in_trio"]

_letterboxes: weakref.WeakKeyDictionary[trio.lowlevel.TrioToken, Letterbox] = weakref.WeakKeyDictionary()


async def await_in_trio(handle: _core.JoinHandle) -> Any:
    """The task's result, in a task of trio's.

    Raises:
        CancelledError: the task was cancelled: `concurrent.futures.CancelledError` as from ``handle.result()``, because
            what `trio.Cancelled` means is for trio's own scopes to say.
    """
    if handle.done():
        await trio.lowlevel.checkpoint()
    else:
        await _ended(handle)
    return handle.result()


async def _ended(handle: _core.JoinHandle) -> None:
    task = trio.lowlevel.current_task()
    waits = True

    def tell() -> None:
        nonlocal waits
        if waits:
            waits = False
            trio.lowlevel.reschedule(task)

    def give_up(_: object) -> trio.lowlevel.Abort:
        nonlocal waits
        waits = False
        return trio.lowlevel.Abort.SUCCEEDED

    token = trio.lowlevel.current_trio_token()
    letterbox = _letterboxes.setdefault(token, Letterbox())
    handle.add_done_callback(lambda _: letterbox.put(token.run_sync_soon, tell))
    await trio.lowlevel.wait_task_rescheduled(give_up)
