"""Policies: values that are checked, named, shown and compared."""

from __future__ import annotations

import ctypes
import dataclasses
import pickle
from typing import Any

import pytest
import stealscope as ss

Victims = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.POINTER(ctypes.c_int64), ctypes.c_int64, ctypes.c_int64
)


def test_the_default_policy_is_the_tokio_preset() -> None:
    assert ss.Policy() == ss.Policy.presets()["tokio"]
    assert ss.Policy().name == "tokio"
    assert ss.Policy().changed == {}


def test_presets_have_the_names_of_the_contract_and_say_what_they_are() -> None:
    presets = ss.Policy.presets()
    assert list(presets) == ["tokio", "go_like", "rayon_like", "cilk_like", "central_queue", "work_sharing", "no_stealing"]
    assert len(set(presets.values())) == len(presets)
    for name, policy in presets.items():
        assert policy.name == name
        assert len(policy.about) > 40
    for name in ("go_like", "rayon_like", "cilk_like"):
        assert "Absent:" in presets[name].about


def test_presets_are_given_in_a_dict_of_ones_own() -> None:
    ss.Policy.presets().clear()
    assert "tokio" in ss.Policy.presets()


def test_a_policy_is_a_frozen_value() -> None:
    policy = ss.Policy(steal="one", placement=("jsq", 2))
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert hash(policy) == hash(ss.Policy(steal="one", placement=("jsq", 2)))
    assert ss.Policy(**policy.to_dict()) == policy
    assert policy.name is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.steal = "half"  # type: ignore[misc]
    with pytest.raises(TypeError):
        ss.Policy(True)  # type: ignore[misc]


def test_its_repr_is_the_call_that_makes_it() -> None:
    policy = ss.Policy(steal=0.25, victims="uniform", coop_budget=None)
    assert eval(repr(policy), {"Policy": ss.Policy}) == policy
    assert str(policy) == "steal=0.25, victims='uniform', coop_budget=None"
    assert str(ss.Policy()) == "tokio"


