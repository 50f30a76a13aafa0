"""Figures: what their artists hold is what the run measured, they say what they leave out, and they leave pyplot alone."""

from __future__ import annotations

import dataclasses
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stealscope as ss

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed; the extra stealscope[plot] brings it")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed; the extra stealscope[plot] brings it")

KINDS = ("timeline", "utilization", "queue_depths", "poll_times", "latencies", "steals")
RANDOM = ss.workloads.pattern("random_layered", width=16, steps=8, cost_ns=ss.dist.lognormal(20e-6, cv2=2))
DIAMOND = ss.workloads.dag([0, 2, 3, 4, 4], [1, 2, 3, 3], [1_000, 5_000, 2_000, 1_000])
needs_timeline = pytest.mark.needs_timeline


@pytest.fixture(scope="module")
def report() -> ss.Report:
    return ss.Simulation(4, seed=3, costs=ss.Costs.zero(), timeline=True).run(RANDOM)


@pytest.fixture(autouse=True)
def clean_pyplot() -> Iterator[None]:
    plt.close("all")
    yield
    plt.close("all")


def blank() -> Any:
    """Axes that pyplot does not know."""
    from matplotlib.figure import Figure

    return Figure().subplots()


def by_gid(ax: Any, gid: str) -> Any:
    (found,) = [artist for artist in ax.get_children() if artist.get_gid() == gid]
    return found


def text_of(ax: Any) -> str:
    legend = ax.get_legend()
    entries = [] if legend is None else [text.get_text() for text in legend.get_texts()]
    return "\n".join([ax.get_title(), ax.get_title(loc="left"), *entries, *(text.get_text() for text in ax.texts)])


def area(patch: Any) -> float:
    values, edges, baseline = patch.get_data()
    return float(((values - baseline) * np.diff(edges)).sum())


# ---- one run ----


@needs_timeline
def test_the_areas_of_the_utilization_are_the_shares_of_the_report(report: ss.Report) -> None:
    ax = report.plot_utilization(ax=blank())
    whole = report.makespan / 1e9
    assert report.busy is not None
    assert report.searching is not None
    assert report.parked is not None
    assert area(by_gid(ax, "busy")) == pytest.approx(sum(report.busy) * whole)
    assert area(by_gid(ax, "searching")) == pytest.approx(sum(report.searching) * whole)
    assert area(by_gid(ax, "parked")) == pytest.approx(sum(report.parked) * whole)
    assert area(by_gid(ax, "gil_wait")) == 0
    assert f"busy {sum(report.busy) / 4:.0%}".replace("%", " %") in text_of(ax)


@needs_timeline
def test_the_bars_of_the_timeline_are_the_time_that_workers_were_busy(report: ss.Report) -> None:
    ax = report.plot_timeline(ax=blank())
    assert report.busy is not None
    for worker in range(4):
        bars = [path.get_extents() for path in by_gid(ax, "busy").get_paths()]
        width = sum(box.width for box in bars if round((box.y0 + box.y1) / 2) == worker)
        assert width == pytest.approx(report.busy[worker] * report.makespan / 1e9)


@needs_timeline
@pytest.mark.parametrize("arrows", [0, 5, 10_000])
def test_the_timeline_says_how_many_arrows_it_leaves_out(report: ss.Report, arrows: int) -> None:
    ax = report.plot_timeline(arrows=arrows, ax=blank())
    hits = ss.timeline.steals(report.timeline)
    drawn = by_gid(ax, "steals").get_segments()
    assert len(drawn) == min(arrows, len(hits))
    said = f"arrows: {len(drawn)} of {len(hits)} steals, {len(hits) - len(drawn)} left out"
    assert (said if len(drawn) < len(hits) else f"arrows: all {len(hits)} steals") in text_of(ax)


@needs_timeline
def test_an_arrow_goes_from_the_victim_to_the_thief(report: ss.Report) -> None:
    hits = ss.timeline.steals(report.timeline)
    drawn = by_gid(report.plot_timeline(arrows=len(hits), ax=blank()), "steals").get_segments()
    ends = [(round(start[0] * 1e9), int(start[1]), int(end[1])) for start, end in drawn]
    assert ends == hits[["at", "victim", "thief"]].tolist()


