# SPDX-License-Identifier: Apache-2.0
"""Components of variance, and how many deployments and windows the next run needs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from featherbench.statistics.design.variance_components import COLUMNS, components, costs_s
from featherbench.statistics.summary import half_width

ONE = {"linux-native": 1.0}
TWO = ("linux-native", "docker-native")


def row_of(samples, precision=0.02):
    (row,) = components(samples, precision).to_dict("records")
    return row


def test_f_is_that_of_the_one_way_analysis(nested):
    samples = nested(platforms=ONE, deployments=6, windows=4)
    table = anova_lm(ols("value ~ C(deployment)", samples).fit())
    row = row_of(samples)
    assert row["F"] == pytest.approx(table["F"].iloc[0])
    assert row["p"] == pytest.approx(table["PR(>F)"].iloc[0])


def test_both_components_are_found(nested):
    samples = nested(platforms=ONE, metrics=300, between=0.03, within=0.01)
    table = components(samples, 0.02)
    assert list(table.columns) == COLUMNS
    assert np.sqrt((table["sd_between"] ** 2).mean()) == pytest.approx(0.03, rel=0.1)
    assert np.sqrt((table["sd_within"] ** 2).mean()) == pytest.approx(0.01, rel=0.1)
    assert table["between_fraction"].median() == pytest.approx(0.9, abs=0.05)


def test_windows_used_as_replicates_are_found(nested):
    """seL4/sel4bench#81: a deviation of two cycles within a run, another mean on the next."""
    row = row_of(nested(platforms=ONE, deployments=5, windows=30, between=0.05, within=0.001))
    assert row["p"] < 1e-6
    assert row["understated"] == pytest.approx(np.sqrt(30), rel=0.01)


def test_the_numbers_needed_are_enough(nested):
    plan = row_of(nested(platforms=ONE, deployments=200, between=0.03, within=0.02, windows=5))
    n, m = int(plan["deployments_needed"]), int(plan["windows_needed"])
    sd = np.hypot(0.03, 0.02 / np.sqrt(m))
    assert half_width(sd, np.array(n)) == pytest.approx(0.02, rel=0.1)


def test_the_dearer_a_deployment_the_more_windows(nested):
    samples = nested(platforms=ONE, deployments=50, windows=4)
    moments = samples["started_monotonic_s"]
    dear = samples.assign(started_monotonic_s=moments + samples["deployment"] * 300)
    assert row_of(dear)["windows_needed"] > row_of(samples)["windows_needed"]


def test_costs_are_the_gaps_before_a_deployment_and_the_windows(nested):
    samples = nested(deployments=4)
    found = costs_s(samples, TWO).loc["m0"]
    assert found["deployment_s"] == pytest.approx(8.0)
    assert found["window_s"] == pytest.approx(2.0)


def test_a_pause_between_runs_is_no_cost(nested):
    samples = nested(deployments=4)
    later = samples["deployment"] > 2
    samples.loc[later, "started_monotonic_s"] += 100_000
    assert costs_s(samples, TWO).loc["m0", "deployment_s"] == pytest.approx(8.0)


def test_one_window_a_deployment(nested):
    samples = nested(platforms=ONE, deployments=10, windows=1)
    row = row_of(samples)
    assert np.isnan(row["p"])
    assert row["windows_needed"] == 1
    assert row["sd_between"] == pytest.approx(stats.variation(samples["value"], ddof=1))
    assert row["note"].startswith("one window a deployment")


def test_one_deployment_says_so(nested):
    row = row_of(nested(platforms=ONE, deployments=1))
    assert np.isnan(row["deployments_needed"])
    assert row["note"].startswith("only one deployment")


def test_values_that_never_vary_need_no_more(nested):
    row = row_of(nested(platforms=ONE, between=0.0, within=0.0))
    assert row["deployments_needed"] == 2
    assert row["windows_needed"] == 3


def test_a_run_without_a_single_sample_has_no_components(tmp_path):
    """As read back from a file, where nothing says that an empty column holds numbers."""
    file = tmp_path / "samples.csv"
    file.write_text("platform,workload,metric,level,deployment,window,value,verdict\n")
    empty = pd.read_csv(file)
    assert components(empty.astype("str"), precision=0.02).empty
