"""Experiments: which runs a grid has, what they share, where they may run, and what becomes of those that fail."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import stealscope as ss
from stealscope import _cells, _pools

pytestmark = pytest.mark.filterwarnings("ignore:the same in every replication")

TREE = ss.workloads.fork_join(4, 2, 2000)


@pytest.fixture
def here() -> Iterator[Executor]:
    """Runs in this process: quick, and open to monkeypatching."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def small(executor: Executor | None, **changes: Any) -> ss.Results:
    arguments: dict[str, Any] = {
        "workloads": {"tree": TREE},
        "policies": ["tokio", "no_stealing"],
        "workers": [1, 4],
        "seeds": range(3),
    }
    return ss.experiment(**(arguments | {"executor": executor, "progress": False} | changes))


class Deadly(ss.Policy):
    """Ends the process that unpickles it."""

    def __reduce__(self) -> Any:
        return os._exit, (3,)


# ---- the grid ----


def test_every_combination_is_run_once_and_in_the_order_of_the_axes(here: Executor) -> None:
    rows = [(row["workers"], row["replication"], row["policy"]) for row in small(here)]
    assert rows == [(w, r, p) for w in (1, 4) for r in range(3) for p in ("tokio", "no_stealing")]


def test_a_row_has_the_reports_figures_and_the_counters_summed_over_the_workers(here: Executor) -> None:
    row = small(here, policies="tokio", workers=4, seeds=[7])[0]
    report = ss.Simulation(4, policy="tokio", seed=row_seed(7)).run(TREE)
    assert (row["makespan"], row["work"], row["span"]) == (report.makespan, report.work, report.span)
    assert (row["ratio"], row["speedup"]) == (report.ratio, report.speedup)
    assert row["steal_count"] == sum(worker["steal_count"] for worker in report.metrics["workers"])
    assert row["spawned_tasks_count"] == report.metrics["spawned_tasks_count"]
    assert row["trace_hash"] == report.trace_hash


def row_seed(seed: int) -> int:
    from stealscope._streams import stream_key

    return stream_key(seed, "scheduler")


@pytest.mark.timeout(300)  # starts processes, which each import the package
def test_the_same_experiment_gives_the_same_rows_wherever_it_runs(here: Executor) -> None:
    assert list(small(here)) == list(small(None))


