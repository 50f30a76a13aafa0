"""Comparing policies in pairs: which numbers go in, which come out, and what is said of failed runs."""

from __future__ import annotations

import json
import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats
from stealscope.comparison import Comparison, compare_rows

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed; the extra stealscope[plot] brings it")
pyplot.switch_backend("Agg")

OPTIONS: dict[str, Any] = {
    "metric": "makespan",
    "estimand": "ratio",
    "level": 0.95,
    "method": "t",
    "adjust": "holm",
    "unit": "ns",
}


def run(policy: str, replication: int, makespan: int | None, **changes: Any) -> dict[str, Any]:
    row = {"workload": "w", "workers": 4, "costs": "default", "policy": policy, "replication": replication}
    figures = {"makespan": makespan, "steal_count": 0, "validated": True, "error": None if makespan else "RuntimeError: boom"}
    return row | figures | changes


def runs(policy: str, makespans: Any, **changes: Any) -> list[dict[str, Any]]:
    return [run(policy, replication, int(value), **changes) for replication, value in enumerate(makespans)]


def compare(rows: list[dict[str, Any]], baseline: str = "base", **options: Any) -> Comparison:
    return compare_rows(rows, baseline, **(OPTIONS | options))


BASE = np.random.default_rng(1).integers(10_000, 90_000, 20)
OURS = (BASE * np.random.default_rng(2).uniform(0.8, 1.0, 20)).astype(int)


def test_a_ratio_is_the_geometric_mean_of_paired_ratios_with_its_t_interval() -> None:
    (row,) = compare(runs("base", BASE) + runs("ours", OURS)).rows
    logs = np.log(OURS / BASE)
    low, high = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert row["estimate"] == pytest.approx(stats.gmean(OURS / BASE))
    assert (row["low"], row["high"]) == pytest.approx((math.exp(low), math.exp(high)))
    assert row["p_adjusted"] == pytest.approx(stats.ttest_rel(np.log(OURS), np.log(BASE)).pvalue)


def test_a_difference_keeps_the_unit() -> None:
    comparison = compare(runs("base", BASE) + runs("ours", OURS), estimand="difference")
    assert comparison.rows[0]["estimate"] == pytest.approx((OURS - BASE).mean())
    assert comparison.unit == "ns"


def test_pairs_are_taken_by_replication_whatever_the_order_of_rows() -> None:
    rows = runs("base", BASE) + runs("ours", OURS)
    shuffled = [rows[position] for position in np.random.default_rng(3).permutation(len(rows))]
    # The order of policies is that of the rows, so only the baseline decides what a row of the answer says.
    assert compare(shuffled).rows == compare(rows).rows


def test_pairing_removes_what_both_runs_share() -> None:
    paired = compare(runs("base", BASE) + runs("ours", OURS)).rows[0]
    crossed = compare(runs("base", BASE) + runs("ours", np.roll(OURS, 7))).rows[0]
    assert paired["high"] - paired["low"] < (crossed["high"] - crossed["low"]) / 5


def test_a_failed_run_is_counted_and_its_pair_left_out() -> None:
    ours = runs("ours", OURS)
    ours[3] = run("ours", 3, None)
    (row,) = compare(runs("base", BASE) + ours).rows
    kept = np.delete(np.arange(20), 3)
    assert (row["n"], row["n_failed"]) == (19, 1)
    assert row["estimate"] == pytest.approx(stats.gmean(OURS[kept] / BASE[kept]))


def test_a_policy_that_always_fails_has_a_row_without_an_estimate() -> None:
    with pytest.warns(UserWarning, match="only 0 replications"):
        (row,) = compare(runs("base", BASE) + [run("ours", r, None) for r in range(20)]).rows
    assert (row["n"], row["n_failed"]) == (0, 20)
    assert math.isnan(row["estimate"])


def test_holm_is_over_all_rows_of_the_answer() -> None:
    rows = runs("base", BASE) + runs("ours", OURS) + runs("same", BASE + np.tile([-1, 1], 10))
    raw, adjusted = (compare(rows, adjust=adjust).rows for adjust in (None, "holm"))
    assert adjusted[0]["p_adjusted"] == pytest.approx(2 * raw[0]["p_adjusted"])
    assert adjusted[1]["p_adjusted"] == raw[1]["p_adjusted"]


def test_each_workload_worker_count_and_cost_table_is_compared_by_itself() -> None:
    rows = [
        row
        for workers, slower in ((2, 2), (8, 3))
        for row in runs("base", BASE, workers=workers) + runs("ours", BASE * slower, workers=workers)
    ]
    assert [(row["workers"], round(row["estimate"], 9)) for row in compare(rows).rows] == [(2, 2.0), (8, 3.0)]


def test_fewer_than_ten_replications_are_told() -> None:
    with pytest.warns(UserWarning, match="only 9 replications"):
        compare(runs("base", BASE[:9]) + runs("ours", OURS[:9]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(runs("base", BASE[:10]) + runs("ours", OURS[:10]))


def test_a_comparison_is_validated_only_if_both_sides_are() -> None:
    assert compare(runs("base", BASE) + runs("ours", OURS)).rows[0]["validated"] is True
    assert compare(runs("base", BASE, validated=False) + runs("ours", OURS)).rows[0]["validated"] is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": "tokyo"}, "baseline='tokyo'; need one of the policies that were run: 'base', 'ours'"),
        ({"metric": "makspan"}, "metric='makspan' was not measured for .* need one of .*makespan"),
        ({"metric": "steal_count"}, "is 0 or negative in some runs, which has no ratio; use estimand='difference'"),
        ({"metric": "error", "estimand": "difference"}, "metric='error' was not measured"),
        ({"estimand": "mean"}, "estimand='mean'; need one of 'ratio', 'difference'"),
        ({"method": "z"}, "method='z'"),
        ({"adjust": "bonferroni"}, "adjust='bonferroni'; need 'holm' or None"),
        ({"level": 95}, "level=95"),
    ],
)
def test_a_bad_argument_is_refused_with_what_is_allowed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(runs("base", BASE) + runs("ours", OURS), **options)


def test_one_policy_alone_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(ValueError, match="only 'base' was run"):
        compare(runs("base", BASE))


def test_it_shows_as_text_html_dict_and_frame() -> None:
    comparison = compare(runs("base", BASE) + runs("<ours>", OURS))
    assert "ratio" in str(comparison)
    assert "&lt;ours&gt;" in comparison._repr_html_()
    assert json.loads(json.dumps(comparison.to_dict()))["rows"][0]["n"] == 20
    frame = comparison.to_frame()
    assert {"estimate", "low", "high", "p_adjusted", "n", "n_failed"} <= set(frame.columns)
    assert frame.attrs["baseline"] == "base"


def test_a_plot_has_a_mark_for_each_row_and_is_hollow_where_not_validated() -> None:
    ax = compare(runs("base", BASE) + runs("ours", OURS) + runs("far", OURS, validated=False)).plot()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["far", "ours"]
    hollow = [container[0].get_markerfacecolor() == ax.get_facecolor() for container in ax.containers]
    assert hollow == [True, False]
    pyplot.close(ax.figure)
