# %% [markdown]
# # Watch a tick: why 61, why 3?
#
# ## The question
#
# What does a worker do between two tasks? And why does it look after the shared queue and the timers every 61st time,
# and poll at most three tasks in a row from its slot for the newest one?

# %%
from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import stealscope as ss
from matplotlib.ticker import EngFormatter

# %% [markdown]
# ## The experiment
#
# Two workers in virtual time, one step a line: the time, what happened, then the length of each worker's queue (z:
# asleep) and of the shared queue.

# %%
for _, step in zip(range(14), ss.Simulation(2, seed=1).steps(ss.workloads.fork_join(3, 2, 2_000)), strict=False):
    print(step)

# %% [markdown]
# Three numbers decide when a worker turns away from its own queue. Each is varied here on one virtual worker that
# never runs out of work. What a number costs, it costs somebody in particular: a job from outside, a timer, a request
# that several tasks handle one after the other.


# %%
SEEDS = range(10)


def job_from_outside(interval: int | str, poll_ns: int, seed: int) -> float:
    """Turns between two looks at the shared queue: how long a job in it waits, seconds."""
    jobs = ss.workloads.open_system(
        ss.dist.exponential(400 * poll_ns / 1e9), ss.dist.deterministic(poll_ns / 1e9), n=15, seed=seed
    )
    own = ss.workloads.pattern("chain", width=1, steps=8_000, cost_ns=poll_ns)
    policy = ss.Policy(global_interval=interval, lifo_slot=False)
    report = ss.Simulation(1, policy=policy, seed=seed).run(ss.workloads.together(own, jobs))
    return float(report.sojourns.mean()) / 1e9 - poll_ns / 1e9


def timer(interval: int, poll: float, seed: int) -> float:
    """Turns between two looks at the timers: how late one is, seconds. (A timer of the wheel is exact to a millisecond.)"""
    sim = ss.Simulation(1, policy=ss.Policy(event_interval=interval, lifo_slot=False), seed=seed)
    rng = np.random.default_rng(seed)
    late: list[float] = []

    async def sleeper() -> None:
        for _ in range(3):
            nap = float(rng.uniform(1e-3, 3e-3))
            due = sim.now + nap
            await ss.sleep(nap)
            late.append(sim.now - due)

    async def busy() -> None:
        await ss.work(poll)
        if len(late) < 3:
            ss.spawn(busy)

    async def main() -> None:
        ss.spawn(busy)
        ss.spawn(sleeper)

    sim.block_on(main)
    return float(np.mean(late))


def in_the_slot(polls: int, hops: int) -> tuple[float, float]:
    """Polls from the slot in a row: when a request of some hops is done (mean over 32 at once) and a task beside them begins, seconds."""
    sim = ss.Simulation(1, policy=ss.Policy(lifo_polls=polls) if polls else ss.Policy(lifo_slot=False))
    ends: list[float] = []
    began: list[float] = []

    async def hop(left: int) -> None:
        await ss.work(1e-6)
        if left > 1:
            ss.spawn(hop, left - 1)
        else:
            ends.append(sim.now)

    async def beside() -> None:
        began.append(sim.now)

    async def main() -> None:
        for _ in range(31):
            ss.spawn(hop, hops)
        ss.spawn(beside)
        ss.spawn(hop, hops)  # the newest task is in the slot, the one beside it in the queue behind the others

    sim.block_on(main)
    return float(np.mean(ends)), began[0]


def interval_of(values: list[float]) -> tuple[float, float]:
    """Mean, and half of Student's 95 % interval (2.262: nine degrees of freedom)."""
    return float(np.mean(values)), 2.262 * float(np.std(values, ddof=1)) / np.sqrt(len(values))


def curve(measure: Callable[[int, int], float], values: list[int]) -> np.ndarray:
    return np.array([interval_of([measure(value, seed) for seed in SEEDS]) for value in values])


INTERVALS = [1, 4, 16, 61, 255]
POLLS_NS = [300, 30_000]
outside = {poll: curve(lambda n, seed, poll=poll: job_from_outside(n, poll, seed), INTERVALS) for poll in POLLS_NS}
adaptive = {poll: interval_of([job_from_outside("adaptive", poll, seed) for seed in SEEDS])[0] for poll in POLLS_NS}
TIMER_POLL = 16e-6
timers = curve(lambda n, seed: timer(n, TIMER_POLL, seed), INTERVALS)
SLOT = [0, 1, 2, 3, 5, 8, 16]
HOPS = [2, 4, 8]
slot = {hops: np.array([in_the_slot(polls, hops) for polls in SLOT]) for hops in HOPS}

