"""How does Prometheus read a runtime's figures? By a collector: nothing runs and nothing is stored until somebody scrapes.

Names follow its conventions, by rule from `METRICS`: durations are seconds and end in ``_seconds``, counters end in ``_total``, labels
are ``runtime`` and ``worker``. Invariant: every scrape of one runtime is one snapshot of it. Read next: `_figures.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import import_extra
from ..handle import Handle, MetricInfo
from ..runtime import Runtime
from ..units import ns_to_seconds
from ._figures import exported, handles_of, values_of

__all__ = ["RuntimeCollector", "metric_name", "register"]

_UNIT_SUFFIXES = ("_duration_total", "_time", "_count")
"""What a key ends in where Prometheus has a suffix of its own, which says the same."""


def register(*runtimes: Runtime | Handle, registry: Any = None, namespace: str = "stealscope") -> RuntimeCollector:
    """Put a collector into a registry; ``registry.unregister(collector)`` takes it out again.

    Args:
        *runtimes: whose figures; none: of every runtime that lives when it is scraped.
        registry: a `prometheus_client.CollectorRegistry`; None: the library's default one.
        namespace: what each name begins with.

    It opens no socket: `prometheus_client.start_http_server` does, at the address that it is told.

    Raises:
        MissingExtra: prometheus-client is not installed.
        TypeError: something else than runtimes and handles.
        ValueError: the registry has these names already, or `namespace` is no name.
    """
    collector = RuntimeCollector(*runtimes, namespace=namespace)
    (import_extra("prometheus_client", "prometheus").REGISTRY if registry is None else registry).register(collector)
    return collector


class RuntimeCollector:
    """A collector for `prometheus_client`; arguments and errors as of `register`."""

    def __init__(self, *runtimes: Runtime | Handle, namespace: str = "stealscope") -> None:
        if not namespace.isidentifier():
            raise ValueError(f"namespace={namespace!r}; need a name of letters, digits and _, such as 'stealscope'")
        self._core = import_extra("prometheus_client.core", "prometheus")
        self._handles = handles_of(runtimes)
        self._namespace = namespace

    def describe(self) -> list[Any]:
        """Families without samples: what the registry checks for names that are taken."""
        return [self._family(info) for info in exported()]

    def collect(self) -> Iterator[Any]:
        """One family a metric, of one snapshot of each runtime."""
        snapshots = [handle.metrics() for handle in self._handles()]
        for info in exported():
            family = self._family(info)
            for snapshot in snapshots:
                if info["kind"] == "histogram":
                    self._add_histogram(family, info, snapshot)
                else:
                    for labels, value in values_of(info, snapshot):
                        family.add_metric(list(labels.values()), value)
            yield family

    def _family(self, info: MetricInfo) -> Any:
        kind = {
            "counter": self._core.CounterMetricFamily,
            "gauge": self._core.GaugeMetricFamily,
            "histogram": self._core.HistogramMetricFamily,
        }[info["kind"]]
        by_worker = info["scope"] == "worker" and info["kind"] != "histogram"
        labels = ["runtime", "worker"] if by_worker else ["runtime"]
        return kind(metric_name(info, namespace=self._namespace), info["meaning"], labels=labels)

    def _add_histogram(self, family: Any, info: MetricInfo, snapshot: Mapping[str, Any]) -> None:
        histograms = [histogram for _, histogram in values_of(info, snapshot)]
        if histograms:
            # Summed over the workers: a series for each of some hundred buckets of each worker would be more than it tells.
            counts = [sum(column) for column in zip(*(histogram["counts"] for histogram in histograms), strict=True)]
            family.add_metric([snapshot["runtime"]], _cumulative(histograms[0]["edges_ns"], counts), sum_value=None)


def metric_name(info: MetricInfo, *, namespace: str = "stealscope") -> str:
    """The name of a family; the text that is scraped adds ``_total`` to a counter's and ``_bucket`` to a histogram's.

    >>> from stealscope import METRICS
    >>> metric_name(METRICS["busy_duration_total"]), metric_name(METRICS["num_alive_tasks"])
    ('stealscope_worker_busy_seconds', 'stealscope_alive_tasks')
    """
    stem = str(info["name"]).removeprefix("num_").removesuffix("_histogram")
    ending = next((suffix for suffix in _UNIT_SUFFIXES if stem.endswith(suffix)), "")
    parts = [namespace, stem.removesuffix(ending)]
    if info["scope"] == "worker" and info["kind"] != "histogram":
        parts.insert(1, "worker")
    if info["unit"] == "ns":
        parts.append("seconds")
    return "_".join(parts)


def _cumulative(edges_ns: Sequence[int], counts: Iterable[int]) -> list[tuple[str, float]]:
    """Buckets as Prometheus has them: by upper edge in seconds, each with those below it; the last has no end."""
    total, buckets = 0.0, []
    for upper, count in zip(edges_ns[1:], counts, strict=True):
        total += count
        buckets.append((repr(ns_to_seconds(upper)), total))
    buckets[-1] = ("+Inf", total)
    return buckets
