"""What does tokio-console read from the wire? The messages that we send or take, made when they are first needed.

The table is the part of its protocol that we have something to say in; names, numbers and types are facts of console-api 0.9 (``proto/``
in that crate). What is left out stays out of the bytes, which is how protobuf says "unknown". An enumeration is the ``int32`` that it is
on the wire, and a map the list of pairs. Invariant: the messages live in a pool of their own, under names of ours, so a program that
has the generated ones meets no conflict. Read next: `_console_tasks.py` (what is said), `tokio_console.py` (who says it).
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

from ..errors import import_extra

__all__ = ["BLOCKING", "LIVE", "PAUSED", "SERVICE", "messages"]

SERVICE = "rs.tokio.console.instrument.Instrument"

BLOCKING = 1
"""``Task.kind`` of a job of the blocking pool; 0 is a task."""

LIVE, PAUSED = 0, 1
"""``State.temporality``."""

_TIMESTAMP, _DURATION = "google.protobuf.Timestamp", "google.protobuf.Duration"

_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Id": {"id": (1, "uint64")},
    "Location": {"file": (1, "string"), "line": (3, "uint32")},
    "Field": {"str_name": (1, "string"), "str_val": (4, "string"), "u64_val": (5, "uint64")},
    "Metadata": {"name": (1, "string"), "target": (2, "string"), "level": (6, "int32")},
    "NewMetadata": {"id": (1, "Id"), "metadata": (2, "Metadata")},
    "RegisterMetadata": {"metadata": (1, "* NewMetadata")},
    "Task": {
        "id": (1, "Id"),
        "metadata": (2, "Id"),
        "kind": (3, "int32"),
        "fields": (4, "* Field"),
        "location": (6, "Location"),
    },
    "PollStats": {
        "polls": (1, "uint64"),
        "last_poll_started": (4, _TIMESTAMP),
        "last_poll_ended": (5, _TIMESTAMP),
        "busy_time": (6, _DURATION),
    },
    "Stats": {
        "created_at": (1, _TIMESTAMP),
        "dropped_at": (2, _TIMESTAMP),
        "wakes": (3, "uint64"),
        "waker_clones": (4, "uint64"),
        "last_wake": (6, _TIMESTAMP),
        "poll_stats": (7, "PollStats"),
        "self_wakes": (8, "uint64"),
        "scheduled_time": (9, _DURATION),
    },
    "StatsOfTask": {"key": (1, "uint64"), "value": (2, "Stats")},
    "TaskUpdate": {"new_tasks": (1, "* Task"), "stats_update": (3, "* StatsOfTask"), "dropped_events": (4, "uint64")},
    "Update": {"now": (1, _TIMESTAMP), "task_update": (2, "TaskUpdate"), "new_metadata": (5, "RegisterMetadata")},
    "DurationHistogram": {"raw_histogram": (1, "bytes"), "max_value": (2, "uint64")},
    "TaskDetails": {
        "task_id": (1, "Id"),
        "now": (2, _TIMESTAMP),
        "histogram": (4, "DurationHistogram"),
        "scheduled_times_histogram": (5, "DurationHistogram"),
    },
    "TaskDetailsRequest": {"id": (1, "Id")},
    "State": {"temporality": (1, "int32")},
    "Empty": {},  # the other requests, and the answers to Pause and Resume
}


@cache
def messages() -> SimpleNamespace:
    """The classes of the messages, by name: ``messages().Update``.

    Raises:
        MissingExtra: protobuf is not installed.
    """
    of = {name: import_extra(f"google.protobuf.{name}", "console") for name in _MODULES}
    pool = of["descriptor_pool"].DescriptorPool()
    page = of["descriptor_pb2"].FileDescriptorProto(
        name="stealscope_console.proto", package="stealscope.console", syntax="proto3"
    )
    for known in (of["timestamp_pb2"].DESCRIPTOR, of["duration_pb2"].DESCRIPTOR):
        pool.AddSerializedFile(known.serialized_pb)
        page.dependency.append(known.name)
    for name, fields in _MESSAGES.items():
        message = page.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            repeated, kind = kind.startswith("* "), kind.removeprefix("* ")
            entry = message.field.add(name=field, number=number, label="LABEL_REPEATED" if repeated else "LABEL_OPTIONAL")
            if kind.islower():
                entry.type = f"TYPE_{kind.upper()}"
            else:
                entry.type_name = f".{kind}" if "." in kind else f".{page.package}.{kind}"
    pool.AddSerializedFile(page.SerializeToString())
    found = (pool.FindMessageTypeByName(f"{page.package}.{name}") for name in _MESSAGES)
    return SimpleNamespace(**{entry.name: of["message_factory"].GetMessageClass(entry) for entry in found})


_MODULES = ("descriptor_pb2", "descriptor_pool", "duration_pb2", "message_factory", "timestamp_pb2")
