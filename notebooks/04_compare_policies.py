# %% [markdown]
# # Compare policies: why half?
#
# ## The question
#
# A thief that finds a victim takes half of its queue, as Tokio and Go do. Would one task, or all of them, be as good,
# and does the answer depend on the number of workers?

# %%
from __future__ import annotations

import matplotlib.pyplot as plt
import stealscope as ss

# %% [markdown]
# ## The experiment
#
# Two workloads of short tasks: graphs whose layers become ready all over the place, and bursts, each of them all on
# one worker. A graph is drawn anew for each seed and is the same for each policy, so runs are compared in pairs and
# what the graphs differ in cancels out.

# %%
law = ss.dist.lognormal(1e-6, cv2=1)
workloads = {
    "layers": ss.workloads.pattern("random_layered", width=64, steps=8, cost_ns=law),
    "bursts": ss.workloads.pattern("fork_join", width=250, steps=8, cost_ns=law),
}
amounts = {"one": "one", "1/8": 0.125, "1/4": 0.25, "half": "half", "3/4": 0.75, "all": "all"}
policies = {name: ss.Policy(steal=amount) for name, amount in amounts.items()}
workers = [2, 8, 64]
results = ss.experiment(workloads, policies, workers=workers, seeds=range(12), progress=False)
comparison = results.compare("half")
print(comparison)

# %% [markdown]
# ## The figure
#
# Makespan against that of stealing half, by pairs, with 95 % intervals: above 1 half is better.

# %%
frame = comparison.to_frame()
fig, axes = plt.subplots(1, 2, figsize=(8, 3.8), sharey=True, layout="constrained")
for ax, workload in zip(axes, workloads, strict=True):
    for count, color, marker in zip(workers, ("#0072B2", "#D55E00", "#009E73"), "os^", strict=True):
        rows = frame[(frame["workload"] == workload) & (frame["workers"] == count)].set_index("policy")
        some = [name for name in amounts if name != "half"]
        values = rows.loc[some]
        sides = [values["estimate"] - values["low"], values["high"] - values["estimate"]]
        places = [list(amounts).index(name) for name in some]
        ax.errorbar(places, values["estimate"], yerr=sides, color=color, marker=marker, capsize=3, label=f"{count} workers")
    ax.axhline(1, color="0.5", linestyle="--")
    ax.set_xticks(range(len(amounts)), list(amounts))
    ax.set_xlabel("taken from a victim's queue")
    ax.set_title(workload)
axes[0].set_ylabel("makespan / that of stealing half")
_ = axes[0].legend(loc="upper left")

# %% [markdown]
# ## The answer

# %%
others = [name for name in amounts if name != "half"]
worst = {name: float(frame[frame["policy"] == name]["estimate"].max()) for name in others}
for name in others:
    rows = frame[frame["policy"] == name]
    worse, better = int((rows["low"] > 1).sum()), int((rows["high"] < 1).sum())
    print(
        f"{name:>4}: slower than half in {worse} of {len(rows)} cases for sure, faster in {better}; at worst {worst[name]:.2f} times"
    )
gain = 1 - float(frame["estimate"].min())
print(f"\nThe most that any of them gains on half: {gain:.1%}. Half is never far from the best, and both ends are:")
print(
    "one task a steal pays for each task it moves; all of them leaves the victim, too, without work, which then has to steal back."
)
assert worst["one"] > 1.05, "stealing one task should cost something"
assert worst["all"] > 1.2, "stealing all should cost more"
assert gain < 0.1, "another amount is much better than half"
assert max(worst["1/4"], worst["3/4"]) < min(worst["one"], worst["all"]), "what is near half should be better than the ends"