@needs_timeline
def test_a_long_timeline_is_drawn_as_one_image_and_without_a_label_for_each_worker() -> None:
    arrivals, service = ss.dist.exponential(1e-6), ss.dist.exponential(20e-6)
    report = ss.Simulation(40, seed=1, costs=ss.Costs.zero(), timeline=True).run(
        ss.workloads.open_system(arrivals, service, n=4_000)
    )
    ax = report.plot_timeline(ax=blank())
    assert not any(artist.get_gid() == "busy" for artist in ax.get_children())
    assert len(ax.get_yticks()) <= 12
    (image,) = ax.get_images()
    pixels = np.asarray(image.get_array())
    assert pixels.shape[0] == 40
    assert report.busy is not None
    assert report.parked is not None
    for worker in range(40):  # opaque where it is busy, faint where it sleeps
        assert pixels[worker, :, 3].mean() == pytest.approx(report.busy[worker] + 0.22 * report.parked[worker])


@needs_timeline
def test_queue_depths_add_up_to_how_long_tasks_waited(report: ss.Report) -> None:
    ax = report.plot_queue_depths(ax=blank())
    parts = [np.asarray(by_gid(ax, gid).get_array().filled(0)) for gid in ("workers", "shared")]
    assert parts[0].shape[0] == 4
    assert parts[1].shape[0] == 1
    width = report.makespan / parts[0].shape[1]
    waits = ss.activity.latencies(report.timeline)
    assert sum(part.sum() for part in parts) * width == pytest.approx((waits["begin"] - waits["ready"]).sum())


@needs_timeline
def test_poll_times_count_each_poll_and_give_exact_quantiles(report: ss.Report) -> None:
    ax = report.plot_poll_times(ax=blank())
    (bars,) = [patch for patch in ax.patches if hasattr(patch, "get_data")]
    polls = np.concatenate([own["end"] - own["begin"] for own in ss.timeline.intervals(report.timeline).values()])
    assert bars.get_data().values.sum() == len(polls)
    assert [line.get_xdata()[0] for line in ax.lines] == pytest.approx(
        np.maximum(np.quantile(polls, [0.5, 0.9, 0.99, 0.999], method="inverted_cdf"), 1) / 1e9
    )
    assert "99.9 % within" in text_of(ax)


@needs_timeline
def test_latencies_count_each_poll(report: ss.Report) -> None:
    (bars,) = [patch for patch in report.plot_latencies(ax=blank()).patches if hasattr(patch, "get_data")]
    assert bars.get_data().values.sum() == len(ss.activity.latencies(report.timeline))


@pytest.mark.needs_metrics
def test_without_a_timeline_poll_times_are_those_of_the_histogram() -> None:
    with ss.Runtime(workers=2, histograms="default") as rt:
        before = rt.handle.metrics(settled=True, timeout=60)
        rt.run(RANDOM)
        delta = ss.metrics_delta(before, rt.handle.metrics(settled=True, timeout=60))
        report = dataclasses.replace(rt.run(RANDOM), metrics=delta, timeline=None)
    for name, key in (("poll_times", "task_poll_histogram"), ("latencies", "schedule_latency_histogram")):
        ax = getattr(report, f"plot_{name}")(ax=blank())
        (bars,) = [patch for patch in ax.patches if hasattr(patch, "get_data")]
        assert bars.get_data().values.sum() == sum(sum(worker[key]["counts"]) for worker in delta["workers"]) > 0
        assert "upper edge" in text_of(ax)


@needs_timeline
@pytest.mark.parametrize("of", ["tasks", "steals"])
def test_the_matrix_holds_all_steals_by_thief_and_victim(report: ss.Report, of: Any) -> None:
    (image,) = report.plot_steals(of=of, ax=blank()).get_images()
    cells = np.asarray(image.get_array().filled(0))
    expected = np.zeros((4, 4))
    for _, thief, victim, taken, _ in ss.timeline.steals(report.timeline).tolist():
        expected[thief, victim] += taken if of == "tasks" else 1
    assert np.array_equal(cells, expected)


