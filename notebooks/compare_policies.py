"""Does it pay to steal half of a queue? From the question to a plot with intervals."""

from __future__ import annotations

import stealscope as ss

graphs = ss.workloads.pattern("random_layered", width=128, steps=16, cost_ns=ss.dist.lognormal(20e-6, cv2=4))
policies = {"half": "tokio", "one": ss.Policy(steal="one"), "all": ss.Policy(steal="all"), "none": "no_stealing"}

results = ss.experiment({"layers": graphs}, policies, workers=[2, 8, 32, 128], seeds=range(20))

print(results.compare("half"))
axes = results.plot(x="workers", y="ratio")
axes.figure.savefig("steal-half.png", dpi=150)