# %% [markdown]
# ## The figure
#
# Means with 95 % intervals over ten seeds; what needs no seed is exact. Grey: Tokio's number. Of the shared queue it is
# the first one; after that a rule chooses it from how long polls take, which gives the dashed lines.

# %%
fig, (top, middle, bottom) = plt.subplots(3, 1, figsize=(7.5, 10), layout="constrained")
colors = ("#0072B2", "#D55E00", "#009E73")
for (poll, points), color in zip(outside.items(), colors, strict=False):
    top.errorbar(
        INTERVALS, points[:, 0], yerr=points[:, 1], color=color, marker="o", capsize=3, label=f"polls of {poll / 1e3:g} us"
    )
    top.axhline(adaptive[poll], color=color, linestyle="--", label="the same, adaptive")
top.set_xlabel("turns between two looks at the shared queue")
top.set_yscale("log")
top.axvline(61, color="0.5", linestyle="--")
top.set_ylabel("a job from outside waits")
middle.errorbar(INTERVALS, timers[:, 0], yerr=timers[:, 1], color=colors[0], marker="o", capsize=3, label="polls of 16 us")
middle.axvline(61, color="0.5", linestyle="--", label="61")
middle.set_xlabel("turns between two looks at the timers")
middle.set_ylim(bottom=0)
middle.set_ylabel("a timer is late")
for ax in (top, middle):
    ax.set_xscale("log")
    ax.set_xticks(INTERVALS, [str(value) for value in INTERVALS])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(EngFormatter(unit="s"))
for (hops, points), color in zip(slot.items(), colors, strict=True):
    bottom.plot(SLOT, points[:, 0] / points[0, 0], color=color, marker="o", label=f"a request of {hops} polls is done")
bottom.plot(SLOT, slot[8][:, 1] / slot[8][0, 1], color="#CC79A7", marker="s", label="another task begins")
bottom.axvline(3, color="0.5", linestyle="--", label="3")
bottom.set_xlabel("polls in a row from the slot")
bottom.set_ylabel("time / that without a slot")
bottom.set_yscale("log", base=2)
bottom.yaxis.set_major_formatter("{x:g}")
for ax in (top, middle, bottom):
    ax.legend(fontsize="small")

# %% [markdown]
# ## The answer

# %%
at_61, at_3 = INTERVALS.index(61), SLOT.index(3)
short, long = POLLS_NS
print(
    f"Shared queue: with a fixed 61 a job waits {outside[short][at_61, 0] * 1e6:.0f} us beside polls of {short / 1e3:g} us, and "
    f"{outside[long][at_61, 0] * 1e3:.1f} ms beside polls of {long / 1e3:g} us.\n"
    f"No number suits both, so Tokio's follows the polls: {adaptive[short] * 1e6:.0f} us and {adaptive[long] * 1e3:.1f} ms.\n"
)
print(
    f"Timers: the wheel counts milliseconds, so a timer is {timers[0, 0] * 1e3:.2f} ms late at best. 61 polls of "
    f"{TIMER_POLL * 1e6:g} us are {61 * TIMER_POLL * 1e3:.2f} ms:\nup to polls of that length 61 adds less than one tick of the wheel "
    f"({(timers[at_61, 0] - timers[0, 0]) * 1e3:.2f} ms here); 255 adds {(timers[-1, 0] - timers[0, 0]) * 1e3:.1f} ms.\n"
)
print(
    f"Slot: a request of four polls, the first from the queue, is done in one turn from 3 on: "
    f"{slot[4][at_3, 0] / slot[4][0, 0]:.0%} of the time without a slot.\n"
    f"At 16 it is {slot[4][-1, 0] / slot[4][0, 0]:.0%}, but beside requests of eight polls another task begins after "
    f"{slot[8][-1, 1] / slot[8][0, 1]:.1f} times as long\n(at 3: {slot[8][at_3, 1] / slot[8][0, 1]:.1f} times)."
)
waits = outside[long][:, 0]
assert all(np.diff(waits) > 0), "a job waits longer, the rarer the shared queue is looked at"
assert adaptive[long] < outside[long][at_61, 0] / 2, "the adaptive number is smaller beside long polls"
assert timers[at_61, 0] - timers[0, 0] < 1e-3 < timers[-1, 0] - timers[0, 0]
assert slot[4][at_3, 0] < 0.75 * slot[4][at_3 - 1, 0], "a request of four polls gains from the third poll in a row"
assert slot[4][-1, 0] > 0.9 * slot[4][at_3, 0], "and hardly from more"