@needs_timeline
def test_the_matrix_of_many_workers_has_cells_of_several_and_says_so() -> None:
    report = ss.Simulation(100, seed=1, costs=ss.Costs.zero(), timeline=True).run(ss.workloads.fork_join(10, 2, 10_000))
    ax = report.plot_steals(ax=blank())
    (image,) = ax.get_images()
    cells = image.get_array().filled(0)
    assert cells.shape == (50, 50)
    assert cells.sum() == ss.timeline.steals(report.timeline)["taken"].sum() > 0
    assert "cells of 2 x 2 workers" in text_of(ax)


@needs_timeline
@pytest.mark.parametrize("kind", KINDS)
def test_each_figure_works_on_threads(kind: str) -> None:
    with ss.Runtime(workers=2, timeline=True) as rt:
        report = rt.run(RANDOM)
    ax = blank()
    assert getattr(report, f"plot_{kind}")(ax=ax) is ax
    ax.figure.canvas.draw()


@needs_timeline
@pytest.mark.parametrize("kind", ["timeline", "utilization", "queue_depths"])
def test_a_window_is_what_the_axis_shows(report: ss.Report, kind: str) -> None:
    middle = report.makespan / 2e9
    ax = getattr(report, f"plot_{kind}")(window=(middle / 2, middle), ax=blank())
    assert ax.get_xlim() == pytest.approx((middle / 2, middle), abs=1e-9)
    with pytest.raises(ValueError, match=r"window=\(2, 1\); need \(begin, end\) in seconds"):
        getattr(report, f"plot_{kind}")(window=(2, 1))


@needs_timeline
def test_a_figure_says_that_events_found_no_room() -> None:
    report = ss.Simulation(4, seed=3, timeline=50).run(RANDOM)
    for kind in KINDS:
        assert f"{report.timeline_dropped:,} events found no room" in text_of(getattr(report, f"plot_{kind}")(ax=blank()))
    assert by_gid(report.plot_utilization(ax=blank()), "busy").get_data().values[-1] == 0  # nobody knows


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_without_a_timeline_says_how_to_get_one(kind: str) -> None:
    report = ss.Simulation(2).run(DIAMOND)
    with pytest.raises(ValueError, match=r"no timeline; run with Runtime\(timeline=True\) or Simulation\(timeline=True\)"):
        getattr(report, f"plot_{kind}")()
    assert not plt.get_fignums()


def test_options_that_are_none_are_refused(report: ss.Report) -> None:
    with pytest.raises(ValueError, match="of='loot'; need 'tasks' or 'steals'"):
        report.plot_steals(of="loot")  # type: ignore[arg-type]


# ---- experiments, graphs, open systems ----


@pytest.fixture(scope="module")
def results() -> ss.Results:
    policies = {"tokio": "tokio", "one": ss.Policy(steal="one")}
    return ss.experiment({"layers": RANDOM}, policies, workers=[1, 2, 16], seeds=range(3), progress=False)


def test_scaling_has_a_line_for_each_bound(results: ss.Results) -> None:
    ax = ss.plots.scaling(results, ax=blank())
    lines = {line.get_label(): line for line in ax.lines}
    assert {"tokio", "one"} <= lines.keys()
    diagonal = lines["T1 / P: speedup = workers"]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [1, 2, 16]
    parallelism = np.mean([row["work"] / row["span"] for row in results])
    assert lines[f"T1 / T∞ = {parallelism:.3g}"].get_ydata()[0] == pytest.approx(parallelism)


def test_scaling_of_several_workloads_needs_a_name(results: ss.Results) -> None:
    both = ss.Results([*results, *(dict(row, workload="other") for row in results)], results.manifest)
    assert ss.plots.scaling(both, workload="other", ax=blank()).get_title(loc="left").startswith("other: speedup")
    for name in (None, "third"):
        with pytest.raises(ValueError, match=f"workload={name!r}; need one of 'layers', 'other'"):
            ss.plots.scaling(both, workload=name)


