# %% [markdown]
# # Simulate 256 workers
#
# ## The question
#
# How far does a task graph scale, and what holds it back after that? And why does a new task wake only one sleeping
# worker, and only if nobody searches?

# %%
from __future__ import annotations

import matplotlib.pyplot as plt
import stealscope as ss

# %% [markdown]
# ## The experiment
#
# A graph in eight layers of 512 tasks, 2 microseconds each in the mean, at 1 to 256 virtual workers. Whom a new task
# wakes has three answers: one worker, who wakes the next once it has found work (`"baton"`, Tokio's); one worker for
# each task; all that sleep.

# %%
graph = ss.workloads.pattern("nearest", width=512, steps=8, cost_ns=ss.dist.lognormal(2e-6, cv2=1))
policies = {name: ss.Policy(notify=name) for name in ("baton", "per-task", "all")}
results = ss.experiment({"graph": graph}, policies, workers=[1, 4, 16, 64, 256], seeds=range(10), progress=False)
frame = results.to_frame()
report = ss.Simulation(256, seed=1, timeline=True).run(graph)

# %% [markdown]
# ## The figure
#
# Speedup below its two bounds, and what the 256 workers do over time under Tokio's rule.

# %%
fig, (top, bottom) = plt.subplots(2, 1, figsize=(7.5, 8), layout="constrained")
ss.plots.scaling(results, ax=top)
_ = report.plot_utilization(ax=bottom)

# %% [markdown]
# ## The answer

# %%
at = frame.set_index("workers").loc[256]
speedup = frame.groupby(["policy", "workers"])["speedup"].mean()
baton = speedup["baton"]
parallelism = float((frame["work"] / frame["span"]).mean())
busy, searching, parked = (100 * sum(part) / report.workers for part in (report.busy, report.searching, report.parked))
print(
    f"With 16 workers the speedup is {baton[16]:.1f}, with 256 it is {baton[256]:.0f}; the longest path of tasks would allow "
    f"{parallelism:.0f}.\nThe 256 workers are busy for {busy:.0f} % of the time, search for {searching:.0f} % and sleep for "
    f"{parked:.0f} %:\ntasks of 2 us end before a sleeping worker has got up (a wake-up takes {ss.Costs().shown('wake_latency')}).\n"
)
table = at.groupby("policy", sort=False)[["makespan", "park_count"]].mean()
for name, row in table.iterrows():
    print(f"{name:9} {row['makespan'] / 1e3:6.0f} us, workers fell asleep {row['park_count']:6,.0f} times")
pairs = results.compare("baton").to_frame().set_index(["policy", "workers"])
per_task, everybody = pairs.loc[("per-task", 256)], pairs.loc[("all", 256)]
print(
    f"\nWaking one worker a task takes {per_task['estimate']:.2f} times as long ({per_task['low']:.2f} to {per_task['high']:.2f}), "
    f"waking all {everybody['estimate']:.1f} times ({everybody['low']:.1f} to {everybody['high']:.1f}):\n"
    "who wakes others pays for it before it works itself."
)
assert baton[16] > 0.8 * 16, "the graph should scale to 16 workers"
assert baton[256] <= min(256, parallelism), "no run is better than its bounds"
assert baton[256] < 0.8 * parallelism, "at 256 workers something holds it back"
assert per_task["low"] > 1 < everybody["low"], "waking more is slower"
assert table["park_count"]["baton"] < table["park_count"]["per-task"] < table["park_count"]["all"]
