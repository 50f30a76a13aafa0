"""How is a run written for Perfetto? A protobuf of track events with flows and counters.

Each packet is a row of bytes of its kind's own length, made for many rows at once: a protobuf integer may be longer than need be, so
all of a kind have the same length. Invariant: packets are in time order, and those of a track in the order of its slices. Read next:
`_traces.py` (what is written). Source: perfetto_trace.proto (field numbers), the encoding page of Protocol Buffers.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._traces import NAMES, Trace

if TYPE_CHECKING:
    from .report import Report

__all__ = ["write_perfetto"]

_Bytes = npt.NDArray[np.uint8]

_BEGIN, _END, _INSTANT, _COUNTER = 1, 2, 3, 4  # TrackEvent.Type
_CLEARED, _NEEDED = 1, 2  # TracePacket.SequenceFlags: names are told anew; names told before are used
_SEQUENCE = 1
_PROCESS, _FIRST_TRACK = 1, 2  # uuids of tracks
_PACKETS = 500_000  # made at a time


def write_perfetto(report: Report, path: str | os.PathLike[str]) -> None:
    """What `Report.to_perfetto` does."""
    trace = Trace.of(report)
    rows = _rows(trace)
    time = np.concatenate([kind.at for kind in rows])
    which = np.repeat(np.arange(len(rows), dtype=np.uint8), [len(kind.at) for kind in rows])
    rank = np.concatenate([kind.rank for kind in rows])
    order = np.lexsort((rank, time))
    number = np.concatenate([np.arange(len(kind.at)) for kind in rows])
    with Path(path).open("wb") as file:
        file.write(_head(trace))
        for start in range(0, len(order), _PACKETS):
            chosen = order[start : start + _PACKETS]
            file.write(_interleaved(rows, which[chosen], number[chosen]))


@dataclass(frozen=True, eq=False)
class _Kind:
    """Packets of one layout: their times (ns), their order among those of the same time, their fields."""

    at: npt.NDArray[np.int64]
    rank: npt.NDArray[np.int64]
    type: int
    track: npt.NDArray[np.int64]
    name: npt.NDArray[np.int64] | None = None
    task: npt.NDArray[np.uint64] | None = None
    flow: npt.NDArray[np.uint64] | None = None
    ends_flow: bool = False
    value: npt.NDArray[np.int64] | None = None

    def packets(self, rows: npt.NDArray[np.int64]) -> _Bytes:
        """Some of them, shape ``(len(rows), bytes)``."""
        parts: list[bytes | _Bytes] = [_tag(9, 0), bytes([self.type]), _tag(11, 0), _varint(self.track[rows], 4)]
        if self.name is not None:
            parts += [_tag(10, 0), _varint(self.name[rows] + 1, 1)]
        if self.task is not None:
            annotation: list[bytes | _Bytes] = [_tag(1, 0), b"\1", _tag(3, 0), _varint(self.task[rows], 9)]
            parts += [_tag(4, 2), *_sized(annotation)]
        if self.flow is not None:
            parts += [_tag(48 if self.ends_flow else 47, 1), self.flow[rows].astype("<u8").reshape(-1, 1).view(np.uint8)]
        if self.value is not None:
            parts += [_tag(30, 0), _varint(self.value[rows], 9)]
        ours: list[bytes | _Bytes] = [
            _tag(8, 0),
            _varint(self.at[rows], 9),
            _tag(10, 0),
            bytes([_SEQUENCE]),
            _tag(13, 0),
            bytes([_NEEDED]),
        ]
        packet: list[bytes | _Bytes] = [_tag(1, 2), *_sized([*ours, _tag(11, 2), *_sized(parts)])]
        return np.hstack([np.tile(np.frombuffer(p, np.uint8), (len(rows), 1)) if isinstance(p, bytes) else p for p in packet])


def _rows(trace: Trace) -> list[_Kind]:
    slices, marks, counts = trace.slices, trace.marks, trace.counts
    order = np.arange(len(slices))  # of a track: begin, end, the next one's begin
    kinds = []
    is_poll, arrives = slices["task"] > 0, slices["flow"] > 0
    for chosen, has_task, has_flow in (
        (is_poll & arrives, True, True),
        (is_poll & ~arrives, True, False),
        (~is_poll, False, False),
    ):
        own = slices[chosen]
        task, flow = own["task"] if has_task else None, own["flow"] if has_flow else None
        kinds.append(_Kind(own["begin"], 2 * order[chosen], _BEGIN, _uuid(own["track"]), _iid(own["name"]), task, flow, True))
    kinds.append(_Kind(slices["end"], 2 * order + 1, _END, _uuid(slices["track"])))
    for is_end in (False, True):
        own = marks[(marks["name"] == NAMES.index("steal")) == is_end]
        rank = np.full(len(own), 2 * len(slices) + is_end)
        kinds.append(_Kind(own["at"], rank, _INSTANT, _uuid(own["track"]), _iid(own["name"]), own["task"], own["flow"], is_end))
    after = 2 * len(slices) + 2 + np.arange(len(counts))
    queues = _uuid(counts["queue"] + len(trace.tracks))
    kinds.append(_Kind(counts["at"], after, _COUNTER, queues, value=counts["depth"]))
    return kinds


def _interleaved(kinds: list[_Kind], which: npt.NDArray[np.uint8], number: npt.NDArray[np.int64]) -> bytes:
    """The packets in this order: `number` of the kind `which`."""
    made = [
        (places, kinds[kind].packets(number[places]))
        for kind in range(len(kinds))
        if (places := np.flatnonzero(which == kind)).size
    ]
    length = np.zeros(len(which), np.int64)
    for places, packets in made:
        length[places] = packets.shape[1]
    starts = np.cumsum(length) - length
    out = np.empty(int(length.sum()), np.uint8)
    for places, packets in made:
        out[starts[places][:, None] + np.arange(packets.shape[1])] = packets
    return out.tobytes()


def _head(trace: Trace) -> bytes:
    """The process, a thread a track, a counter a queue, and the names."""
    process = _field(1, 1) + _field(6, trace.title)
    packets = [_field(60, _field(1, _PROCESS) + _field(3, process))]
    for number, name in enumerate(trace.tracks):
        thread = _field(1, 1) + _field(2, number + 1) + _field(5, name)
        packets.append(_field(60, _field(1, number + _FIRST_TRACK) + _field(5, _PROCESS) + _field(4, thread)))
    for number, name in enumerate(trace.queues, start=len(trace.tracks)):
        about = _field(1, number + _FIRST_TRACK) + _field(5, _PROCESS) + _field(2, name) + _field(8, _field(6, "tasks"))
        packets.append(_field(60, about))
    names = b"".join(_field(2, _field(1, number + 1) + _field(2, name)) for number, name in enumerate(NAMES))
    names += _field(3, _field(1, 1) + _field(2, "task"))
    packets.append(_field(13, _CLEARED) + _field(12, names))
    return b"".join(_field(1, _field(10, _SEQUENCE) + packet) for packet in packets)


# ---- the encoding ----


def _tag(field: int, wire: int) -> bytes:
    return _plain_varint(field << 3 | wire)


def _plain_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _tag(number, 0) + _plain_varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _tag(number, 2) + _plain_varint(len(data)) + data


def _varint(values: Any, width: int) -> _Bytes:
    """Each value in `width` bytes, the last of which ends it, shape ``(n, width)``."""
    bits = np.asarray(values).astype(np.uint64)[:, None] >> (7 * np.arange(width, dtype=np.uint64))
    out = (bits & np.uint64(0x7F)).astype(np.uint8)
    out[:, :-1] |= 0x80
    return out


def _sized(parts: list[bytes | _Bytes]) -> list[bytes | _Bytes]:
    """With their length before them."""
    return [_plain_varint(sum(len(part) if isinstance(part, bytes) else part.shape[1] for part in parts)), *parts]


def _uuid(number: Any) -> npt.NDArray[np.int64]:
    return np.asarray(number, np.int64) + _FIRST_TRACK


def _iid(name: Any) -> npt.NDArray[np.int64]:
    return np.asarray(name, np.int64)