def test_html_escapes_what_a_user_named() -> None:
    def choose(thief: int, attempt: int, lengths: tuple[int, ...], roll: Any) -> int | None:
        return None

    choose.__qualname__ = "<script>"
    shown = ss.Policy(victims=choose)._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lifo_slot": 1}, ["lifo_slot=1", "True or False"]),
        ({"lifo_polls": 0}, ["lifo_polls=0", "at least 1"]),
        ({"lifo_steal_after": 0}, ["lifo_steal_after=0", "None"]),
        ({"local_order": "random"}, ["local_order='random'", "'fifo'", "'lifo'"]),
        ({"local_capacity": 100}, ["local_capacity=100", "power of two"]),
        ({"local_capacity": 1}, ["local_capacity=1", "power of two"]),
        ({"placement": "elsewhere"}, ["placement='elsewhere'", "jsq"]),
        ({"placement": ("jsq", 0)}, ["jsq", "at least 1"]),
        ({"placement": ("jsq", "2")}, ["placement=('jsq', '2')"]),
        ({"steal": 0}, ["steal=0", "None"]),
        ({"steal": 1.0}, ["steal=1.0", "strictly between 0 and 1"]),
        ({"steal": float("nan")}, ["steal=nan", "strictly between"]),
        ({"steal": "most"}, ["steal='most'", "'half'"]),
        ({"steal_end": "middle"}, ["steal_end='middle'", "'oldest'"]),
        ({"steal_threshold": 0}, ["steal_threshold=0", "at least 1"]),
        ({"victims": "friends"}, ["victims='friends'", "'random-start-scan'"]),
        ({"attempts": 0}, ["attempts=0", "None"]),
        ({"attempts": -1}, ["attempts=-1"]),
        ({"overflow": "none"}, ["overflow='none'", "'half'"]),
        ({"global_interval": None}, ["global_interval=None", "'adaptive'"]),
        ({"global_interval": 0}, ["global_interval=0"]),
        ({"inject": "double"}, ["inject='double'", "'sharded'"]),
        ({"inject_batch": None}, ["inject_batch=None", "'share'"]),
        ({"max_searching": 0}, ["max_searching=0", "above 0"]),
        ({"max_searching": 1.5}, ["max_searching=1.5", "up to 1"]),
        ({"max_searching": "half"}, ["max_searching='half'"]),
        ({"spin": -1}, ["spin=-1"]),
        ({"notify": "everybody"}, ["notify='everybody'", "'baton'"]),
        ({"fork": "both"}, ["fork='both'", "'help-first'"]),
        ({"coop_budget": 0}, ["coop_budget=0", "None"]),
        ({"event_interval": 0}, ["event_interval=0", "at least 1"]),
        ({"event_interval": 1 << 40}, ["event_interval="]),
    ],
)
def test_a_value_out_of_range_is_refused_by_field_and_value(fields: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as refused:
        ss.Policy(**fields)
    for word in words:
        assert word in str(refused.value)


CENTRAL = {"placement": "central"}
ONE_BY_ONE = {"placement": "central", "inject_batch": 1}


@pytest.mark.parametrize(
    ("beside", "fields"),
    [
        ({"lifo_slot": False}, {"lifo_polls": 5}),
        ({"lifo_slot": False}, {"lifo_steal_after": 2}),
        ({"steal": None}, {"lifo_steal_after": 2}),
        ({"steal": None}, {"steal_end": "newest"}),
        ({"steal": None}, {"steal_threshold": 2}),
        ({"steal": None}, {"victims": "uniform"}),
        ({"steal": None}, {"attempts": 2}),
        ({"steal": "all"}, {"steal_end": "newest"}),
        ({"overflow": "all"}, {"overflow_end": "newest"}),
        ({"local_order": "lifo"}, {"overflow": "all"}),
        ({"local_order": "lifo"}, {"overflow_end": "newest"}),
        (CENTRAL, {"lifo_slot": False}),
        (CENTRAL, {"lifo_polls": 5}),
        (CENTRAL, {"lifo_steal_after": 2}),
        (ONE_BY_ONE, {"local_order": "lifo"}),
        (ONE_BY_ONE, {"local_capacity": 64}),
        (ONE_BY_ONE, {"overflow": "all"}),
        (ONE_BY_ONE, {"overflow_end": "newest"}),
        (ONE_BY_ONE, {"global_interval": 7}),
        (ONE_BY_ONE, {"steal": "one"}),
        (ONE_BY_ONE, {"steal_end": "newest"}),
        (ONE_BY_ONE, {"steal_threshold": 2}),
        (ONE_BY_ONE, {"victims": "longest"}),
        (ONE_BY_ONE, {"attempts": 3}),
    ],
)
def test_a_field_without_effect_beside_another_is_refused(beside: dict[str, Any], fields: dict[str, Any]) -> None:
    ss.Policy(**beside)  # either of them alone is fine
    ss.Policy(**fields)
    with pytest.raises(ValueError, match=f"{next(iter(fields))} has no effect with .*; leave it at"):
        ss.Policy(**beside, **fields)


def test_a_name_is_accepted_and_a_wrong_one_names_the_right_ones() -> None:
    assert ss.Simulation(2, policy="go_like").policy == ss.Policy.presets()["go_like"]
    for make in (ss.Simulation, ss.Runtime):
        with pytest.raises(ValueError, match="policy='best'; need one of tokio, go_like"):
            make(1, policy="best")
        with pytest.raises(TypeError, match="policy=3; need a Policy"):
            make(1, policy=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (ss.Policy(victims="nearest"), "topology"),
        (ss.Policy(victims=lambda thief, attempt, lengths, choose: None), "a Python function works in a simulation only"),
    ],
)
def test_threads_refuse_what_only_a_simulation_can_do(policy: ss.Policy, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ss.Runtime(2, policy=policy)


@pytest.mark.parametrize(
    "policy", [ss.Policy(lifo_steal_after=1), ss.Policy(lifo_steal_after=2, victims="longest"), ss.Policy(retry=False)], ids=repr
)
def test_a_stealable_slot_and_a_search_without_retry_give_the_right_answer_on_threads(policy: ss.Policy) -> None:
    with ss.Runtime(3, policy=policy) as runtime:
        for workload in (ss.workloads.fib(14), ss.workloads.fib(14, structured=True)):
            assert runtime.run(workload, timeout=60).result == workload.expected


@pytest.mark.parametrize("name", list(ss.Policy.presets()))
@pytest.mark.parametrize("workload", [ss.workloads.fib(12), ss.workloads.spawn_many(200), ss.workloads.ping_pong(20)], ids=repr)
def test_every_preset_gives_the_right_answer_on_threads_and_in_virtual_time(name: str, workload: ss.Workload) -> None:
    with ss.Runtime(2, policy=name) as runtime:
        assert runtime.run(workload, timeout=60).policy == name
    report = ss.Simulation(3, policy=name).run(workload, max_steps=1_000_000)
    assert (report.result, report.policy) == (workload.expected, name)


def test_a_python_function_chooses_victims_in_a_simulation() -> None:
    asked: list[tuple[int, int, tuple[int, ...], int]] = []

    def next_one(thief: int, attempt: int, lengths: tuple[int, ...], choose: Any) -> int | None:
        asked.append((thief, attempt, lengths, choose(5)))
        return (thief + 1 + attempt) % len(lengths) if attempt < 2 else None

    report = ss.Simulation(3, policy=ss.Policy(victims=next_one)).run(ss.workloads.fork_join(5, 2, 10_000))
    assert report.result == 32
    assert sum(worker["steal_operations"] for worker in report.metrics["workers"]) > 0
    assert {thief for thief, *_ in asked} == {0, 1, 2}
    assert {len(lengths) for _, _, lengths, _ in asked} == {3}
    assert {roll for *_, roll in asked} <= set(range(5))


def test_what_a_victims_function_raises_ends_the_run() -> None:
    def broken(thief: int, attempt: int, lengths: tuple[int, ...], choose: Any) -> int | None:
        raise LookupError("no idea")

    with pytest.raises(LookupError, match="no idea"):
        ss.Simulation(2, policy=ss.Policy(victims=broken)).run(ss.workloads.fib(10))
    with pytest.raises(ValueError, match="victims: 7 is no worker"):
        ss.Simulation(2, policy=ss.Policy(victims=lambda *_: 7)).run(ss.workloads.fib(10))


def test_a_compiled_function_chooses_victims_on_threads_and_in_a_simulation() -> None:
    @Victims
    def uniform(thief: int, attempt: int, lengths: Any, workers: int, random: int) -> int:
        assert 0 <= random < 1 << 31
        return -1 if attempt == workers else random % workers

    policy = ss.Policy(victims=uniform)
    with ss.Runtime(2, policy=policy) as runtime:
        assert runtime.run(ss.workloads.fib(12), timeout=60).result == 144
    report = ss.Simulation(4, policy=policy).run(ss.workloads.fork_join(5, 2, 10_000))
    assert report.result == 32
    assert sum(worker["steal_operations"] for worker in report.metrics["workers"]) > 0
