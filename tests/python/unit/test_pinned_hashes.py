"""A simulated run is the same everywhere: these hashes hold for every compiler, optimisation level, Python version and process.

A change of the scheduler's decisions or of the events that are hashed changes them: look at why before they are written anew.
"""

from __future__ import annotations

import pytest
import stealscope as ss


async def _child(n: int) -> int:
    for _ in range(n):
        await ss.yield_now()
        await ss.work(1e-6 * n)
    await ss.sleep(1e-5 * n)
    return n


async def _main() -> int:
    handles = [ss.spawn(_child, n) for n in range(20)]
    return sum([await handle for handle in handles])


PINNED = {
    ("tokio", 1): "5181e02ed6ce8f79",
    ("tokio", 7): "1804cd7dbe4a5ea8",
    ("tokio", 64): "082a9ddbf4b10e80",
    ("go_like", 1): "c1df160b5060e55f",
    ("go_like", 7): "f365fdbbe1fcad1d",
    ("go_like", 64): "6617697df2fd76d9",
    ("rayon_like", 1): "7b099e7e0c0be67b",
    ("rayon_like", 7): "0a5bfd1276ac092c",
    ("rayon_like", 64): "161b9bec36247ce6",
    ("cilk_like", 1): "7b099e7e0c0be67b",
    ("cilk_like", 7): "e4bad1219abb93a9",
    ("cilk_like", 64): "19bf671535a3c4cd",
    ("central_queue", 1): "fe1c1af0e13451ab",
    ("central_queue", 7): "8b7dd9e22fc954a1",
    ("central_queue", 64): "a5a102057b8d3484",
    ("work_sharing", 1): "0f57bd4d058f4717",
    ("work_sharing", 7): "6dd1a7c01b7d328e",
    ("work_sharing", 64): "45dff9e410c1610e",
    ("no_stealing", 1): "0f57bd4d058f4717",
    ("no_stealing", 7): "5a86b3332a31158c",
    ("no_stealing", 64): "116d8224006d6560",
}


@pytest.mark.parametrize(("policy", "workers"), PINNED)
def test_a_run_of_coroutines_has_its_pinned_hash(policy: str, workers: int) -> None:
    sim = ss.Simulation(workers, policy=policy, seed=5)
    assert sim.block_on(_main) == 190
    assert sim.report.trace_hash == PINNED[policy, workers]
