"""The interactive timeline: the page holds what happened, loads nothing, and says what it leaves out."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import stealscope as ss
from stealscope import _timeline_page, activity, timeline, workloads

pytestmark = pytest.mark.needs_timeline


@cache
def run() -> ss.Report:
    return ss.Simulation(3, seed=1, timeline=True).run(workloads.fork_join(4, 3, 5_000))


def parts_of(page: str) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """What the page says of itself, and its arrays with differences summed up again."""
    found = re.search(r'id="about">(.*?)</script>', page, re.DOTALL)
    packed = re.search(r'id="packed">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert packed is not None
    about = json.loads(found[1])
    raw = zlib.decompress(base64.b64decode(packed[1]))
    arrays = {name: np.frombuffer(raw, kind, length, offset) for name, (kind, offset, length) in about["arrays"].items()}
    for name in ("state_begin", "poll_begin", "steal_at"):
        if name in arrays:
            arrays[name] = np.cumsum(arrays[name], dtype=np.uint32)
    return about, arrays


def page_of(report: ss.Report, **options: Any) -> str:
    page = report.timeline_html(**options)
    assert page is not None
    return page


def test_each_poll_is_on_the_page() -> None:
    about, arrays = parts_of(page_of(run()))
    for worker, polls in timeline.intervals(run().timeline).items():
        own = slice(*arrays["poll_row"][worker : worker + 2])
        polls = polls[polls["begin"] < run().makespan]
        assert (arrays["poll_begin"][own] == polls["begin"]).all()
        assert (arrays["poll_begin"][own] + arrays["poll_length"][own] == polls["end"].clip(None, run().makespan)).all()
        assert (arrays["poll_task"][own] == polls["task"]).all()
    assert (about["workers"], about["begin"], about["unit"], about["notes"]) == (3, 0, 1, [])


def test_each_state_and_each_steal_is_on_the_page() -> None:
    _, arrays = parts_of(page_of(run()))
    done = activity.states(run().timeline, 3, run().makespan)
    assert (arrays["state"] == done["state"]).all()
    assert (arrays["state_begin"] == done["begin"]).all()
    assert np.diff(arrays["state_row"]).tolist() == np.bincount(done["worker"], minlength=3).tolist()
    hits = timeline.steals(run().timeline)
    for name in ("at", "thief", "victim", "taken", "task"):
        assert (arrays[f"steal_{name}"] == hits[name]).all()


def test_the_shares_of_a_strip_add_up_and_nothing_in_it_is_too_short_to_count() -> None:
    about, arrays = parts_of(page_of(run()))
    shares = arrays["shares"].reshape(3, -1, 4).astype(int)
    assert np.abs(shares.sum(axis=2) - 255).max() <= 4
    means = shares.mean(axis=(0, 1)) / 255
    assert means == pytest.approx([state["share"] for state in about["states"]], abs=0.01)


def test_a_window_is_a_page_of_its_own() -> None:
    half = run().makespan / 2e9
    about, arrays = parts_of(page_of(run(), window=(half / 2, half)))
    assert about["end"] - about["begin"] == pytest.approx(half * 5e8, abs=2)
    assert arrays["poll_begin"].max() <= about["end"] - about["begin"]


def test_a_run_of_hours_is_told_in_coarser_units() -> None:
    events = run().timeline.copy()
    events["at"] *= 10_000_000
    long = dataclasses.replace(run(), timeline=events, makespan=run().makespan * 10_000_000)
    about, arrays = parts_of(page_of(long))
    assert about["unit"] == -(-about["end"] // (2**32 - 1)) > 1
    began = timeline.intervals(events)[0]["begin"]
    assert np.abs(arrays["poll_begin"][: len(began)].astype(np.int64) * about["unit"] - began).max() < about["unit"]


def test_what_the_page_cannot_hold_is_said_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_timeline_page, "MOST", 2)
    about, arrays = parts_of(page_of(run()))
    assert {"state", "poll_begin"} & arrays.keys() == set()
    assert len(arrays["steal_at"]) == 2
    text = " ".join(about["notes"])
    for words in ("states: means over strips", "polls: not one by one", "2 of ", "timeline_html(window=...)"):
        assert words in text


def test_the_page_is_whole_by_itself_and_escapes_what_a_user_named(tmp_path: Path) -> None:
    name = "<script>alert(1)</script> @@PACKED@@ &"
    report = dataclasses.replace(run(), workload=name)
    assert report.timeline_html(tmp_path / "t.html") is None
    page = (tmp_path / "t.html").read_text(encoding="utf-8")
    assert page == page_of(report)
    assert "<script>alert" not in page
    assert not re.search(r"https?://|\bsrc=|\bhref=|\bimport\b|\bfetch\(", page)
    assert "default-src 'none'" in page


def test_a_run_without_a_timeline_says_how_to_get_one() -> None:
    with pytest.raises(ValueError, match=r"Simulation\(timeline=True\)"):
        ss.Simulation(1).run(workloads.fib(3)).timeline_html()
