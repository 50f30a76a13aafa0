"""Mitzenmacher 1998, 2001: stealing and two choices have fixed points, and ours are those.

An idle worker tries once to take a job from a random victim that has at least T; or, without stealing, a job joins the shortest of d
random queues. The figures for n -> infinity are the fixed points of the papers' differential equations (service mean 1).
"""

from __future__ import annotations

import stealscope as ss
from claims import Estimate, Row, estimate, main, sojourn_means

__all__ = ["measure", "stealing"]

_THRESHOLDS = {
    0.7: {2: 2.1073, 3: 2.3501, 4: 2.5463, 6: 2.8402},
    0.9: {2: 3.5414, 3: 4.1996, 4: 4.6868, 6: 5.4469},
}
_CHOICES = {2: 2.6141, 3: 2.0279}  # at load .9
_TOLERANCE = {False: 0.02, True: 0.1}
"""How far from the fixed point ours may lie, by quick: n is finite, so a fixed point lies about 1/n below, and runs end."""


def stealing(load: float, threshold: int, *, workers: int, quick: bool, steal: str = "one", transfer: float = 0.0) -> Estimate:
    """Mean time in the system; `transfer` is what a steal that succeeds takes, in service times."""
    policy = ss.Policy(lifo_slot=False, victims="uniform", attempts=1, retry=False, steal=steal, steal_threshold=threshold)  # type: ignore[arg-type]
    costs = ss.Costs.from_dict(ss.Costs.zero().to_dict() | {"steal_hit": transfer * 1e-3})
    jobs = (60 if quick else 300) * workers  # at load .9 a queue forgets its start within hundreds of service times
    sizes = {"jobs": jobs, "warmup": jobs}
    return estimate(sojourn_means(load, workers, policy, **sizes, replications=5 if quick else 10, costs=costs))


def measure(quick: bool) -> list[Row]:
    n = 256 if quick else 1_024
    rows = []
    for load, expected in _THRESHOLDS.items():
        for threshold, theory in expected.items():
            ours = stealing(load, threshold, workers=n, quick=quick)
            rows.append(
                Row(f"load {load}, steal one if the victim has {threshold}: T = {theory}", str(ours), _near(ours, theory, quick))
            )
    half = stealing(0.9, 2, workers=n, quick=quick, steal="half")
    rows.append(Row("load 0.9, steal half: T = 2.844 (an independent simulation)", str(half), _near(half, 2.844, quick)))
    for choices, theory in _CHOICES.items():
        policy, replications = ss.Policy.presets()["no_stealing"], 5 if quick else 10
        ours = estimate(
            sojourn_means(0.9, n, policy, place=("jsq", choices), jobs=60 * n, warmup=40 * n, replications=replications)
        )
        rows.append(Row(f"load 0.9, the shortest of {choices} queues: T = {theory}", str(ours), _near(ours, theory, quick)))
    return rows + _transfer_rows(n, quick)


def _transfer_rows(n: int, quick: bool) -> list[Row]:
    """What the papers' extension is about: we have no figures for it, so the rule is about order alone."""
    times = {cost: stealing(0.9, 2, workers=n, quick=quick, transfer=cost) for cost in (0.0, 0.25, 1.0)}
    text = ", ".join(f"{cost:g}: {time}" for cost, time in times.items())
    means = [time.mean for time in times.values()]
    is_ordered = means == sorted(means) and means[-1] < 10.0
    return [Row("load 0.9, a transfer takes time: T grows with it, and stays below 10 (no stealing)", text, is_ordered)]


def _near(ours: Estimate, theory: float, quick: bool) -> bool:
    return abs(ours.mean / theory - 1) <= _TOLERANCE[quick]


if __name__ == "__main__":
    main(__doc__, measure)
