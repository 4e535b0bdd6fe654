# SPDX-License-Identifier: Apache-2.0
"""The summary: spread, intervals, counts."""

import numpy as np
import pytest
from scipy import stats

from featherbench.records.cell import Verdict
from featherbench.statistics.data.samples import gather
from featherbench.statistics.summary import COLUMNS, SEQUENTIAL_CONFIDENCE, summarize


@pytest.fixture
def summary_of(make, tmp_path):
    """Summarize deployments given as lists of (value, verdict)."""

    def summary(*deployments):
        plan = make.plan(
            make.TWO[:1], levels=(1,), deployments=len(deployments), workloads=("http",)
        )
        for number, windows in enumerate(deployments, start=1):
            made = [
                make.window("http_throughput", value, index=index, verdict=verdict)
                for index, (value, verdict) in enumerate(windows, start=1)
            ]
            make.cell(plan.platforms[0], "http", number, 1, made).write(
                tmp_path / f"linux-native/http/d{number}/c1.json"
            )
        return summarize(gather(plan, tmp_path)).iloc[0]

    return summary


OK, SUSPECT, INVALID = Verdict.OK, Verdict.SUSPECT, Verdict.INVALID


def test_invalid_windows_are_counted_and_enter_no_mean(summary_of):
    row = summary_of([(10, OK), (20, SUSPECT), (999, INVALID)])
    assert (row["n"], row["mean"], row["median"]) == (2, 15, 15)
    assert row["sd"] == pytest.approx(np.std([10, 20], ddof=1))
    assert (row["n_ok"], row["n_suspect"], row["n_invalid"]) == (1, 1, 1)


def test_the_interval_is_that_of_the_deployments_means(summary_of):
    row = summary_of(*[[(mean - 5, OK), (mean + 5, OK)] for mean in (100, 110, 120)])
    expected = stats.ttest_1samp([100, 110, 120], 0).confidence_interval(0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((expected.low, expected.high))
    assert row["deployments"] == 3
    assert row["ci_note"] == ""


def test_where_measuring_went_on_until_it_was_narrow_the_interval_is_wider(twelve):
    fixed, watched = summarize(twelve.samples), summarize(twelve.samples, {"http"})
    widths = (watched["ci_high"] - watched["ci_low"]) / (fixed["ci_high"] - fixed["ci_low"])
    quantiles = stats.t.ppf(
        (1 + np.array([SEQUENTIAL_CONFIDENCE, 0.95])) / 2, fixed["deployments"].iloc[0] - 1
    )
    http = fixed["workload"] == "http"
    assert widths[http].dropna().to_numpy() == pytest.approx(quantiles[0] / quantiles[1])
    assert watched[~http].equals(fixed[~http])


def test_one_deployment_has_no_interval_and_says_so(summary_of):
    row = summary_of([(10, OK), (20, OK)])
    assert np.isnan(row["ci_low"])
    assert np.isnan(row["ci_high"])
    assert row["ci_note"] == "only one deployment: no interval"


def test_a_deployment_without_valid_windows_is_none(summary_of):
    row = summary_of([(10, OK)], [(20, INVALID)])
    assert row["deployments"] == 1
    assert np.isnan(row["ci_low"])


def test_unequal_deployments_are_named(summary_of):
    row = summary_of([(10, OK), (10, OK)], [(40, OK), (40, INVALID)])
    assert row["mean"] == 20
    assert (row["ci_low"] + row["ci_high"]) / 2 == pytest.approx(25)
    assert "unequal" in row["ci_note"]


def test_only_invalid_windows_leave_a_row(summary_of):
    row = summary_of([(10, INVALID)])
    assert (row["n"], row["deployments"], row["n_invalid"]) == (0, 0, 1)
    assert np.isnan(row["mean"])
    assert row["ci_note"] == "no valid window"


def test_there_is_a_row_for_each_platform_metric_and_level(twelve):
    table = summarize(twelve.samples)
    keys = ["platform", "metric", "level"]
    assert list(table.columns) == COLUMNS
    assert len(table) == len(twelve.samples[keys].drop_duplicates())
    assert not table.duplicated(keys).any()
    assert (table["n"] == table["n_ok"] + table["n_suspect"]).all()
