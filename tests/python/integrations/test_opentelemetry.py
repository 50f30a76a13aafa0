"""OpenTelemetry's own reader reads a runtime: one instrument a metric, with its unit, kind, attributes and value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stealscope as ss

pytest.importorskip(
    "opentelemetry.sdk", reason="opentelemetry-sdk is not installed; the extra stealscope[opentelemetry] brings it"
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Gauge, InMemoryMetricReader, Sum
from stealscope.integrations import opentelemetry as ours


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader: InMemoryMetricReader) -> Iterator[MeterProvider]:
    made = MeterProvider(metric_readers=[reader])
    yield made
    made.shutdown()


def read(reader: InMemoryMetricReader) -> dict[str, Any]:
    data = reader.get_metrics_data()
    if data is None:
        return {}
    return {m.name: m for resource in data.resource_metrics for scope in resource.scope_metrics for m in scope.metrics}


def values(metric: Any) -> dict[tuple[tuple[str, str], ...], float]:
    return {tuple(sorted(point.attributes.items())): point.value for point in metric.data.data_points}


def attributes(snapshot: dict[str, Any], **more: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(({"runtime": snapshot["runtime"]} | more).items()))


@pytest.mark.needs_metrics
def test_values_are_those_of_the_handle(measured: ss.Runtime, provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    ours.observe(measured, meter_provider=provider)
    found, expected = read(reader), measured.handle.metrics(settled=True)
    for index, worker in enumerate(expected["workers"]):
        place = attributes(expected, worker=str(index))
        assert values(found["stealscope.worker.busy_duration"])[place] == worker["busy_duration_total"] / 1e9
        assert values(found["stealscope.worker.task_poll_count"])[place] == worker["task_poll_count"]
        assert values(found["stealscope.worker.queue_depth"])[place] == 0
    assert values(found["stealscope.spawned_tasks_count"]) == {attributes(expected): expected["spawned_tasks_count"]}


@pytest.mark.needs_metrics
def test_there_is_an_instrument_for_each_metric_that_is_a_number_now(
    measured: ss.Runtime, provider: MeterProvider, reader: InMemoryMetricReader
) -> None:
    ours.observe(measured, meter_provider=provider)
    numbers = {key: info for key, info in ss.METRICS.items() if info["kind"] in ("counter", "gauge")}
    assert set(read(reader)) == {ours.instrument_name(info) for key, info in numbers.items() if key != "in_poll_since"}


def test_units_kinds_and_descriptions_come_from_the_table(
    measured: ss.Runtime, provider: MeterProvider, reader: InMemoryMetricReader
) -> None:
    ours.observe(measured, meter_provider=provider)
    found = read(reader)
    for info in ss.METRICS.values():
        metric = found.get(ours.instrument_name(info))
        if metric is None or info["kind"] not in ("counter", "gauge"):
            continue
        assert metric.description == info["meaning"]
        assert metric.unit == ("s" if info["unit"] == "ns" else "{" + info["unit"][:-1] + "}")
        if info["kind"] == "gauge" and info["unit"] == "ns":
            assert isinstance(metric.data, Gauge)
        else:
            assert isinstance(metric.data, Sum)
            assert metric.data.is_monotonic == (info["kind"] == "counter")


def test_counters_rise_between_two_readings(provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    with ss.Runtime(workers=1) as runtime:
        ours.observe(runtime, meter_provider=provider)
        before = values(read(reader)["stealscope.elapsed"])
        after = values(read(reader)["stealscope.elapsed"])
    assert list(before) == list(after)
    assert sum(after.values()) > sum(before.values())


def test_without_a_runtime_all_that_live_are_read(provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    ours.observe(meter_provider=provider)
    with ss.Runtime(workers=1, name="eco-c"):
        names = {dict(place)["runtime"].partition("#")[0] for place in values(read(reader)["stealscope.num_workers"])}
    assert "eco-c" in names


def test_another_namespace_begins_the_names(measured: ss.Runtime, provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    ours.observe(measured, meter_provider=provider, namespace="service")
    assert all(name.startswith("service.") for name in read(reader))


def test_something_else_than_a_runtime_is_refused(provider: MeterProvider) -> None:
    with pytest.raises(TypeError, match="3 is a int; need runtimes or their handles"):
        ours.observe(3, meter_provider=provider)  # type: ignore[arg-type]
