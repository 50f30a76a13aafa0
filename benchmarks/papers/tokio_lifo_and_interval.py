"""Tokio's slot for the newest task, its cap, and the interval of the shared queue: what each costs a task that waits.

Tokio issues 5712, 8065 and 8029 are about the slot: without a cap two tasks that wake each other keep a worker from everything else; a
task in it waits behind a long poll, unless it may be stolen. Go and Tokio look at the shared queue first every 61st turn.
"""

from __future__ import annotations

import stealscope as ss
from claims import Estimate, Row, estimate, main
from stealscope.program import Instruction, Join, Recv, Send, Spawn, Work, Yield

__all__ = ["behind_a_long_poll", "injected", "measure", "with_interval"]

_POLL = 100  # ns of work in each poll of those that keep the worker busy
_TURN = 1_000  # ns, the same beside the interval
_GAP, _SIZE = 200e-6, 1e-6  # s: jobs from outside, few and short
_LONG = 10_000_000  # ns
_PAIRS = 8
_INTERVAL = 7
"""Of the comparison of caps: shorter than Tokio's, so that runs are; the factor between two caps does not depend on it."""


def ping_pongs(seconds: float, work_ns: int) -> ss.Workload:
    """Pairs of tasks that wake each other by channels, for at least so long on one worker.

    They are several because a task that has used up its budget rests until the queue is empty: with one pair that is at once.
    """
    rounds = int(seconds * 1e9 / (2 * work_ns * _PAIRS)) + 1
    first: list[Instruction] = [Work(work_ns), Send(0), Recv(1)] * rounds
    second: list[Instruction] = [Recv(0), Work(work_ns), Send(1)] * rounds
    pair = ss.workloads.program([[Spawn(1), Spawn(2), Join(1), Join(2)], first, second])
    return ss.workloads.together(*[pair] * _PAIRS)


def beside(policy: ss.Policy, work_ns: int, *, jobs: int, seed: int) -> ss.Report:
    """Jobs from outside beside ping-pongs that keep the only worker busy until the last of them is there."""
    outside = ss.workloads.open_system(ss.dist.exponential(_GAP), ss.dist.deterministic(_SIZE), n=jobs, seed=seed)
    busy = ping_pongs((outside.span or 0) / 1e9, work_ns)
    return ss.Simulation(1, policy=policy, seed=seed).run(ss.workloads.together(busy, outside))


def injected(policy: ss.Policy, *, jobs: int, seed: int) -> float:
    """How long a job from outside waits and runs, less the microsecond that it works: the mean, us."""
    return float(beside(policy, _POLL, jobs=jobs, seed=seed).sojourns.mean()) / 1e3 - _SIZE * 1e6


def behind_a_long_poll(lifo_steal_after: int | None, seed: int) -> float:
    """How long two workers take for a task that wakes another and then works for 10 ms, and for that other's 10 ms, in ms."""
    woken: list[Instruction] = [Recv(0), Work(_LONG)]
    waker: list[Instruction] = [Work(_POLL), Yield(), Send(0), Work(_LONG)]
    busy: list[Instruction] = [Work(_POLL), Yield()] * 100  # keeps the second worker awake for a while
    program = ss.workloads.program([[Spawn(1), Spawn(2), Spawn(3), Join(1), Join(2), Join(3)], woken, waker, busy])
    policy = ss.Policy(lifo_steal_after=lifo_steal_after)
    return ss.Simulation(2, policy=policy, seed=seed).run(program).makespan / 1e6


def with_interval(interval: int, *, jobs: int, seed: int) -> tuple[float, float]:
    """Mean time of a job from outside, us, and the whole run, ms; without the slot, so that a turn is a poll."""
    report = beside(ss.Policy(global_interval=interval, lifo_slot=False), _TURN, jobs=jobs, seed=seed)
    return float(report.sojourns.mean()) / 1e3, report.makespan / 1e6


def measure(quick: bool) -> list[Row]:
    seeds = range(5 if quick else 20)
    return [*_cap_rows(20 if quick else 200, seeds), *_stolen_rows(seeds), *_interval_rows(30 if quick else 200, seeds)]


def _cap_rows(jobs: int, seeds: range) -> list[Row]:
    policies = {
        "cap 3 (Tokio)": ss.Policy(global_interval=_INTERVAL),
        "no slot": ss.Policy(global_interval=_INTERVAL, lifo_slot=False),
        "no cap but the budget of 128": ss.Policy(global_interval=_INTERVAL, lifo_polls=1_000_000),
    }
    times = {name: [injected(policy, jobs=jobs, seed=seed) for seed in seeds] for name, policy in policies.items()}
    factor = estimate([b / a for a, b in zip(times["cap 3 (Tokio)"], times["no cap but the budget of 128"], strict=True)])
    text = ", ".join(f"{name}: {estimate(time).mean:.3g} us" for name, time in times.items())
    claim = "a job from outside beside ping-pongs waits far longer without the cap (Tokio's report: 30 times)"
    return [Row(claim, f"{text}; factor {factor}", factor.low > 2)]


def _stolen_rows(seeds: range) -> list[Row]:
    times = {after: estimate([behind_a_long_poll(after, seed) for seed in seeds]) for after in (None, 1, 3)}
    text = ", ".join(f"{'never' if after is None else after}: {time} ms" for after, time in times.items())
    claim = "a task woken by one that works on for 10 ms starts at once if the slot may be stolen (passes before it may)"
    return [Row(claim, text, max(times[1].high, times[3].high) < times[None].low)]


def _interval_rows(jobs: int, seeds: range) -> list[Row]:
    latency: dict[int, Estimate] = {}
    length: dict[int, Estimate] = {}
    for interval in (1, 7, 31, 61, 127):
        runs = [with_interval(interval, jobs=jobs, seed=seed) for seed in seeds]
        latency[interval], length[interval] = (estimate([run[i] for run in runs]) for i in range(2))
    waits = [time.mean for time in latency.values()]
    text = ", ".join(f"{interval}: {time} us" for interval, time in latency.items())
    cost = ", ".join(f"{interval}: {time.mean / length[127].mean - 1:+.2%}" for interval, time in length.items())
    return [
        Row("a job from outside waits longer the rarer the shared queue is looked at first", text, waits == sorted(waits)),
        Row("what looking at it oftener adds to the whole run (against 127)", cost),
    ]


if __name__ == "__main__":
    main(__doc__, measure)
