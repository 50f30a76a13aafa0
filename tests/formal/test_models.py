"""Do the models keep their laws in every state, and does spin find each seeded mistake?"""

from __future__ import annotations

from pathlib import Path

import pytest
from spin import examine

_small_shutdown = ("COARSE", "GLOBAL_TICK=false", "BUDGET_SPAWN=0", "WAKES_OUTSIDE=0")
_small_dump = ("COARSE", "GLOBAL_TICK=false")
_long_poll = ("BUDGET_SPAWN=0", "BUDGET_HOLD=1")  # one lasts until all queues are empty

_worlds = [
    pytest.param("idle", (), id="idle"),
    pytest.param("idle", ("BUDGET_SPAWN=0", "BUDGET_YIELD=1", "PUSHES=1"), id="idle-with-a-yield"),
    pytest.param("idle", ("BUDGET_SPAWN=0", "PUBLISHERS=2"), id="idle-two-publishers"),
    pytest.param("idle", ("N=3", "COARSE", "GLOBAL_TICK=false", "BUDGET_SPAWN=0", "PUSHES=2"), id="idle-three-workers"),
    pytest.param("idle", _long_poll, id="idle-beside-a-long-poll"),
    pytest.param("shutdown", _small_shutdown, id="shutdown"),
    pytest.param("shutdown", (*_small_shutdown, "DUMPS", "PUSHES=0"), id="shutdown-and-a-dump"),
    pytest.param("dump", (*_small_dump, "AT_LIMIT=0"), id="dump-without-a-limit"),
    pytest.param("dump", _small_dump, id="dump-with-a-limit"),
    pytest.param("dump", (*_small_dump, "WITHDRAWS=true", "PUSHES=0", "REQUESTS=2"), id="two-dumps-that-may-be-withdrawn"),
    pytest.param("dump", (*_small_dump, "BUDGET_HOLD=1"), id="dump-beside-a-long-poll"),
]
_faults = [
    ("idle", (), "NO_SECOND_LOOK"),
    ("idle", (), "NO_NOTIFY"),
    ("idle", _long_poll, "LAST_SEARCHER_TELLS_NOBODY"),
    ("idle", _long_poll, "BATCH_TELLS_NOBODY"),
    ("idle", _long_poll, "REFUSED_DOES_NOT_LOOK"),
    ("shutdown", _small_shutdown, "NO_SECOND_WALK"),
    ("shutdown", _small_shutdown, "INJECT_STAYS_OPEN"),
    ("shutdown", _small_shutdown, "CLOSE_WAKES_NOBODY"),
    ("dump", (*_small_dump, "AT_LIMIT=0"), "NO_TOKEN_FOR_ROUND"),
    ("dump", (*_small_dump, "AT_LIMIT=0"), "NO_LOOK_AT_ROUND"),
    ("dump", (*_small_dump, "AT_LIMIT=0"), "SAME_NUMBER"),
    ("dump", (*_small_dump, "REQUESTS=2", "PUSHES=0"), "ARRIVALS_KEPT"),
]


@pytest.mark.parametrize(("model", "defines"), _worlds)
def test_the_model_keeps_its_laws_in_every_state(model: str, defines: tuple[str, ...], tmp_path: Path) -> None:
    answer = examine(model, defines, tmp_path)
    assert answer.violated is None
    assert answer.states > 1000  # it went somewhere


@pytest.mark.parametrize(("model", "defines", "fault"), _faults)
def test_a_seeded_mistake_is_found(model: str, defines: tuple[str, ...], fault: str, tmp_path: Path) -> None:
    assert examine(model, (*defines, f"FAULT_{fault}"), tmp_path).violated is not None


def test_workers_do_not_wake_each_other_for_ever(tmp_path: Path) -> None:
    assert examine("idle", ("PUSHES=1", "BUDGET_SPAWN=0"), tmp_path, liveness=True).violated is None
