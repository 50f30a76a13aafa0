"""Prometheus reads a runtime: names by its rules, values as in `Handle.metrics`, histograms that its own parsers accept."""

from __future__ import annotations

import re
import urllib.request
from typing import Any

import pytest
import stealscope as ss

pytest.importorskip("prometheus_client", reason="prometheus-client is not installed; the extra stealscope[prometheus] brings it")
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from stealscope.integrations import prometheus

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(registry: CollectorRegistry) -> Samples:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def scrape(*runtimes: Any, **options: Any) -> Samples:
    registry = CollectorRegistry()
    prometheus.register(*runtimes, registry=registry, **options)
    return scraped(registry)


def labels(snapshot: dict[str, Any], **more: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(({"runtime": snapshot["runtime"]} | more).items()))


# ---- values ----


@pytest.mark.needs_metrics
def test_values_are_those_of_the_handle_in_seconds_and_counts(measured: ss.Runtime) -> None:
    found, expected = scrape(measured), measured.handle.metrics(settled=True)
    for index, worker in enumerate(expected["workers"]):
        place = labels(expected, worker=str(index))
        assert found["stealscope_worker_busy_seconds_total", place] == worker["busy_duration_total"] / 1e9
        assert found["stealscope_worker_task_poll_total", place] == worker["task_poll_count"]
        assert found["stealscope_worker_queue_depth", place] == 0
        assert found["stealscope_worker_mean_poll_seconds", place] == worker["mean_poll_time"] / 1e9
    assert found["stealscope_spawned_tasks_total", labels(expected)] == expected["spawned_tasks_count"]
    assert found["stealscope_workers", labels(expected)] == 2
    assert 0 < found["stealscope_elapsed_seconds_total", labels(expected)] <= expected["elapsed"] / 1e9


@pytest.mark.needs_metrics
def test_every_metric_that_is_a_number_now_is_exported_once_under_a_name_of_its_own(measured: ss.Runtime) -> None:
    numbers = {key: info for key, info in ss.METRICS.items() if info["kind"] != "label"}
    names = {key: prometheus.metric_name(info) for key, info in numbers.items()}
    assert len(set(names.values())) == len(names)
    found = {re.sub(r"_(total|bucket)$", "", name) for name, _ in scrape(measured)}
    assert found == set(names.values()) - {names["in_poll_since"]}  # nothing is polled now


def test_names_follow_the_conventions() -> None:
    for info in ss.METRICS.values():
        if info["kind"] != "label":
            name = prometheus.metric_name(info)
            assert re.fullmatch(r"stealscope_[a-z_]*[a-z]", name)
            assert name.endswith("_seconds") == (info["unit"] == "ns")
            assert not name.endswith(("_count", "_total", "_bucket", "_sum"))  # these the format itself adds


def test_help_and_type_are_those_of_the_table(measured: ss.Runtime) -> None:
    registry = CollectorRegistry()
    prometheus.register(measured, registry=registry)
    families = {family.name: family for family in text_string_to_metric_families(generate_latest(registry).decode())}
    for info in ss.METRICS.values():
        if info["kind"] != "label" and info["available"]:
            family = families[prometheus.metric_name(info)]
            assert (family.type, family.documentation) == (info["kind"], info["meaning"])


# ---- histograms ----


@pytest.mark.needs_metrics
def test_a_histogram_is_cumulative_by_upper_edge_and_summed_over_the_workers(measured: ss.Runtime) -> None:
    found, snapshot = scrape(measured), measured.handle.metrics(settled=True)
    histograms = [worker["task_poll_histogram"] for worker in snapshot["workers"]]
    edges = histograms[0]["edges_ns"]
    buckets = {float(dict(place)["le"]): v for (name, place), v in found.items() if name == "stealscope_task_poll_seconds_bucket"}
    assert list(buckets) == sorted(buckets)
    assert len(buckets) == len(edges) - 1
    for edge in (edges[5], edges[40]):
        below = sum(sum(h["counts"][: edges.index(edge)]) for h in histograms)
        assert buckets[edge / 1e9] == below
    assert buckets[float("inf")] == sum(worker["task_poll_count"] for worker in snapshot["workers"])


def test_the_stricter_openmetrics_parser_accepts_it_all(measured: ss.Runtime) -> None:
    registry = CollectorRegistry()
    prometheus.register(measured, registry=registry)
    assert len(list(parse_openmetrics(openmetrics.generate_latest(registry).decode()))) > 5


def test_histograms_that_were_not_asked_for_have_no_series() -> None:
    with ss.Runtime(workers=1) as plain:
        assert not [name for name, _ in scrape(plain) if name.endswith("_bucket")]


# ---- runtimes and registries ----


def test_without_a_runtime_all_that_live_are_read_at_each_scrape() -> None:
    registry = CollectorRegistry()
    prometheus.register(registry=registry)

    def names() -> set[str]:
        return {dict(place)["runtime"].partition("#")[0] for name, place in scraped(registry) if name == "stealscope_workers"}

    with ss.Runtime(workers=1, name="eco-a"):
        with ss.Runtime(workers=1, name="eco-b"):
            assert {"eco-a", "eco-b"} <= names()
        assert "eco-a" in names()
        assert "eco-b" not in names()


def test_a_closed_runtime_that_was_named_keeps_its_last_values() -> None:
    with ss.Runtime(workers=1) as runtime:
        runtime.spawn(int).result()
    assert scrape(runtime.handle)["stealscope_alive_tasks", labels(runtime.handle.metrics())] == 0


def test_two_collectors_of_the_same_names_are_refused_and_one_can_be_taken_out(measured: ss.Runtime) -> None:
    registry = CollectorRegistry()
    collector = prometheus.register(measured, registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        prometheus.register(measured, registry=registry)
    prometheus.register(measured, registry=registry, namespace="another")
    registry.unregister(collector)
    assert {name.partition("_")[0] for name, _ in scraped(registry)} == {"another"}


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="3 is a int; need runtimes or their handles"):
        prometheus.RuntimeCollector(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="namespace='a-b'; need a name"):
        prometheus.RuntimeCollector(namespace="a-b")


def test_a_server_on_loopback_gives_the_text(measured: ss.Runtime) -> None:
    registry = CollectorRegistry()
    prometheus.register(measured, registry=registry)
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=60) as answer:
            assert 'stealscope_workers{runtime="measured#' in answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
