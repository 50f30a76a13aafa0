"""Gast, Khatiri, Trystram and Wagner 2018: with a latency lambda, W units on p workers take W/p + c lambda log2(W/lambda).

All work begins on one worker as unit tasks; a thief waits one lambda for its question and one for the answer. The proof's constant is
about 16, the simulated one about 4.
"""

from __future__ import annotations

from math import log2

from claims import Estimate, Row, burst_makespan, main

__all__ = ["makespan", "measure"]

_TASK = 100  # ns, the unit of time
_PROVEN = 16.0


def makespan(tasks: int, workers: int, latency: int, replications: int) -> Estimate:
    """In units; `latency` is lambda in units. Idle workers keep looking for several times as long as the work takes."""
    sweeps = 4 + 4 * tasks // (workers**2 * latency)
    return burst_makespan(tasks, workers, unit=_TASK, look=2 * latency * _TASK, sweeps=sweeps, replications=replications)


def measure(quick: bool) -> list[Row]:
    tasks = 20_000 if quick else 100_000
    rows = []
    for workers, latency in [(16, 5), (16, 50), (32, 50)] if quick else [(16, 10), (16, 100), (32, 10), (32, 100), (64, 100)]:
        ours = makespan(tasks, workers, latency, 5 if quick else 20)
        scale = latency * log2(tasks / latency)
        low, high = ((end - tasks / workers) / scale for end in (ours.low, ours.high))
        text = f"c = {(low + high) / 2:.2f} ({low:.2f} .. {high:.2f}); simulated by them: about 4"
        rows.append(Row(f"W = {tasks:,}, p = {workers}, lambda = {latency}: c <= {_PROVEN:.0f}", text, high <= _PROVEN))
    return rows


if __name__ == "__main__":
    main(__doc__, measure)
