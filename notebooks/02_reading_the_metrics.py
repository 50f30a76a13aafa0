# %% [markdown]
# # Reading the metrics
#
# ## The question
#
# A run is slower than it should be. Which numbers say why?

# %%
from __future__ import annotations

import matplotlib.pyplot as plt
import stealscope as ss
from stealscope.testing import check_invariants

# %% [markdown]
# ## The experiment
#
# Eight virtual workers and three kinds of trouble, beside a healthy run. In a simulation the numbers are the same on
# every machine; `rt.handle.metrics()` of a runtime on threads has the same keys.

# %%
runs = {
    "healthy": (ss.workloads.fork_join(10, 2, 20_000), "tokio"),
    "tasks too short": (ss.workloads.fork_join(10, 2, 100), "tokio"),
    "too little parallelism": (ss.workloads.pattern("stencil_1d", 3, 300, cost_ns=20_000), "tokio"),
    "badly spread": (ss.workloads.fork_join(10, 2, 20_000), ss.Policy(steal=None)),
}
reports = {
    name: ss.Simulation(8, policy=policy, seed=1, timeline=True).run(workload) for name, (workload, policy) in runs.items()
}
for key in ("task_poll_count", "steal_count", "park_count", "busy_duration_total", "searching_duration_total"):
    print(f"{key:25} [{ss.METRICS[key]['unit']}]  {ss.METRICS[key]['meaning']}")

# %% [markdown]
# The books have to balance before they are read: each law of the scheduler that metrics and timeline decide is
# checked.

# %%
laws = {name: check_invariants(report) for name, report in reports.items()}
print({name: f"{len(held)} laws hold" for name, held in laws.items()})


# %% [markdown]
# ## The figure
#
# How the eight workers spent the run, and what the declared work is of their time. What is busy but no work is the
# scheduler's own.


# %%
def shares(report: ss.Report) -> dict[str, float]:
    """Of the workers' time, in percent."""
    useful = report.work / report.workers / report.makespan
    busy, searching, parked = (sum(part) / report.workers for part in (report.busy, report.searching, report.parked))
    parts = {"work": useful, "spawning and switching": busy - useful, "searching": searching, "parked": parked}
    return {name: 100 * share for name, share in parts.items()}


table = {name: shares(report) for name, report in reports.items()}
fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
left = [0.0] * len(table)
for part, color in zip(table["healthy"], ("#0072B2", "#CC79A7", "#E69F00", "0.6"), strict=True):
    widths = [row[part] for row in table.values()]
    ax.barh(list(table), widths, left=left, color=color, label=part)
    left = [a + b for a, b in zip(left, widths, strict=True)]
ax.invert_yaxis()
ax.set_xlim(0, 100)
ax.set_xlabel("share of the workers' time (%)")
_ = fig.legend(loc="outside upper center", ncols=4, frameon=False)

# %% [markdown]
# ## The answer


# %%
def diagnosis(report: ss.Report) -> str:
    """What the numbers point to."""
    polls = [worker["task_poll_count"] for worker in report.metrics["workers"]]
    if report.efficiency > 0.8:
        return "healthy"
    if report.work / report.span < report.workers:
        return "too little parallelism"
    if max(polls) > 2 * sum(polls) / report.workers:
        return "badly spread"
    return "tasks too short"


for name, report in reports.items():
    workers = report.metrics["workers"]
    polls = [worker["task_poll_count"] for worker in workers]
    print(
        f"{name:24} efficiency {report.efficiency:4.0%}; work/span {report.work / report.span:6.1f}; work a poll "
        f"{report.work / sum(polls):8,.0f} ns; busiest worker {max(polls) / sum(polls):4.0%} of the polls; "
        f"steals {sum(worker['steal_operations'] for worker in workers)}"
    )
print(
    "\nWork / span below the number of workers: too little parallelism. One worker with more than twice its share of polls: badly\n"
    "spread. Neither of them: tasks that are as short as what it costs to schedule them."
)
assert {name: diagnosis(report) for name, report in reports.items()} == {name: name for name in reports}
assert all(abs(sum(row.values()) - 100) < 1 for row in table.values()), "the shares are not of one whole"
