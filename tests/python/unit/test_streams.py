"""Keys of a replication's random streams: pinned, so that no later version silently draws other workloads."""

from __future__ import annotations

from collections import Counter

from stealscope._streams import _mixed, shuffled, stream_key


def test_the_mix_is_splitmix64() -> None:
    step = 0x9E3779B97F4A7C15  # the first three outputs of SplitMix64 from seed 0, as its authors' code prints them
    assert [_mixed(step * i) for i in (1, 2, 3)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_the_keys_are_pinned() -> None:
    assert [stream_key(seed, "workload") for seed in (0, 1)] == [6017775124710473527, 3395948882924712079]
    assert [stream_key(seed, "scheduler") for seed in (0, 1)] == [6467540162864785327, 8702843941935282423]


def test_every_order_of_three_is_about_equally_likely() -> None:
    orders = Counter(tuple(shuffled(3, stream_key(seed, "order"))) for seed in range(6000))
    assert len(orders) == 6
    assert all(850 <= count <= 1150 for count in orders.values())
