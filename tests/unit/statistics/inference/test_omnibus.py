# SPDX-License-Identifier: Apache-2.0
"""Welch's analysis of variance, the test by ranks, and games_howell, as libraries have them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.oneway import anova_oneway

from featherbench.statistics.data.replicates import comparisons
from featherbench.statistics.inference.anova import KRUSKAL, LEVEL_COLUMNS, WELCH, levels, welch
from featherbench.statistics.inference.posthoc import games_howell

THREE = {"linux-native": 1.0, "docker-native": 0.97, "lxd-native": 1.01}


@pytest.fixture
def unequal(nested):
    """Three platforms whose deployments vary by 1, 5 and 10 %; one deployment is missing."""
    samples = nested(platforms=THREE, deployments=6, between=(0.01, 0.05, 0.1), levels=(1, 100))
    return samples[(samples["platform"] != "lxd-native") | (samples["deployment"] != 2)]


def deployments(samples, level):
    here = samples[samples["concurrency"] == level]
    means = here.groupby(["platform", "deployment"], sort=False)["value"].mean()
    return {name: own.to_numpy() for name, own in means.groupby("platform", sort=False)}


def of_deployments(samples):
    return games_howell([c for c in comparisons(samples) if c[1] == "deployment"])


def row_of(table, level, test):
    (row,) = table[(table["concurrency"] == level) & (table["test"] == test)].to_dict("records")
    return row


def test_welchs_is_as_statsmodels_has_it_on_single_values(unequal):
    theirs = anova_oneway(list(deployments(unequal, 100).values()), use_var="unequal")
    row = row_of(levels(unequal), 100, WELCH)
    assert (row["statistic"], row["p"]) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (row["df"], row["df_resid"]) == pytest.approx((theirs.df_num, theirs.df_denom))


def test_two_platforms_give_welchs_t_test(nested):
    samples = nested(deployments=5, between=(0.01, 0.1))
    theirs = stats.ttest_ind(*deployments(samples, 100).values(), equal_var=False)
    row = row_of(levels(samples), 100, WELCH)
    assert row["statistic"] == pytest.approx(theirs.statistic**2)
    assert row["p"] == row["p_adj"] == pytest.approx(theirs.pvalue)


def test_the_rank_test_is_scipys(unequal):
    theirs = stats.kruskal(*deployments(unequal, 1).values())
    row = row_of(levels(unequal), 1, KRUSKAL)
    assert (row["statistic"], row["p"]) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_levels_are_a_family(unequal):
    table = levels(unequal)
    assert list(table.columns) == LEVEL_COLUMNS
    own = table[table["test"] == WELCH].sort_values("p")
    assert own["p_adj"].iloc[0] == pytest.approx(min(1, 2 * own["p"].iloc[0]))


@pytest.mark.parametrize("level", [1, 100])
def test_games_and_howells_is_scipys(unequal, level):
    data = deployments(unequal, level)
    theirs = stats.tukey_hsd(*data.values(), equal_var=False)
    bounds, names = theirs.confidence_interval(0.95), list(data)
    table = of_deployments(unequal)
    table = table[table["concurrency"] == level]
    assert len(table) == 3
    for row in table.to_dict("records"):
        place = names.index(row["platform_a"]), names.index(row["platform_b"])
        assert row["difference"] == pytest.approx(theirs.statistic[place])
        assert row["p_adj"] == pytest.approx(theirs.pvalue[place], abs=1e-6)
        expected = bounds.low[place], bounds.high[place]
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected, rel=1e-4)


def test_what_does_not_vary_says_so(nested):
    table = levels(nested(platforms=THREE, between=(0.1, 0, 0.1), within=(0.1, 0, 0.1)))
    assert row_of(table, 100, WELCH)["note"] == "no variation of docker-native"
    assert row_of(table, 100, KRUSKAL)["note"] == ""
    alone = levels(nested(platforms={"linux-native": 1.0}))
    assert set(alone["note"]) == {"fewer than two platforms with valid windows"}
    pairs = of_deployments(nested(between=0.0, within=0.0))
    assert pairs["p_adj"].isna().all()
    assert (pairs["note"] != "").all()


def test_no_samples_give_empty_tables(nested):
    assert list(levels(nested().iloc[:0]).columns) == LEVEL_COLUMNS
    assert of_deployments(nested().iloc[:0]).empty


def test_the_papers_http_is_compared_with_its_unequal_variances(repository):
    """At 600 connections standard deviations run from 60 to 9,655."""
    data = pd.read_csv(repository / "resources/plauth2017/http_throughput.csv")
    here = data[(data["concurrency"] == 600)].rename(
        columns={"mean_requests_per_second": "mean", "sd_requests_per_second": "sd"}
    )
    here["platform"] = here["technology"] + "-" + here["host"]
    assert here["sd"].max() / here["sd"].min() > 100
    assert welch(here)["p"] < 1e-12
    table = games_howell([("http_throughput", "window", here)])
    assert np.isfinite(table["p_adj"]).all()
    known = table.set_index(["platform_a", "platform_b"])["p_adj"].to_dict()
    pairs = {frozenset(pair): p for pair, p in known.items()}
    assert pairs[frozenset({"rumprun-kvm", "docker-kvm"})] < 0.0001  # its claim 7
