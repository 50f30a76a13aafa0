"""How does OpenTelemetry read a runtime's figures? By observable instruments: the reader asks when it exports.

Names are those of `METRICS` behind ``stealscope.`` or ``stealscope.worker.``, units are seconds and UCUM annotations such as ``{task}``.
Histograms are left out, because the interface has none that can be observed; `prometheus.py` exports them. Invariant: without a
reader nothing is ever computed. Read next: `_figures.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import import_extra
from ..handle import Handle, MetricInfo
from ..runtime import Runtime
from ._figures import Handles, exported, handles_of, values_of

__all__ = ["instrument_name", "observe"]


def observe(*runtimes: Runtime | Handle, meter_provider: Any = None, namespace: str = "stealscope") -> None:
    """Create the instruments, once a meter provider.

    Args:
        *runtimes: whose figures; none: of every runtime that lives when the reader asks.
        meter_provider: of `opentelemetry.sdk.metrics`, with the reader and exporter of your choice; None: the global one.
        namespace: what each name begins with.

    Attributes are ``runtime``, and ``worker`` for a worker's figures. Counters are observable counters; of the gauges, what can be
    added up (tasks, threads) is an observable up-down counter.

    Raises:
        MissingExtra: OpenTelemetry is not installed.
        TypeError: something else than runtimes and handles.
    """
    api = import_extra("opentelemetry.metrics", "opentelemetry")
    handles = handles_of(runtimes)
    from .. import __version__

    meter = api.get_meter("stealscope", __version__, meter_provider)
    for info in exported():
        if info["kind"] != "histogram":
            create = _creator(meter, info)
            create(
                instrument_name(info, namespace=namespace),
                callbacks=[_reader(api.Observation, info, handles)],
                unit="s" if info["unit"] == "ns" else f"{{{info['unit'].removesuffix('s')}}}",
                description=info["meaning"],
            )


def instrument_name(info: MetricInfo, *, namespace: str = "stealscope") -> str:
    """The name of an instrument.

    >>> from stealscope import METRICS
    >>> instrument_name(METRICS["busy_duration_total"]), instrument_name(METRICS["num_alive_tasks"])
    ('stealscope.worker.busy_duration', 'stealscope.num_alive_tasks')
    """
    scope = "worker." if info["scope"] == "worker" else ""
    return f"{namespace}.{scope}{str(info['name']).removesuffix('_total')}"


def _creator(meter: Any, info: MetricInfo) -> Callable[..., Any]:
    if info["kind"] == "counter":
        create = meter.create_observable_counter
    elif info["unit"] == "ns":
        create = meter.create_observable_gauge
    else:
        create = meter.create_observable_up_down_counter
    return create  # type: ignore[no-any-return]


def _reader(observation: Any, info: MetricInfo, handles: Handles) -> Callable[[object], Iterator[Any]]:
    def read(_: object) -> Iterator[Any]:
        for handle in handles():
            for attributes, value in values_of(info, handle.metrics()):
                yield observation(value, attributes)

    return read