def test_a_dag_shows_each_edge_and_its_critical_path() -> None:
    ax = ss.plots.dag(DIAMOND, ax=blank())
    assert len(by_gid(ax, "edges").get_segments()) == 4
    path = by_gid(ax, "critical tasks").get_offsets()
    assert path[:, 0].tolist() == [0, 1, 2]
    assert len(by_gid(ax, "tasks").get_offsets()) == 1
    assert "T1 9 us, T∞ 7 us (critical path, 3 tasks), parallelism 1.29" in text_of(ax)


@pytest.mark.parametrize("workload", [RANDOM, ss.workloads.pattern("fft", 8, 4), ss.workloads.pattern("stencil_1d", 5, 6)])
def test_each_task_of_a_dag_stands_to_the_right_of_what_it_waits_for_and_in_a_place_of_its_own(workload: ss.Workload) -> None:
    from stealscope._dag_figure import layout

    graph = workload.graph
    assert graph is not None
    x, y = layout(graph)
    sources = np.repeat(np.arange(len(graph)), np.diff(graph.indptr))
    assert np.all(x[sources] < x[graph.indices])
    assert len(set(zip(x.tolist(), y.tolist(), strict=True))) == len(graph)


def test_a_fork_and_join_can_be_drawn_too() -> None:
    pytest.importorskip("networkx", reason="networkx is not installed; the extra stealscope[networkx] brings it")
    assert "the longest chain has" in text_of(ss.plots.dag(ss.workloads.fib(6), ax=blank()))


def test_a_large_dag_says_how_many_edges_it_leaves_out() -> None:
    graph = ss.workloads.pattern("all_to_all", 100, 4)
    ax = ss.plots.dag(graph, ax=blank())
    assert graph.graph is not None
    left_out = graph.graph.edge_count - len(by_gid(ax, "edges").get_segments())
    assert left_out > 0
    assert f"{left_out:,} edges left out" in text_of(ax)


def test_the_measured_tail_is_that_of_the_jobs_that_are_kept() -> None:
    arrivals, service = ss.dist.exponential(10e-6), ss.dist.exponential(10e-6)
    jobs = ss.workloads.open_system(arrivals, service, n=3_000, place="inject")
    report = ss.Simulation(2, costs=ss.Costs.zero()).run(jobs)
    one = ss.plots.mmc_tail(2, 0.5, 10e-6)
    ax = ss.plots.sojourn_tail(report, theory={"M/M/2": one, "nothing": lambda t: 0.5 * np.ones_like(t)}, warmup=500, ax=blank())
    line = by_gid(ax, "measured")
    kept = np.sort(report.sojourns[500:]) / 1e9
    for time, share in list(zip(line.get_xdata(), line.get_ydata(), strict=True))[::50]:
        assert share == pytest.approx(np.mean(kept >= time))
    labels = [line.get_label() for line in ax.lines]
    assert labels == ["measured", "M/M/2", "nothing"]
    assert np.mean(kept) == pytest.approx(np.trapezoid(one(grid := np.linspace(0, 1e-3, 20_000)), grid), rel=0.15)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.9), (2, 0.5), (4, 0.75), (64, 0.9)])
def test_the_tail_in_theory_starts_at_one_and_has_the_mean_of_erlang_c(servers: int, load: float) -> None:
    tail = ss.plots.mmc_tail(servers, load, 1.0)
    times = np.linspace(0, 400, 400_001)
    values = np.asarray(tail(times))
    assert values[0] == pytest.approx(1)
    assert np.all(np.diff(values) <= 0)
    if servers == 1:
        assert np.allclose(values, np.exp(-(1 - load) * times))
    mean = 1 / (1 - load) if servers == 1 else 1 + erlang_c(servers, load) / (servers * (1 - load))
    assert np.trapezoid(values, times) == pytest.approx(mean, rel=1e-4)


def erlang_c(servers: int, load: float) -> float:
    """The chance to wait, summed as the textbook writes it."""
    terms = [1.0]
    for k in range(1, servers + 1):
        terms.append(terms[-1] * servers * load / k)
    last = terms[-1] / (1 - load)
    return last / (sum(terms[:-1]) + last)


