"""What is every task waiting for? A dump, as data, as text like a traceback, and as HTML.

Invariant: a dump is a value; taking it changed nothing in the runtime, and nothing here touches the runtime any more. Read
next: `handle.py` (how to take one), ``cpp/rt/core/DUMP.md`` (why it may be taken while everything runs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, overload

from . import _html
from .errors import import_extra
from .units import format_ns

__all__ = ["Dump", "Frame", "TaskTrace"]

_MOST_SHOWN = 200
STATES = ("running", "scheduled", "idle", "blocking")


@dataclass(frozen=True)
class Frame:
    """One frame of a task: where it goes on, or what it runs.

    Attributes:
        file: path of the source.
        line: number in it; 0 where it is not known.
        function: qualified name.
    """

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f'File "{self.file}", line {self.line}, in {self.function}'


@dataclass(frozen=True, kw_only=True)
class TaskTrace:
    """One task of a dump.

    Attributes:
        id: from 1, never used again.
        name: as at its spawn.
        kind: "native", "coroutine", "callable" or "blocking".
        state: "running", "scheduled" (ready, in a queue), "idle" (it waits) or "blocking" (a job of the pool).
        where: the worker that runs it, or the queue it stands in; empty for an idle task.
        spawned_at: the code that spawned it.
        age: since its spawn, ns.
        polls: how often it was polled.
        last_worker: the worker that polled it last, or None.
        in_poll_since: ns on the scale of `elapsed`, of a task that runs, or None.
        waits_for: what the innermost frame waits for, one word: "sleep", "join", "semaphore" ...; empty if it does not wait.
        frames: suspended or running frames, root first.
        moved: it was polled again before its Python frames were read, so there are none.
    """

    id: int
    name: str
    kind: str
    state: str
    where: str
    spawned_at: Frame
    age: int
    polls: int
    last_worker: int | None
    in_poll_since: int | None
    waits_for: str
    frames: tuple[Frame, ...]
    moved: bool

    def __str__(self) -> str:
        lines = [self._headline()]
        lines += [f"    {frame}" for frame in self.frames]
        if self.waits_for:
            lines.append(f"    waits for: {self.waits_for}")
        if self.moved:
            lines.append("    (ran on before its frames were read)")
        return "\n".join(lines)

    def _headline(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        where = f" ({self.where})" if self.where else ""
        place = f", spawned at {self.spawned_at.file}:{self.spawned_at.line}" if self.spawned_at.line else ""
        return f"Task {self.id}{name}, {self.kind}, {self.state}{where}, {self.polls} polls, {format_ns(self.age)} old{place}"


class Dump(Sequence[TaskTrace]):
    """Every task that was alive, and every blocking job, each once.

    Attributes:
        complete: False if a worker did not come in time; what it holds is listed without frames.
        missing_workers: index of such a worker -> a line that says what it runs or waits for, and since when.
        at: when it was taken, ns on the scale of `elapsed`.
    """

    def __init__(
        self, tasks: Sequence[TaskTrace], *, complete: bool, missing_workers: Mapping[int, str], at: int, filtered: bool = False
    ) -> None:
        self._tasks = tuple(tasks)
        self.complete = complete
        self.missing_workers = dict(missing_workers)
        self.at = at
        self._filtered = filtered

    @classmethod
    def _from_native(cls, native: Mapping[str, Any]) -> Dump:
        frame_at = cache(Frame)  # thousands of tasks wait at the same line

        def trace(entry: dict[str, Any]) -> TaskTrace:
            entry["spawned_at"] = frame_at(*entry["spawned_at"])
            entry["frames"] = tuple(frame_at(*frame) for frame in entry["frames"])
            return TaskTrace(**entry)

        tasks = [trace(entry) for entry in native["tasks"]]
        return cls(tasks, complete=native["complete"], missing_workers=native["missing_workers"], at=native["at"])

    def filter(self, *, name: str | None = None, state: str | None = None) -> Dump:
        """The tasks of that name and in that state.

        Raises:
            ValueError: no such state.
        """
        if state is not None and state not in STATES:
            raise ValueError(f"state={state!r}; need one of {', '.join(STATES)}")
        kept = [t for t in self._tasks if (name is None or t.name == name) and (state is None or t.state == state)]
        return Dump(kept, complete=self.complete, missing_workers=self.missing_workers, at=self.at, filtered=True)

    def waiting_on(self) -> dict[str, list[TaskTrace]]:
        """Idle tasks by the line they wait at, the most crowded line first."""
        groups: dict[str, list[TaskTrace]] = {}
        for task in self._tasks:
            if task.state != "idle":
                continue
            line = str(task.frames[-1]) if task.frames else "(no frames)"
            groups.setdefault(f"{line}, for: {task.waits_for or 'unknown'}", []).append(task)
        return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])))

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable: complete, missing_workers, at, tasks."""
        missing = {str(worker): line for worker, line in self.missing_workers.items()}
        return {
            "complete": self.complete,
            "missing_workers": missing,
            "at": self.at,
            "tasks": [asdict(task) | {"frames": [asdict(frame) for frame in task.frames]} for task in self._tasks],
        }

    def to_frame(self) -> Any:
        """A pandas data frame, a row a task; ages in ns (``attrs["units"]``).

        Raises:
            MissingExtra: pandas is not installed.
        """
        pandas = import_extra("pandas", "frame")
        rows = [
            {
                "id": t.id, "name": t.name, "kind": t.kind, "state": t.state, "where": t.where, "age": t.age, "polls": t.polls,
                "last_worker": t.last_worker, "waits_for": t.waits_for, "at": str(t.frames[-1]) if t.frames else "",
                "spawned_at": f"{t.spawned_at.file}:{t.spawned_at.line}",
            }
            for t in self._tasks
        ]  # fmt: skip
        frame = pandas.DataFrame(rows)
        frame.attrs["units"] = {"age": "ns"}
        return frame

    def __str__(self) -> str:
        return "\n\n".join([self._headline(), *(str(task) for task in self._tasks)])

    def _headline(self) -> str:
        counts = ", ".join(f"{n} {state}" for state in STATES if (n := sum(t.state == state for t in self._tasks)))
        kind = "selected tasks" if self._filtered else "tasks"
        head = f"{len(self)} {kind}" + (f": {counts}" if counts else "")
        if self.complete:
            return f"Dump of {head}"
        missing = "".join(f"\n  worker {worker}: {line}" for worker, line in sorted(self.missing_workers.items()))
        return f"Incomplete dump of {head}; workers that did not come in time:{missing}"

    def _repr_html_(self) -> str:
        shown = self._tasks[:_MOST_SHOWN]
        tasks = "".join(_html.section(task._headline(), _html.preformatted(str(task))) for task in shown)
        more = len(self) - len(shown)
        left_out = _html.paragraph(f"{more:,} more; print() and to_frame() have them all, filter() and waiting_on() find some")
        return f"<div>{_html.preformatted(self._headline())}{tasks}{left_out * bool(more)}</div>"

    def __repr__(self) -> str:
        return f"<stealscope.Dump of {len(self)} tasks, {'complete' if self.complete else 'incomplete'}>"

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[TaskTrace]:
        return iter(self._tasks)

    @overload
    def __getitem__(self, index: int) -> TaskTrace: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[TaskTrace, ...]: ...
    def __getitem__(self, index: int | slice) -> TaskTrace | tuple[TaskTrace, ...]:
        return self._tasks[index]
