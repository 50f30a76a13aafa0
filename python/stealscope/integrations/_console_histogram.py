"""In what buckets does tokio-console read durations? Those of HdrHistogram with two significant digits, in its second format.

A bucket is 128 equal parts of a power of two, so a value is told within 1 %. Invariant: `serialized` of counts is what any reader of that
format takes. Source: Tene's HdrHistogram, ``encodeIntoByteBuffer``. Read next: `_console_times.py` (who counts).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["bucket_of", "highest_of", "serialized"]

_COOKIE = 0x1C849313
_DIGITS = 2
_PARTS = 128
"""In a power of two: at least 10 ** _DIGITS."""


def bucket_of(values: Any) -> npt.NDArray[np.int64]:
    """The number of the bucket of each value, ns; shape as of `values`."""
    whole = np.asarray(values, np.int64)
    shift = np.frexp(whole | (2 * _PARTS - 1))[1].astype(np.int64) - _PARTS.bit_length()
    numbers: npt.NDArray[np.int64] = shift * _PARTS + (whole >> shift)
    return numbers


def highest_of(bucket: int) -> int:
    """The largest value in a bucket, ns."""
    shift = max(0, bucket // _PARTS - 1)
    return ((bucket - shift * _PARTS + 1) << shift) - 1


def serialized(counts: Mapping[int, int]) -> bytes:
    """A histogram of counts by bucket, as bytes."""
    payload, expected = bytearray(), 0
    for bucket, count in sorted(counts.items()):
        if bucket > expected:
            payload += _varint(2 * (bucket - expected) - 1)  # a negative number of empty buckets, its sign in the last bit
        payload += _varint(2 * count)
        expected = bucket + 1
    highest = max(2, highest_of(max(counts, default=0)))
    return struct.pack(">IIIIQQd", _COOKIE, len(payload), 0, _DIGITS, 1, highest, 1.0) + payload


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow. Counts never need the ninth byte, which is special."""
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
