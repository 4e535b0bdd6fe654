# SPDX-License-Identifier: Apache-2.0
"""What changed between two runs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from builders import METRICS
from featherbench.statistics.run_comparison import COLUMNS, changes

BETWEEN, WITHIN = 0.01, 0.02


def run_of(rng, *, factor=1.0, platforms=1, deployments=10, windows=3, **more):
    """Samples with noise at both levels; every platform is the same but for chance."""
    rows = [
        {"platform": f"p{p}-native", "deployment": d, "value": 1000 * factor * luck * noise}
        for p in range(platforms)
        for d, luck in enumerate(rng.lognormal(0, BETWEEN, deployments))
        for noise in rng.lognormal(0, WITHIN, windows)
    ]
    constant = {
        "workload": "http",
        "metric": "http_throughput",
        "load_point": "c1",
        "level": 1,
        "unit": "requests/s",
        "verdict": "ok",
        "primary": True,
    }
    return pd.DataFrame(rows).assign(**constant | more)


def only_row(a, b, margin=0.05):
    table = changes(a, b, margin, METRICS)
    assert list(table.columns) == COLUMNS
    (row,) = table.to_dict("records")
    return row


@pytest.mark.parametrize("deployments", [3, 12])
def test_a_change_is_found_and_its_size_is_in_the_interval(deployments):
    rng = np.random.default_rng(1)
    a, b = (run_of(rng, factor=factor, deployments=deployments) for factor in (1, 0.8))
    row = only_row(a, b)
    assert row["p_change"] < 0.05 < row["p_same"]
    assert row["ci_low"] < 0.8 < row["ci_high"] < 0.85


def test_what_is_within_the_margin_is_the_same_and_no_change():
    rng = np.random.default_rng(1)
    a, b = run_of(rng), run_of(rng, factor=1.01)
    row = only_row(a, b)
    assert row["p_same"] < 0.05 < row["p_change"]
    assert only_row(a, b, margin=0.001)["p_same"] > 0.05


def test_a_change_beyond_zero_may_be_none_beyond_the_margin():
    rng = np.random.default_rng(1)
    a, b = run_of(rng, deployments=20), run_of(rng, deployments=20, factor=1.03)
    assert only_row(a, b, margin=0)["p_change"] < 0.05 < only_row(a, b)["p_change"]


def test_without_margin_it_is_welchs_test_of_the_deployments_logarithms():
    rng = np.random.default_rng(2)
    a, b = run_of(rng, deployments=4), run_of(rng, deployments=3, factor=1.02)
    logs = [np.log(run.groupby("deployment")["value"].mean()) for run in (b, a)]
    expected = stats.ttest_ind(*logs, equal_var=False)
    interval = expected.confidence_interval()
    row = only_row(a, b, margin=0)
    assert (row["test"], row["replicate"]) == ("Welch's t", "deployment")
    assert row["p_change"] == pytest.approx(expected.pvalue)
    assert np.log([row["ci_low"], row["ci_high"]]) == pytest.approx([interval.low, interval.high])


def test_with_enough_deployments_they_are_permuted():
    rng = np.random.default_rng(2)
    a, b = run_of(rng, deployments=6), run_of(rng, deployments=6, factor=1.5)
    row = only_row(a, b, margin=0)
    assert (row["test"], row["replicate"]) == ("permutation", "deployment")
    assert row["p_change"] == pytest.approx(2 / 924)


def test_more_windows_are_no_more_deployments():
    rng = np.random.default_rng(3)
    few, many = (
        only_row(run_of(rng, windows=n), run_of(rng, windows=n), margin=0) for n in (1, 400)
    )
    widths = [np.log(row["ci_high"] / row["ci_low"]) for row in (few, many)]
    assert widths[1] > 0.3 * widths[0]


def test_a_and_b_can_be_exchanged():
    rng = np.random.default_rng(4)
    a, b = run_of(rng, deployments=12), run_of(rng, factor=0.9, deployments=12)
    there, back = only_row(a, b), only_row(b, a)
    assert back["ratio"] == pytest.approx(1 / there["ratio"])
    assert back["ci_low"] == pytest.approx(1 / there["ci_high"])
    assert (back["p_change"] < 0.05) == (there["p_change"] < 0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("deployments", "runs"), [(3, 400), (8, 100)])
def test_two_like_runs_differ_once_in_twenty_times_over_all_comparisons(
    deployments, runs, monkeypatch
):
    monkeypatch.setattr("gc.collect", int)  # statsmodels calls it each time, and it takes longest
    rng = np.random.default_rng(5)
    made = [
        [run_of(rng, platforms=6, deployments=deployments, windows=1) for _ in "ab"]
        for _ in range(runs)
    ]
    found = sum((changes(a, b, 0.0, METRICS)["p_change"] < 0.05).any() for a, b in made)
    assert found <= stats.binom.ppf(0.999, runs, 0.05)


def test_p_values_are_adjusted_for_the_number_of_comparisons():
    rng = np.random.default_rng(6)
    a = run_of(rng, platforms=1, deployments=4)
    b = run_of(rng, platforms=1, deployments=4, factor=1.03)
    others = run_of(rng, platforms=9, deployments=4).query("platform != 'p0-native'")
    alone = only_row(a, b, margin=0)["p_change"]
    among = changes(pd.concat([a, others]), pd.concat([b, others]), 0.0, METRICS)
    assert among["p_change"][0] == pytest.approx(min(1, 9 * alone))


def test_what_cannot_be_tested_says_why():
    rng = np.random.default_rng(7)
    many, one = run_of(rng), run_of(rng, deployments=1)
    notes = [
        only_row(many, one)["note"],
        only_row(many, many.assign(verdict="invalid"))["note"],
        only_row(many.head(0), many)["note"],
        only_row(many, many.assign(value=0.0))["note"],
    ]
    assert "a single deployment" in notes[0]
    assert notes[1:3] == ["no valid window in B", "no valid window in A"]
    assert "not above zero" in notes[3]
    assert np.isnan(only_row(many, one)["p_change"])


def test_a_size_does_not_vary_so_that_any_change_of_it_is_one():
    rng = np.random.default_rng(8)
    a = run_of(rng, deployments=1, windows=1, metric="image_size_http", value=100.0)
    grown, alike = only_row(a, a.assign(value=110.0)), only_row(a, a.assign(value=101.0))
    assert (grown["p_change"], grown["p_same"]) == (0.0, 1.0)
    assert (alike["p_change"], alike["p_same"]) == (1.0, 0.0)


def test_values_that_are_all_equal_can_be_compared():
    rng = np.random.default_rng(9)
    a = run_of(rng, metric="memory_http_load").assign(value=8.0)
    assert only_row(a, a)["p_same"] < 0.05
    assert only_row(a, a.assign(value=9.0))["p_change"] < 0.05


def test_secondary_figures_and_invalid_windows_are_left_out():
    rng = np.random.default_rng(10)
    a = run_of(rng)
    wild = a.assign(value=1e9)
    mixed = pd.concat([a, wild.assign(verdict="invalid"), wild.assign(primary=False)])
    assert only_row(a, mixed)["ratio"] == pytest.approx(1)


def test_levels_that_count_different_things_are_not_compared():
    rng = np.random.default_rng(1)
    metric = {"metric": "http_open_latency_p99", "unit": "us", "level": 100}
    a, b = (run_of(rng, **metric, load_point=point) for point in ("r100", "r100pc"))
    table = changes(a, b, 0.05, METRICS)
    assert list(table["load_point"]) == ["r100", "r100pc"]
    assert set(table["note"]) == {"no valid window in A", "no valid window in B"}
