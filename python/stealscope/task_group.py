"""How does a task start others and make sure that none outlives a block?

Invariant: when ``async with TaskGroup()`` is left, in whatever way, every task of the group has ended. Children end on
other threads, so what they report is kept under a lock; no native call that may run other code is made while it is held.
Read next: `inside.py`.
Source of the rules: `asyncio.TaskGroup` in Python 3.13, also where an earlier Python runs this.
"""

from __future__ import annotations

import threading
from contextvars import Context
from inspect import iscoroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, final

from . import _core, errors
from .errors import CancelledError
from .inside import current, current_task

if TYPE_CHECKING:
    from .handle import Handle

__all__ = ["TaskGroup"]


@final
class TaskGroup:
    """``async with TaskGroup() as g:`` … ``g.spawn(target, *args)``.

    When a child fails, the block and the other children are cancelled; the block then raises an `ExceptionGroup` of what
    went wrong. Cancelling the task around it cancels the children. All are awaited first.

    Examples:
        >>> import stealscope as ss
        >>> async def main():
        ...     async with ss.TaskGroup() as group:
        ...         powers = [group.spawn(pow, 2, n) for n in range(4)]
        ...     return [power.result() for power in powers]
        >>> ss.Simulation(2).block_on(main)
        [1, 2, 4, 8]
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle = _core.Event()
        self._children: set[_core.JoinHandle] = set()
        self._errors: list[BaseException] = []
        self._base_error: BaseException | None = None
        self._parent: _core.CurrentTask | None = None
        self._home: Handle | None = None
        self._cancelling = 0
        self._parent_cancelled = False
        self._aborting = False
        self._leaving = False

    def spawn(self, target: Any, /, *args: Any, name: str | None = None, context: Context | None = None) -> _core.JoinHandle:
        """A child task, as `spawn`. From the block, from a child, from any thread while the group lives.

        Raises:
            RuntimeError: not entered, over, or being cancelled.
            TypeError, ValueError: as `spawn`.
        """
        refusal = self._refusal()
        if refusal is not None or self._home is None:
            if iscoroutine(target):
                target.close()  # nobody will run it: do not let Python warn of that too
            raise RuntimeError(f"{self!r}: {refusal}")
        handle = self._home.spawn(target, *args, name=name, context=context)
        with self._lock:
            self._children.add(handle)
            aborting = self._aborting
        handle.add_done_callback(self._child_ended)
        if aborting:  # since the question above
            handle.cancel()
        return handle

    def _refusal(self) -> str | None:
        with self._lock:
            if self._home is None:
                return "enter it with `async with` before spawn()"
            if self._leaving and not self._children:
                return "the group is over; spawn() inside the block"
            return "the group is being cancelled and takes no new tasks" if self._aborting else None

    async def __aenter__(self) -> TaskGroup:
        if self._parent is not None:
            raise RuntimeError(f"{self!r}: entered before; make a new group for each `async with`")
        self._parent = current_task()
        self._home = current()
        self._cancelling = self._parent.cancelling()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._leaving = True
        outer = error if error is not None and isinstance(error, errors.Cancelled) else None
        if error is not None:
            if _ends_the_process(error) and self._base_error is None:
                self._base_error = error
            self._abort()
        try:
            await self._all_ended()
        except errors.Cancelled as cancelled:
            outer = cancelled
        try:
            self._raise_what_happened(error, outer)
        finally:
            del outer, error  # no reference cycle through the traceback

    async def _all_ended(self) -> None:
        """Raises Cancelled, once all have ended, if the task around was cancelled meanwhile."""
        outer: errors.Cancelled | None = None
        while True:
            with self._lock:
                if not self._children:
                    break
                self._idle.clear()
            try:
                await self._idle.wait()
            except errors.Cancelled as cancelled:
                outer = cancelled
                self._abort()
                if self._parent is not None and self._parent.shutting_down:
                    break  # the children cannot run any more: the scheduler ends them, before or after us
        if outer is not None:
            raise outer

    def _raise_what_happened(self, error: BaseException | None, outer: BaseException | None) -> None:
        parent = self._parent
        assert parent is not None, "entered before it is left"
        if self._parent_cancelled and parent.uncancel(pending_first=True) <= self._cancelling:
            outer = None  # it was ours: a child's failure, not somebody's wish
        if self._base_error is not None:
            raise self._base_error
        if error is not None and not isinstance(error, errors.Cancelled):
            self._errors.append(error)
        if outer is not None and not self._errors:
            raise outer
        if not self._errors:
            return
        if parent.cancelling() > self._cancelling:
            # Both happened. The failures are raised, and the wish to end is kept for the next await.
            parent.uncancel()
            parent.cancel()
        failures, self._errors = self._errors, []
        raise BaseExceptionGroup("unhandled errors in a TaskGroup", failures) from None

    def _child_ended(self, handle: _core.JoinHandle) -> None:
        """On the thread that ended it."""
        failure = _failure_of(handle)
        with self._lock:
            self._children.discard(handle)
            first = failure is not None and not self._aborting
            if failure is not None:
                self._errors.append(failure)
                if _ends_the_process(failure) and self._base_error is None:
                    self._base_error = failure
            cancel_parent = first and not self._leaving and not self._parent_cancelled
            if cancel_parent:
                self._parent_cancelled = True
            idle = not self._children
        if first:
            self._abort()
        if cancel_parent and self._parent is not None:
            self._parent.cancel()
        if idle:
            self._idle.set()

    def _abort(self) -> None:
        with self._lock:
            if self._aborting:
                return
            self._aborting = True
            children = list(self._children)
        for child in children:
            child.cancel()

    def __repr__(self) -> str:
        state = "new" if self._parent is None else "leaving" if self._leaving else "entered"
        return f"<stealscope.TaskGroup {state} tasks={len(self._children)}{' cancelling' if self._aborting else ''}>"


def _failure_of(handle: _core.JoinHandle) -> BaseException | None:
    try:
        return handle.exception()
    except CancelledError:
        return None


def _ends_the_process(error: BaseException) -> bool:
    return isinstance(error, (SystemExit, KeyboardInterrupt))
