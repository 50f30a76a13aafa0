# %% [markdown]
# # First run
#
# ## The question
#
# One task spawns hundreds of others, all on its own worker. Does the second worker get any of them, and how?

# %%
from __future__ import annotations

import stealscope as ss

# %% [markdown]
# ## The experiment
#
# Two workers on real threads. First the two kinds of Python task, a callable and a coroutine; then a native workload,
# which runs without the GIL: a tree of 512 leaves, each busy for 200 microseconds. `timeline=True` writes down what
# each worker does.


# %%
async def fetch(n: int) -> int:
    await ss.sleep(0.01)  # a timer of the C++ scheduler
    return n * n


tree = ss.workloads.fork_join(9, 2, 200_000)
with ss.Runtime(workers=2, timeline=True) as rt:
    six = rt.spawn(sum, [1, 2, 3]).result()
    square = rt.spawn(fetch, 5).result(timeout=10.0)
    report = rt.run(tree)
print(report)

# %% [markdown]
# ## The figure
#
# A row for each worker, blue where it polls a task. An arrow goes from the worker that was robbed to the thief.

# %%
ax = report.plot_timeline()

# %% [markdown]
# ## The answer

# %%
steals = ss.timeline.steals(report.timeline)
stolen = int(steals["taken"].sum())
polls = [worker["task_poll_count"] for worker in report.metrics["workers"]]
print(
    f"Yes: {len(steals)} steals moved {stolen} tasks, and the workers polled {polls[0]:,} and {polls[1]:,} times.\n"
    f"Nobody sent a task anywhere: whoever runs out of tasks takes half of another worker's queue, so few steals are enough."
)
assert (six, square, report.result) == (6, 25, tree.expected)
assert len(steals) >= 1, "the second worker stole nothing"
assert stolen < sum(polls) / 4, "most tasks were moved; a steal of half a queue should bring many at once"
