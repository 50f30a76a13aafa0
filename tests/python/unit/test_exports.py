"""What a report is written to holds the same events, read back by parsers that are not ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stealscope as ss

pytestmark = pytest.mark.needs_timeline
TREE = ss.workloads.fork_join(5, 2, 5_000)


@pytest.fixture(scope="module", params=["default", "zero"])
def report(request: pytest.FixtureRequest) -> ss.Report:
    costs = ss.Costs.zero() if request.param == "zero" else ss.Costs()  # zero: many things at the same time
    return ss.Simulation(3, seed=4, timeline=True, costs=costs).run(TREE)


@pytest.fixture(scope="module")
def real() -> ss.Report:
    async def leaf(number: int) -> int:
        await ss.yield_now()
        return number

    async def main() -> int:
        return sum([await child for child in [ss.spawn(leaf, number) for number in range(8)]])

    with ss.Runtime(2, timeline=True) as rt:
        return rt.run(main)


def lengths(report: ss.Report) -> list[int]:
    polls = ss.timeline.intervals(report.timeline)
    return sorted(int(length) for own in polls.values() for length in own["end"] - own["begin"])


# ---- Chrome ----


def chrome(report: ss.Report, tmp_path: Path) -> list[dict[str, Any]]:
    report.to_chrome_trace(tmp_path / "run.json")
    data = json.loads((tmp_path / "run.json").read_text())
    assert data["otherData"]["makespan_ns"] == report.makespan
    events: list[dict[str, Any]] = data["traceEvents"]
    return events


def test_chromes_complete_events_are_the_polls_to_the_ns(report: ss.Report, tmp_path: Path) -> None:
    polls = [event for event in chrome(report, tmp_path) if event["ph"] == "X" and event["name"] == "poll"]
    assert sorted(round(event["dur"] * 1000) for event in polls) == lengths(report)
    assert {event["tid"] for event in polls} <= {1, 2, 3}


def test_chromes_arrows_join_each_spawn_and_wake_to_a_poll_and_each_victim_to_its_thief(
    report: ss.Report, tmp_path: Path
) -> None:
    events = chrome(report, tmp_path)
    counts = ss.timeline.counts(report.timeline)
    ends: dict[str, dict[int, dict[str, Any]]] = {
        phase: {event["id"]: event for event in events if event["ph"] == phase} for phase in "sf"
    }
    assert set(ends["s"]) == set(ends["f"])
    assert len(ends["s"]) == counts["spawn"] + counts["wake"] + counts["steal"]
    assert all(ends["s"][number]["ts"] <= ends["f"][number]["ts"] for number in ends["s"] if ends["s"][number]["cat"] == "ready")
    steals = [(ends["s"][number]["tid"] - 1, event["tid"] - 1) for number, event in ends["f"].items() if event["cat"] == "steal"]
    hits = ss.timeline.steals(report.timeline)
    assert Counter(steals) == Counter(zip(hits["victim"].tolist(), hits["thief"].tolist(), strict=True))


def test_each_arrow_of_chrome_has_a_slice_at_both_ends(report: ss.Report, tmp_path: Path) -> None:
    events = chrome(report, tmp_path)
    slices = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            slices[event["tid"]].append((event["ts"], event["ts"] + event["dur"] + 1e-6))
    for event in events:
        if event["ph"] in "sf":
            assert any(begin <= event["ts"] <= end for begin, end in slices[event["tid"]])


def test_chromes_counters_end_with_empty_queues(report: ss.Report, tmp_path: Path) -> None:
    last = {event["name"]: event["args"]["tasks"] for event in chrome(report, tmp_path) if event["ph"] == "C"}
    assert {"queue 0", "queue 1", "queue 2"} <= set(last)
    assert set(last.values()) == {0}


# ---- Perfetto ----


def perfetto(report: ss.Report, tmp_path: Path) -> Any:
    pytest.importorskip("perfetto", reason="perfetto is not installed: its parser is what reads the file")
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

    report.to_perfetto(tmp_path / "run.pftrace")
    return Trace.FromString((tmp_path / "run.pftrace").read_bytes())


def slices_of(trace: Any) -> list[tuple[str, int, int, int]]:
    """Name, track, begin and length of each slice; begins and ends must match."""
    names = {name.iid: name.name for packet in trace.packet for name in packet.interned_data.event_names}
    found, open_ones, last = [], {}, 0
    for packet in trace.packet:
        if not packet.HasField("track_event"):
            continue
        assert packet.timestamp >= last
        last, event = packet.timestamp, packet.track_event
        if event.type == event.TYPE_SLICE_BEGIN:
            assert event.track_uuid not in open_ones
            open_ones[event.track_uuid] = (names[event.name_iid], last)
        elif event.type == event.TYPE_SLICE_END:
            name, begin = open_ones.pop(event.track_uuid)
            found.append((name, event.track_uuid, begin, last - begin))
    assert not open_ones
    return found


def test_perfettos_slices_are_the_polls_to_the_ns(report: ss.Report, tmp_path: Path) -> None:
    slices = slices_of(perfetto(report, tmp_path))
    assert sorted(length for name, _, _, length in slices if name == "poll") == lengths(report)
    assert {name for name, *_ in slices} <= {"poll", "searching", "parked", "GIL wait"}


def test_perfettos_flows_have_two_ends_each(report: ss.Report, tmp_path: Path) -> None:
    events = [packet.track_event for packet in perfetto(report, tmp_path).packet if packet.HasField("track_event")]
    begun = [flow for event in events for flow in event.flow_ids]
    ended = [flow for event in events for flow in event.terminating_flow_ids]
    counts = ss.timeline.counts(report.timeline)
    assert sorted(begun) == sorted(ended)
    assert len(set(begun)) == len(begun) == counts["spawn"] + counts["wake"] + counts["steal"]


def test_perfettos_tracks_are_the_workers_and_the_queues(report: ss.Report, tmp_path: Path) -> None:
    trace = perfetto(report, tmp_path)
    descriptors = {
        packet.track_descriptor.uuid: packet.track_descriptor for packet in trace.packet if packet.HasField("track_descriptor")
    }
    threads = [track.thread.thread_name for track in descriptors.values() if track.HasField("thread")]
    assert threads == ["worker 0", "worker 1", "worker 2", "outside"]
    assert sum(track.HasField("counter") for track in descriptors.values()) == 4
    used = {packet.track_event.track_uuid for packet in trace.packet if packet.HasField("track_event")}
    assert used <= set(descriptors)


def test_a_run_on_threads_is_whole_in_both(real: ss.Report, tmp_path: Path) -> None:
    drawn = [event for event in chrome(real, tmp_path) if event["ph"] == "X" and event["name"] == "poll"]
    assert len(drawn) == ss.timeline.counts(real.timeline)["poll_begin"]
    assert sum(name == "poll" for name, *_ in slices_of(perfetto(real, tmp_path))) == len(drawn)


def test_names_of_users_are_escaped_in_a_trace(report: ss.Report, tmp_path: Path) -> None:
    named = replace(report, workload='50% of "%d"\n')
    assert any('50% of "%d"' in str(event.get("args")) for event in chrome(named, tmp_path))


# ---- tables ----


@pytest.mark.parametrize("table", ["timeline", "polls", "latencies", "states", "steals", "queue_depths", "workers"])
def test_a_table_is_the_same_from_parquet_csv_and_arrow(report: ss.Report, tmp_path: Path, table: Any) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed; the extra stealscope[frame] brings it")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed; the extra stealscope[frame] brings it")
    report.to_parquet(tmp_path / "t.parquet", table)
    report.to_csv(tmp_path / "t.csv", table)
    arrow = report.to_arrow(table)
    assert parquet.read_table(tmp_path / "t.parquet").equals(arrow)
    read = pandas.read_csv(tmp_path / "t.csv")
    assert list(read.columns) == arrow.column_names
    assert len(read) == arrow.num_rows > 0
    assert json.loads(arrow.schema.metadata[b"stealscope"])["makespan"] == report.makespan


def test_the_table_of_events_has_nulls_instead_of_numbers_that_stand_for_nothing(report: ss.Report) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed; the extra stealscope[frame] brings it")
    table = report.to_arrow()
    counts = Counter(table["kind"].to_pylist())
    assert {kind: count for kind, count in ss.timeline.counts(report.timeline).items() if count} == counts
    assert table["worker"].null_count == np.count_nonzero(report.timeline["worker"] == ss.timeline.NOBODY) > 0
    assert table["task"].null_count > 0


def test_a_wrong_table_and_a_report_without_timeline_say_what_to_do() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed; the extra stealscope[frame] brings it")
    silent = ss.Simulation(2).run(TREE)
    with pytest.raises(ValueError, match="table='pools'; need one of timeline, polls"):
        silent.to_arrow("pools")  # type: ignore[arg-type]
    for call in (silent.to_arrow, silent.to_workload):
        with pytest.raises(ValueError, match="no timeline; run with Runtime"):
            call()
    assert silent.to_arrow("workers").num_rows == 2


# ---- a page, a graph ----


class Page(HTMLParser):
    """Tags that were opened, and the addresses that the page asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href")]