@pytest.mark.timeout(300)  # starts processes, which each import the package
def test_a_local_run_needs_no_guard_in_the_script(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import stealscope as ss
        results = ss.experiment(ss.workloads.fork_join(3, 2, 1000), "tokio", [1, 2], range(2), progress=False)
        print(len(results), len(results.failed))
        """)
    )
    done = subprocess.run([sys.executable, "-W", "ignore", str(script)], capture_output=True, text=True, timeout=280, check=False)
    assert done.stdout == "4 0\n", done.stderr


# ---- random numbers ----


def test_a_random_workload_is_drawn_anew_in_each_replication_and_is_the_same_under_every_policy(here: Executor) -> None:
    drawn = {}
    for row in small(here, workloads={"jobs": random_jobs()}, workers=[2, 3]):
        assert drawn.setdefault(row["seed"], row["work"]) == row["work"]
    assert len(set(drawn.values())) == 3


def random_jobs(n: int = 40) -> ss.Workload:
    service = ss.dist.exponential(20e-6)
    return ss.workloads.open_system(ss.dist.exponential(10e-6), service, n=n)


def test_a_workload_that_never_varies_is_told(here: Executor) -> None:
    with pytest.warns(UserWarning, match="the same in every replication: 'tree'"):
        small(here)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(here, seeds=[5])


def test_a_workload_that_varies_needs_no_warning(here: Executor) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(here, workloads={"jobs": random_jobs()})


def test_the_scheduler_has_a_stream_of_its_own(here: Executor) -> None:
    assert len({row["trace_hash"] for row in small(here, policies="tokio", workers=4, seeds=range(8))}) > 1


# ---- arguments ----


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"engine": "gpu"}, ValueError, "engine='gpu'; need 'sim' or 'threads'"),
        ({"policies": ["tokyo"]}, ValueError, "policy='tokyo'; need one of tokio, "),
        ({"policies": [3]}, TypeError, "policy=3; need a Policy"),
        ({"policies": []}, ValueError, "policies is empty"),
        ({"policies": ["tokio", "tokio"]}, ValueError, "policies holds 'tokio' 2 times"),
        ({"workloads": {"a": 3}}, TypeError, r"workloads\['a'\] is a int; need a workload"),
        ({"workloads": [TREE, TREE]}, ValueError, "2 times; give each once, or names of their own in a dict"),
        ({"workers": [0]}, ValueError, "workers=0; need 1..65535"),
        ({"workers": [4, 4]}, ValueError, "workers holds 4 2 times"),
        ({"seeds": 20}, TypeError, r"seeds=20 is one number; need the seeds of all replications, such as range\(20\)"),
        ({"seeds": [1, -1]}, ValueError, "seeds=-1"),
        ({"costs": {"a": 3}}, TypeError, r"costs\['a'\] is a int; need Costs"),
    ],
)
def test_a_bad_argument_is_refused_before_anything_runs(
    changes: dict[str, Any], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch, here: Executor
) -> None:
    monkeypatch.setattr(_cells, "run_cell", None)
    with pytest.raises(error, match=message):
        small(here, **changes)


def test_a_cell_that_cannot_be_pickled_is_named_and_nothing_runs(here: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cells, "run_cell", None)
    policy = ss.Policy(victims=lambda thief, attempt, lengths, choose: None)
    with pytest.raises(
        ValueError, match=r"policy 'own' cannot be pickled.*the first is workload 'tree', policy 'own', 1 workers, seed 0"
    ):
        small(here, policies={"tokio": "tokio", "own": policy})


# ---- failures ----


def test_a_run_that_fails_keeps_its_row_with_the_error(here: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    real = _cells._simulated

    def sometimes(cell: Any, workload: Any) -> Any:
        if cell.policy_name == "no_stealing" and cell.seed == 1:
            raise RuntimeError("boom,\n twice")
        return real(cell, workload)

    monkeypatch.setattr(_cells, "_simulated", sometimes)
    with pytest.warns(UserWarning, match="2 of 12 runs failed; the first, 'tree' under 'no_stealing' with seed 1: RuntimeError"):
        results = small(here)
    assert len(results) == 12
    assert [row["error"] for row in results.failed] == ["RuntimeError: boom, twice"] * 2
    assert all(row["makespan"] is None for row in results.failed)
    assert results[0].keys() == results.failed[0].keys()


def test_a_wrong_answer_is_a_failed_run(here: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(TREE), "expected", property(lambda self: -1))
    with pytest.warns(UserWarning, match="1 of 1 runs failed; .*InvariantError"):
        small(here, policies="tokio", workers=1, seeds=[0])


@pytest.mark.timeout(300)  # starts processes, which each import the package
def test_a_process_that_dies_takes_only_its_own_cell_with_it() -> None:
    with pytest.warns(UserWarning, match="2 of 4 runs failed"):
        results = small(None, policies={"tokio": "tokio", "deadly": Deadly()}, workers=2, seeds=range(2))
    assert {row["policy"] for row in results.failed} == {"deadly"}
    assert all(row["error"].startswith("BrokenProcessPool") for row in results.failed)


# ---- executors ----


def test_cells_travel_in_batches_that_hold_each_once(here: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = list(range(1000))
    batches = list(_pools._batches(cells, 2))  # type: ignore[arg-type]
    assert [cell for batch in batches for cell in batch] == cells
    assert max(map(len, batches)) == 32


@pytest.mark.timeout(300)  # starts processes, which each import the package
def test_a_dask_cluster_gives_the_rows_of_local_processes(here: Executor) -> None:
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("dask's distributed is not installed; the extra stealscope[dask] brings it")
    from distributed import Client, LocalCluster

    with (
        warnings.catch_warnings(),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        warnings.simplefilter("ignore")
        assert list(small(client.get_executor())) == list(small(here))


# ---- real threads ----


def test_on_threads_each_block_holds_every_policy_once_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    real = _cells._on_threads

    def noted(cell: Any, workload: Any) -> Any:
        ran.append((cell.workers, cell.seed, cell.policy_name))
        return real(cell, workload)

    monkeypatch.setattr(_cells, "_on_threads", noted)
    policies = {"a": "tokio", "b": "tokio", "c": "no_stealing"}
    results = small(None, engine="threads", policies=policies, workers=[1, 2], seeds=range(6))
    assert len(results) == 36
    assert len(results.failed) == 0
    orders = set()
    for start, workers in ((0, 1), (21, 2)):
        group = ran[start : start + 21]
        assert group[:3] == [(workers, 0, name) for name in "abc"]
        for block in range(6):
            runs = group[3 + 3 * block : 6 + 3 * block]
            assert sorted(runs) == [(workers, block, name) for name in "abc"]
            orders.add(tuple(name for *_, name in runs))
    assert len(orders) > 1


def test_on_threads_more_workers_than_cpus_are_marked() -> None:
    cpus = len(ss._core.usable_cpus())
    results = small(None, engine="threads", policies="tokio", workers=[1, cpus + 1], seeds=[0])
    assert [row["oversubscribed"] for row in results] == [False, True]


@pytest.mark.parametrize("option", ["executor", "costs"])
def test_on_threads_there_is_neither_executor_nor_costs(option: str, here: Executor) -> None:
    value: Any = {"executor": here, "costs": ss.Costs()}[option]
    with pytest.raises(ValueError, match=f"{option}=.* with engine='threads'"):
        small(**({"executor": None} | {option: value}), engine="threads")


# ---- resuming ----


def test_a_resumed_experiment_runs_only_what_is_missing(here: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = small(here, resume=tmp_path, seeds=[0, 1])
    ran = []
    real = _cells._simulated

    def noted(cell: Any, workload: Any) -> Any:
        ran.append(cell.seed)
        return real(cell, workload)

    monkeypatch.setattr(_cells, "_simulated", noted)
    second = small(here, resume=tmp_path, seeds=[2, 1, 0])
    assert set(ran) == {2}
    assert [row["replication"] for row in second if row["policy"] == "tokio" and row["workers"] == 1] == [0, 1, 2]
    assert [r["makespan"] for r in second if r["seed"] < 2 and r["seed"] == 1] == [r["makespan"] for r in first if r["seed"] == 1]


def test_saved_results_can_be_resumed_from_too(here: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = small(here)
    first.save(tmp_path)
    monkeypatch.setattr(_cells, "_simulated", None)
    assert list(small(here, resume=tmp_path)) == list(first)


def test_a_line_that_was_cut_off_is_run_again(here: Executor, tmp_path: Path) -> None:
    first = small(here, resume=tmp_path)
    path = tmp_path / "runs.jsonl"
    path.write_text(path.read_text()[:-20])
    assert list(small(here, resume=tmp_path)) == list(first)
    assert list(small(here, resume=tmp_path)) == list(first)


def test_failed_runs_are_tried_again(here: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(_cells, "_simulated", None)
        with pytest.warns(UserWarning, match="12 of 12 runs failed"):
            small(here, resume=tmp_path)
    assert not small(here, resume=tmp_path).failed


def test_another_workload_policy_cost_or_scheduler_is_another_cell(here: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    def keys(**changes: Any) -> set[str]:
        return {row["key"] for row in small(here, seeds=[0], **changes)}

    before = keys()
    assert keys() == before
    assert not keys(workloads={"tree": ss.workloads.fork_join(4, 2, 2001)}) & before
    assert not keys(policies={"tokio": ss.Policy(steal="one"), "no_stealing": ss.Policy(steal="all")}) & before
    assert not keys(costs={"default": ss.Costs.zero()}) & before
    monkeypatch.setattr("stealscope._grid.scheduler_hash", lambda: "another build")
    assert not keys() & before


# ---- progress ----


@pytest.mark.parametrize("installed", [(), ("tqdm",), ("rich",)])
def test_progress_goes_to_standard_error_alone(
    installed: tuple[str, ...], here: Executor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if any(importlib.util.find_spec(name) is None for name in installed):
        pytest.skip(f"{installed[0]} is not installed, and this is about how it looks with it")
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "stealscope._progress.importlib.util.find_spec",
        lambda name: real(name) if name in installed or name not in ("tqdm", "rich") else None,
    )
    small(here, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "experiment" in captured.err


def test_no_progress_means_no_output(here: Executor, capsys: pytest.CaptureFixture[str]) -> None:
    small(here)
    assert capsys.readouterr() == ("", "")


def test_the_manifest_names_what_is_needed_to_repeat_it(here: Executor) -> None:
    manifest = json.loads(json.dumps(small(here).manifest))
    assert {"stealscope", "features", "compiler", "platform", "load_average", "scheduler_sha256", "numpy"} <= manifest.keys()
    grid = manifest["grid"]
    assert grid["workloads"]["tree"]["fields"]["params"] == [["depth", 4], ["fanout", 2], ["work_ns", 2000]]
    assert grid["policies"]["tokio"]["fields"]["steal"] == "half"
    assert [seed["seed"] for seed in grid["seeds"]] == [0, 1, 2]
    assert all(len(axis[name]["sha256"]) == 64 for axis in (grid["workloads"], grid["policies"], grid["costs"]) for name in axis)
