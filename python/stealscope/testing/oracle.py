"""In which order does one worker poll its tasks? A model of forty lines that predicts the whole of it (law F2).

One worker, Tokio's defaults, tasks that only spawn, yield and end. Invariant: the model shares no code with the scheduler.
Read next: `laws.py` (F1 and F4 need no model).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

__all__ = ["poll_order"]


def poll_order(
    tasks: Sequence[Sequence[int | None]], *, lifo_slot: bool = True, lifo_polls: int = 3, capacity: int = 256, upkeep: int = 61
) -> list[int]:
    """The tasks in the order in which one worker polls them.

    Args:
        tasks: what each does: the number of a task to spawn, or None to yield. Task 0 comes from outside, when all is quiet.
        lifo_slot: as in `Policy`.
        lifo_polls: the same.
        capacity: of the local queue; a program that fills it is not for this model.
        upkeep: turns between two looks at the tasks that have yielded (`Policy.event_interval`).

    Raises:
        ValueError: the local queue is full.
    """
    slot, queue, deferred, order = [0], deque[int](), list[int](), list[int]()  # the first task is from outside, and all is quiet
    at = [0] * len(tasks)  # the next thing that each does
    turn, uses_slot = 0, lifo_slot

    def put(task: int) -> None:
        if uses_slot:
            slot.append(task)
        if not uses_slot or len(slot) > 1:
            queue.append(slot.pop(0) if uses_slot else task)
        if len(queue) > capacity:
            raise ValueError(f"more than capacity={capacity} tasks in the local queue; give a smaller program")

    def wake_deferred() -> None:
        while deferred:
            put(deferred.pop())

    while slot or queue or deferred:
        turn += 1
        if turn % upkeep == 0:
            wake_deferred()
        if not slot and not queue:
            wake_deferred()  # nothing else to do: that is a turn, too
            continue
        polls = 0
        while True:
            task = slot.pop() if slot else queue.popleft()
            order.append(task)
            while at[task] < len(tasks[task]):
                step = tasks[task][at[task]]
                at[task] += 1
                if step is None:
                    deferred.append(task)
                    break
                put(step)
            if not slot or not uses_slot:
                break
            polls += 1
            uses_slot = polls < lifo_polls
        uses_slot = lifo_slot
    return order