def test_the_page_has_all_figures_and_asks_for_nothing(report: ss.Report, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed; the extra stealscope[plot] brings it")
    report.to_html(tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text()
    page = Page(text)
    assert page.tags["img"] == page.tags["figcaption"] == 6
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert page.tags["script"] == page.tags["link"] == 0
    assert report.replay_line is not None
    assert "ss.Simulation(" in text
    assert "compiler" in text or "policy" in text


def test_each_row_of_the_pages_table_of_workers_has_a_cell_below_each_head(report: ss.Report, tmp_path: Path) -> None:
    report.to_html(tmp_path / "r.html")
    table = (tmp_path / "r.html").read_text().split("<h2>Workers</h2>")[1].split("</table>")[0]
    head, *rows = table.split("</tr>")[:-1]
    assert len(rows) == report.workers
    assert {row.count("<td") for row in rows} == {head.count("<th")}
    assert report.busy is not None
    assert f"{report.busy[0]:.0%}</td>" in rows[0]


@pytest.mark.parametrize("workload", [ss.workloads.pattern("fft", 4, 4), ss.workloads.fib(4)])
def test_dot_is_read_by_graphviz_with_the_same_nodes_edges_and_path(workload: ss.Workload) -> None:
    pytest.importorskip("networkx", reason="networkx is not installed; the extra stealscope[networkx] brings it")
    text = workload.to_dot()
    graph = workload.to_networkx()
    if workload.graph is not None:
        critical = re.findall(r"^  (\d+) \[.*critical=true", text, re.MULTILINE)
        assert tuple(map(int, critical)) == workload.graph.critical_path
        assert sum(map(int, re.findall(r"cost_ns=(\d+)", text))) == workload.work
    if (dot := shutil.which("dot")) is None:
        pytest.skip("needs Graphviz's dot (the system's package graphviz)")
    done = subprocess.run([dot, "-Tplain"], input=text, capture_output=True, text=True, check=True, timeout=60)
    kinds = Counter(line.split()[0] for line in done.stdout.splitlines())
    assert (kinds["node"], kinds["edge"]) == (len(graph), graph.number_of_edges())


def test_dot_quotes_names(tmp_path: Path) -> None:
    text = ss.workloads.dag([0, 1, 1], [1], [5, 6], names=['a "b"', "c\\d"]).to_dot()
    assert 'label="a \\"b\\"\\n5 ns"' in text
    assert 'label="c\\\\d\\n6 ns"' in text
