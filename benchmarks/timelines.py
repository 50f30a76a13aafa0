"""How long does it take to draw a recorded run of millions of events, and how large is what is drawn?

    python benchmarks/timelines.py [--events N] [--workers N]       default: 10,000,000 events on 8 workers

A simulated run, recorded and repeated until it has as many events; then each figure of a report, rendered to PNG, and the page to zoom
in. Each is drawn once from the same report, in one process; a notebook waits for so long, and shows a picture or a page of the printed
size. Processor time is beside it, since a busy machine shows in the other. Needs the extra ``plot``.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import resource
import time
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import stealscope as ss

FIGURES = ("timeline", "utilization", "queue_depths", "poll_times", "latencies", "steals")


def recorded(events: int, workers: int) -> ss.Report:
    """A report with at least so many events."""
    graph = ss.workloads.pattern("random_layered", width=8 * workers, steps=200, cost_ns=ss.dist.lognormal(20e-6, cv2=2))
    report = ss.Simulation(workers, seed=1, timeline=True).run(graph)
    once = report.timeline
    copies = -(-events // len(once))
    many = np.tile(once, copies)
    many["at"] += np.repeat(np.arange(copies) * report.makespan, len(once))
    many["task"] += np.repeat(np.arange(copies, dtype=np.uint64) * (int(once["task"].max()) + 1), len(once))
    many = many[np.argsort(many["at"], kind="stable")]
    return dataclasses.replace(report, timeline=many, makespan=copies * report.makespan)


def png(report: ss.Report, name: str) -> int:
    """The size of the picture, bytes."""
    ax = getattr(report, f"plot_{name}")()
    out = io.BytesIO()
    ax.figure.savefig(out, format="png")
    mpl.pyplot.close(ax.figure)
    return len(out.getvalue())


def page(report: ss.Report) -> int:
    """The size of the page, bytes."""
    return len(report.timeline_html() or "")


def timed(name: str, draw: Callable[[], int]) -> None:
    """Prints a line."""
    wall, cpu = time.perf_counter(), time.process_time()
    size = draw()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:<14} {wall:>6.1f} s  (processor {cpu:>5.1f} s)  {size / 1e6:>6.2f} MB  peak memory {peak:>6,.0f} MiB", flush=True
    )


def main() -> None:
    """Prints a line for each figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args()
    if options.events < 1 or options.workers < 1:
        parser.error(f"--events {options.events} --workers {options.workers}: need at least 1 of each")
    mpl.use("Agg")
    report = recorded(options.events, options.workers)
    print(f"{len(report.timeline):,} events, {options.workers} workers, {report.timeline.nbytes / 1e6:,.0f} MB")
    for name in FIGURES:
        timed(name, lambda name=name: png(report, name))  # type: ignore[misc]
    timed("timeline_html", lambda: page(report))


if __name__ == "__main__":
    main()
