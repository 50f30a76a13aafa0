"""The scripts of ``benchmarks/papers``: two of their claims on small sizes, and that a table says whether a claim fails."""

from __future__ import annotations

import importlib
from math import log2
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "benchmarks" / "papers"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a script by name."""
    if not SCRIPTS.is_dir():
        pytest.skip("the benchmarks are not part of this installation")
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module


def test_unit_tasks_end_within_the_bound_of_tchiboukdjian_and_others(script: Any) -> None:
    ours = script("tchiboukdjian_2013").makespan(1_000, 16, 5)
    assert 1_000 / 16 <= ours.mean <= ours.high <= 1_000 / 16 + 3.65 * log2(1_000) + 1


@pytest.mark.parametrize("seed", range(3))
def test_after_a_burst_stealing_half_levels_the_load_and_stealing_one_lags(script: Any, seed: int) -> None:
    module = script("hendler_shavit_2002")
    ratio, spread = {}, {}
    for steal in ("half", "one"):
        simulation, workload = module.burst(steal, 16, seed)
        ratio[steal] = simulation.run(workload).ratio
        spread[steal] = module.spread(steal, 16, seed)
    assert ratio["half"] < 1.5 < 4 < ratio["one"]
    assert spread["half"] < spread["one"]


def test_a_claim_that_fails_is_seen_in_the_table_and_in_the_status(script: Any) -> None:
    claims = script("claims")
    kept, broken, measured = claims.Row("a", "1", True), claims.Row("b", "2", False), claims.Row("c", "3")
    assert claims.status([kept, measured]) == 0
    assert claims.status([kept, broken, measured]) == 1
    assert [line.split("|")[-1].strip() for line in claims.shown([kept, broken, measured]).splitlines()] == [
        "holds?",
        "yes",
        "NO",
        "-",
    ]


def test_every_script_of_the_folder_is_in_the_table_of_all(script: Any) -> None:
    others = {"claims", "run_all"}
    assert {path.stem for path in SCRIPTS.glob("*.py")} - others == set(script("run_all").SCRIPTS)
