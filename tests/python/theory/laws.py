"""Closed forms that the simulator has to agree with. Service times have mean 1; times are in units of it.

Sources: Kleinrock, Queueing Systems (M/M/1, M/M/c, M/G/1); Mitzenmacher, "The power of two choices in randomized load balancing" (2001)
and "Analyses of load stealing models based on differential equations" (1998).
"""

from __future__ import annotations

import math


def mm1(load: float) -> float:
    """Mean time in an M/M/1 system; the same for M/G/1 with processor sharing, whatever the service law."""
    return 1 / (1 - load)


def mmc(load: float, servers: int) -> float:
    """Mean time in an M/M/c system with one queue (Erlang C)."""
    offered = servers * load
    blocked = 1.0
    for k in range(1, servers + 1):  # Erlang B by its recursion
        blocked = offered * blocked / (k + offered * blocked)
    waits = blocked / (1 - load * (1 - blocked))
    return 1 + waits / (servers * (1 - load))


def mg1(load: float, cv2: float) -> float:
    """Mean time in an M/G/1 system in order of arrival (Pollaczek and Khinchine)."""
    return 1 + load / (1 - load) * (1 + cv2) / 2


def supermarket(load: float, choices: int) -> float:
    """Mean time with infinitely many servers, each job to the shortest of some random queues."""
    return sum(load ** ((choices**i - choices) / (choices - 1)) for i in range(1, 60) if choices**i < 1e6)


def stealing(load: float) -> tuple[float, float]:
    """Mean time, and chance that a steal succeeds: infinitely many servers, one that becomes empty tries once to take one job."""
    pi2 = (1 + load - math.sqrt(1 + 2 * load - 3 * load**2)) / 2
    r = load / (1 + load - pi2)
    return (load + pi2 / (1 - r)) / load, pi2