def test_a_tail_needs_sojourns_and_a_stable_system() -> None:
    with pytest.raises(ValueError, match="has no sojourns; an open_system has one for each job"):
        ss.plots.sojourn_tail(ss.Simulation(1).run(DIAMOND))
    with pytest.raises(ValueError, match=r"load=1\.0; need a number strictly between 0 and 1"):
        ss.plots.mmc_tail(2, 1.0, 1e-6)
    with pytest.raises(ValueError, match=r"service=0; need seconds above 0"):
        ss.plots.mmc_tail(2, 0.5, 0)


# ---- the page about them ----


@needs_timeline
def test_the_code_of_the_page_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results: ss.Results) -> None:
    page = (Path(__file__).parents[3] / "docs" / "figures.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(code, names)
    assert (tmp_path / "timeline.png").read_bytes().startswith(b"\x89PNG")
    jobs = ss.workloads.open_system(ss.dist.exponential(5e-6), ss.dist.exponential(15e-6), n=500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # three replications are few
        names["beyond_one_run"](results, ss.Simulation(4).run(jobs))
    missing = [name for name in dir(ss.Report) if name.startswith("plot_") and f"`{name}(" not in page]
    assert not missing


# ---- all of them ----


def figures(report: ss.Report, results: ss.Results) -> dict[str, Callable[..., Any]]:
    drawn = {kind: getattr(report, f"plot_{kind}") for kind in KINDS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # three replications are few
        comparison = results.compare("tokio")
    return drawn | {
        "dag": lambda **options: ss.plots.dag(DIAMOND, **options),
        "scaling": lambda **options: ss.plots.scaling(results, **options),
        "results": results.plot,
        "comparison": comparison.plot,
    }


@needs_timeline
def test_on_given_axes_pyplot_and_the_style_stay_as_they_are(report: ss.Report, results: ss.Results) -> None:
    before = dict(matplotlib.rcParams)
    for draw in figures(report, results).values():
        ax = blank()
        assert draw(ax=ax) is ax
    assert not plt.get_fignums()
    assert dict(matplotlib.rcParams) == before


@needs_timeline
def test_without_axes_each_makes_one_figure(report: ss.Report, results: ss.Results) -> None:
    for draw in figures(report, results).values():
        ax = draw()
        assert plt.get_fignums() == [ax.figure.number]
        assert plt.gca() is ax
        plt.close("all")


@needs_timeline
def test_in_a_dark_style_text_and_arrows_are_light_and_no_mark_is_filled_white(report: ss.Report, results: ss.Results) -> None:
    white = matplotlib.colors.to_rgba("white")
    with plt.style.context("dark_background"):
        for name, draw in figures(report, results).items():
            ax = draw()
            assert matplotlib.colors.to_rgba(ax.title.get_color()) == white
            assert ax.get_facecolor() == matplotlib.colors.to_rgba("black")
            for line in (line for line in ax.lines if line.get_marker() != "None"):
                assert line.get_markerfacecolor() not in ("white", white), name
            if name == "timeline":
                assert np.allclose(by_gid(ax, "steals").get_colors()[0][:3], white[:3])
            ax.figure.canvas.draw()
            plt.close("all")


def test_without_matplotlib_the_error_names_the_extra(report: ss.Report, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [NoMatplotlib(), *sys.meta_path])
    with pytest.raises(ss.MissingExtra, match=r"pip install 'stealscope\[plot\]'"):
        ss.plots.dag(DIAMOND)


class NoMatplotlib:
    """A finder for an installation without it."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError(name=name)


def test_the_samples_of_many_workers_are_a_mean_and_a_range() -> None:
    worker = {"busy_duration_total": 0}
    first = {"runtime": "r#1", "elapsed": 0, "workers": [worker] * 20}
    busy = [dict(worker, busy_duration_total=share) for share in range(20)]
    samples = ss.metrics.MetricsSamples([first, dict(first, elapsed=100, workers=busy)])
    ax = samples.plot(ax=blank())
    (mean,) = ax.lines
    assert mean.get_ydata() == pytest.approx([0.095])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["20 workers", "mean"]
