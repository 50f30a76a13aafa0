"""How is a run of millions of events looked at closely? One HTML file with its timeline, to zoom and to move in.

Invariant: the page needs nothing but itself. What it holds is worked out here: mean shares of each state in strips of time, which the
page draws from afar, and each state, poll and steal, which it draws close up; of more than `MOST` of a kind only the strips, or an
even selection, and the page says so. Read next: ``data/timeline.html`` and ``timeline.js`` (the page), `_timeline_figure.py` (a figure).
"""

from __future__ import annotations

import base64
import html
import json
import re
import zlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._figure import binned
from ._report_figures import STATE_COLORS, Window, checked_window, events_of, lost, states_of, title_of
from .activity import STATES
from .timeline import intervals, steals

if TYPE_CHECKING:
    from .report import Report

__all__ = ["MOST", "timeline_page"]

MOST = 4_000_000
"""States, polls and steals that a page holds one by one, of each: the file is then some tens of MB."""

_CELLS = 2**19
"""Strips of all workers together: at least as many as pixels."""

_TIME = (2**32) - 1
Array = npt.NDArray[Any]


def timeline_page(report: Report, window: Window | None) -> str:
    """What `Report.timeline_html` writes."""
    events = events_of(report)
    begin, end = checked_window(report, window)
    done = states_of(report, begin, end)
    unit = -(-(end - begin) // _TIME)  # ns: exact up to 4.29 s, and never coarser than a four-billionth of the whole
    arrays, notes = _arrays(events, done, report.workers, begin, end, unit)
    packed, places = _packed(arrays)
    about = {
        "workers": report.workers,
        "begin": begin,
        "end": end,
        "unit": unit,
        "states": [
            {"name": name, "color": STATE_COLORS[name], "share": share} for name, share in _shares(done, begin, end, report)
        ],
        "notes": [*notes, *filter(None, [lost(report)])],
        "arrays": places,
    }
    folder = files("stealscope") / "data"
    page = (folder / "timeline.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": html.escape(title_of(report)),
        "ABOUT": json.dumps(about).replace("<", "\\u003c"),
        "SCRIPT": (folder / "timeline.js").read_text(encoding="utf-8"),
        "PACKED": packed,
    }
    # In one pass: what is put in is never looked at again.
    return re.sub("@@([A-Z]+)@@", lambda found: parts[found[1]], page)


def _arrays(events: Any, done: Array, workers: int, begin: int, end: int, unit: int) -> tuple[dict[str, Array], list[str]]:
    arrays, notes = {"shares": _strips(done, workers, begin, end)}, []
    if len(done) <= MOST:
        arrays |= _rows("state", done["worker"], done["begin"], done["end"], workers, begin, unit) | {"state": done["state"]}
    else:
        strip = (end - begin) / arrays["shares"].shape[1]
        notes.append(f"{len(done):,} states: means over strips of {strip:,.0f} ns; timeline_html(window=...) looks closer")
    polls = _polls(events, begin, end)
    if len(polls) <= MOST:
        rows = _rows("poll", polls["worker"], polls["begin"], polls["end"], workers, begin, unit)
        arrays |= rows | {"poll_task": _ids(polls["task"])}
    else:
        notes.append(f"{len(polls):,} polls: not one by one")
    hits = steals(events)
    hits = hits[(hits["at"] >= begin) & (hits["at"] <= end)]
    if len(hits) > MOST:
        notes.append(f"{MOST:,} of {len(hits):,} steals")
        hits = hits[np.arange(MOST) * len(hits) // MOST]
    arrays |= {"steal_at": _differences(((hits["at"] - begin) // unit).astype(np.uint32)), "steal_task": _ids(hits["task"])}
    return arrays | {f"steal_{name}": hits[name].astype(np.uint32) for name in ("thief", "victim", "taken")}, notes


def _strips(done: Array, workers: int, begin: int, end: int) -> Array:
    """Mean share of each state in equal strips of time, 0 to 255, shape ``(workers, strips, states)``; never 0 for what was there."""
    strips = int(np.clip(2 ** int(np.log2(_CELLS / workers)), 512, 65_536))
    rows = np.tile(done["worker"].astype(np.int64) * len(STATES) + done["state"], 2)
    change = np.repeat([1.0, -1.0], len(done))
    at = np.concatenate([done["begin"], done["end"]])
    means = binned(rows, at, change, (workers * len(STATES), strips), begin, end)
    bytes_ = np.ceil(means.clip(0, 1) * 255 - 1e-6).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(bytes_.reshape(workers, len(STATES), strips).transpose(0, 2, 1))


def _polls(events: Any, begin: int, end: int) -> Array:
    """All polls that touch the window, by worker in time order."""
    kind = np.dtype([("worker", "<u4"), ("begin", "<i8"), ("end", "<i8"), ("task", "<u8")])
    parts = []
    for worker, polls in sorted(intervals(events).items()):
        seen = polls[(polls["end"] > begin) & (polls["begin"] < end)]
        part = np.empty(len(seen), kind)
        part["worker"], part["task"] = worker, seen["task"]
        part["begin"], part["end"] = seen["begin"].clip(begin), seen["end"].clip(None, end)
        parts.append(part)
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _rows(name: str, worker: Array, begins: Array, ends: Array, workers: int, begin: int, unit: int) -> dict[str, Array]:
    """Where each worker's intervals start in the arrays, and the intervals in units of time: differences, and lengths."""
    first, last = (begins - begin) // unit, (ends - begin) // unit
    return {
        f"{name}_row": np.searchsorted(worker, np.arange(workers + 1)).astype(np.uint32),
        f"{name}_begin": _differences(first.astype(np.uint32)),
        f"{name}_length": (last - first).astype(np.uint32),
    }


def _differences(values: Array) -> Array:
    """Each less the one before it, modulo 2**32: small numbers, which pack well."""
    return np.diff(values, prepend=np.uint32(0)).astype(np.uint32)


def _ids(tasks: Array) -> Array:
    """Task numbers as JavaScript has them: exact below 2**53."""
    return tasks.astype(np.uint32) if len(tasks) == 0 or tasks.max() <= _TIME else tasks.astype(np.float64)


def _packed(arrays: dict[str, Array]) -> tuple[str, dict[str, list[Any]]]:
    """All arrays in one compressed piece of text; and of each its type, its offset in bytes and its length."""
    places, parts, offset = {}, [], 0
    for name, array in arrays.items():
        raw = array.tobytes()
        places[name] = [array.dtype.name, offset, array.size]
        raw += bytes(-len(raw) % 8)
        parts.append(raw)
        offset += len(raw)
    return base64.b64encode(zlib.compress(b"".join(parts), 1)).decode("ascii"), places


def _shares(done: Array, begin: int, end: int, report: Report) -> list[tuple[str, float]]:
    spent = np.bincount(done["state"], (done["end"] - done["begin"]).astype(np.float64), len(STATES))
    return list(zip(STATES, (spent / ((end - begin) * report.workers)).tolist(), strict=True))
