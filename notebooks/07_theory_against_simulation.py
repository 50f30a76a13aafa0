# %% [markdown]
# # Theory against simulation
#
# ## The question
#
# Queueing theory knows how long jobs stay in some systems. Does the simulated scheduler agree where it is such a
# system, and where does work stealing, for which there is no such formula, lie between the two?

# %%
from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import stealscope as ss
from matplotlib.ticker import MaxNLocator

# %% [markdown]
# ## The experiment
#
# Jobs arrive at random at eight workers that are busy 80 % of the time; scheduling costs nothing, as in the formulas.
# One queue for all is M/M/8. A queue for each worker, and nobody steals: eight M/M/1. Stealing: jobs go to random
# workers as before, but idle ones take jobs from others. Each of 20 replications has jobs of its own, the same ones
# under the three policies.

# %%
WORKERS, LOAD, SERVICE, JOBS = 8, 0.8, 1e-3, 20_000
REPLICATIONS = 20
T_999 = 3.883  # Student's quantile for a 99.9 % interval, 19 degrees of freedom
policies = {
    "one queue": ("central_queue", "inject"),
    "a queue each": ("no_stealing", "worker"),
    "stealing": ("tokio", "worker"),
}


def jobs(seed: int, place: str) -> ss.Workload:
    gaps = ss.dist.exponential(SERVICE / (LOAD * WORKERS))
    return ss.workloads.open_system(gaps, ss.dist.exponential(SERVICE), n=JOBS, place=place, seed=seed)


def run(policy: str, place: str, seed: int) -> ss.Report:
    return ss.Simulation(WORKERS, policy=policy, seed=seed, costs=ss.Costs.zero()).run(jobs(seed, place))


means: dict[str, np.ndarray] = {}
last: dict[str, ss.Report] = {}
for name, (policy, place) in policies.items():
    reports = [run(policy, place, seed) for seed in range(REPLICATIONS)]
    means[name] = np.array([report.sojourns[JOBS // 4 :].mean() / 1e9 for report in reports])  # the first quarter is run-in
    last[name] = reports[-1]

# %% [markdown]
# ## The figure
#
# The share of jobs that stay longer than t, with what theory says of the two systems that it knows. The third figure
# lies between both curves.

# %%
theory = {
    "one queue: M/M/8": ss.plots.mmc_tail(WORKERS, LOAD, SERVICE),
    "a queue each: M/M/1": ss.plots.mmc_tail(1, LOAD, SERVICE),
}
fig, axes = plt.subplots(3, 1, figsize=(7.5, 9), sharex=True, sharey=True, layout="constrained")
for ax, (name, report) in zip(axes, last.items(), strict=True):
    shown = {label: tail for label, tail in theory.items() if name == "stealing" or label.startswith(name)}
    ss.plots.sojourn_tail(report, theory=shown, ax=ax)
    ax.set_title("", loc="left")
    ax.set_title(f"{name}, {WORKERS} workers")
    ax.xaxis.set_major_locator(MaxNLocator(5))
_ = axes[0].set_xlim(0, 20 * SERVICE)
for ax in axes[:-1]:
    ax.set_xlabel("")

# %% [markdown]
# ## The answer


# %%
def mean_of(tail: ss.plots.Tail) -> float:
    """A mean is the area under its tail, seconds."""
    times = np.linspace(0, 100 * SERVICE, 200_001)
    return float(np.trapezoid(tail(times), times))


expected = dict(zip(policies, map(mean_of, theory.values()), strict=False))
intervals = {name: (v.mean(), T_999 * v.std(ddof=1) / np.sqrt(REPLICATIONS)) for name, v in means.items()}
for name, (mean, half) in intervals.items():
    says = f"; theory {expected[name] * 1e3:.3f} ms" if name in expected else ""
    print(f"{name:13} {mean * 1e3:.3f} ms, 99.9 % interval {(mean - half) * 1e3:.3f} to {(mean + half) * 1e3:.3f} ms{says}")
stolen = intervals["stealing"][0]
gained = (expected["a queue each"] - stolen) / (expected["a queue each"] - expected["one queue"])
print(f"\nThe simulator agrees with both formulas. Stealing gets {gained:.0%} of what one queue for all would gain.")
assert all(abs(intervals[name][0] - value) <= intervals[name][1] for name, value in expected.items())
assert expected["one queue"] < stolen < expected["a queue each"]
