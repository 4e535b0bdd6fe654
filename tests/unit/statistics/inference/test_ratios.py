# SPDX-License-Identifier: Apache-2.0
"""Ratios of `statistics/data/replicates.py` to the baseline, as scipy and statsmodels have them."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from featherbench.statistics.conventions import holm
from featherbench.statistics.inference import bootstrap, ratios

BASE, OTHER = "linux-native", "docker-native"
MARGIN = 0.05
PLATFORMS = {BASE: 1.0, OTHER: 0.98}


def table_of(samples, baseline=BASE):
    return ratios.ratios(samples, baseline, MARGIN, seed=1)


def row_of(samples):
    (row,) = table_of(samples).to_dict("records")
    return row


def logs_of(samples):
    """Logarithms of the deployments' means, by platform."""
    means = samples.pivot_table("value", index="deployment", columns="platform")
    return np.log(means[BASE]), np.log(means[OTHER])


def test_the_interval_and_the_test_are_those_of_paired_log_means(nested):
    samples = nested(platforms=PLATFORMS, deployments=5)
    base, other = logs_of(samples)
    theirs = stats.ttest_rel(other, base)
    low, high = theirs.confidence_interval(0.95)
    row = row_of(samples)
    assert row["test"] == ratios.PAIRED_T
    assert row["ratio"] == pytest.approx(np.exp((other - base).mean()))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((np.exp(low), np.exp(high)))
    assert row["p"] == row["p_adj"] == pytest.approx(theirs.pvalue)
    assert row["n_deployments"] == 5
    assert row["note"] == ""


def test_equivalence_is_as_statsmodels_tests_it(nested):
    samples = nested(platforms=PLATFORMS, deployments=6)
    base, other = logs_of(samples)
    margin = np.log1p(MARGIN)
    p_value, _, _ = ttost_paired(other.to_numpy(), base.to_numpy(), -margin, margin)
    row = row_of(samples)
    assert row["p_equivalence"] == pytest.approx(p_value)
    assert row["equivalent"] == (p_value < 0.05)


@pytest.mark.parametrize(
    ("ratio", "noise", "equivalent"), [(1.0, 0.005, True), (0.9, 0.005, False)]
)
def test_equivalent_and_different_exclude_each_other(nested, ratio, noise, equivalent):
    samples = nested(platforms={BASE: 1.0, OTHER: ratio}, deployments=5, between=noise)
    row = row_of(samples)
    assert row["equivalent"] is equivalent
    assert (row["p_adj"] < 0.05) is not equivalent


def test_noise_is_neither_a_difference_nor_an_equivalence(nested):
    row = row_of(nested(between=0.2))
    assert row["p_adj"] > 0.05
    assert not row["equivalent"]
    assert row["detectable"] > 1.3


def test_the_least_detectable_ratio_is_as_statsmodels_has_it(nested):
    samples = nested(levels=(1, 16, 64, 256), deployments=4)
    table = table_of(samples)
    base, other = logs_of(samples[samples["level"] == 16])
    effect = TTestPower().solve_power(nobs=4, alpha=0.05 / 4, power=0.8)
    expected = np.exp(effect * (other - base).std())
    assert table["detectable"][1] == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_a_difference_of_the_least_detectable_size_is_found_four_times_in_five(nested, monkeypatch):
    monkeypatch.setattr(bootstrap, "REPLICATES", 20)  # p and what is detectable need none
    told = np.log(table_of(nested(metrics=1000))["detectable"])
    least = np.exp(np.sqrt((told**2).mean()))  # the variance is what is estimated without bias
    found = table_of(nested(metrics=1000, platforms={BASE: 1.0, OTHER: least}, seed=3))
    assert (found["p_adj"] < 0.05).mean() == pytest.approx(0.8, abs=0.04)


def test_holm_is_as_statsmodels_has_it_in_each_family():
    rng = np.random.default_rng(5)
    p = pd.Series(rng.random(40) ** 3)
    p[7] = np.nan
    family = pd.Series(np.arange(40) % 3)
    ours = holm(p, family)
    for name in range(3):
        tested = p[(family == name) & p.notna()]
        theirs = multipletests(tested, method="holm")[1]
        np.testing.assert_allclose(ours[tested.index], theirs)
    assert np.isnan(ours[7])


def test_the_family_is_all_platforms_and_levels_of_a_metric(nested):
    three = {BASE: 1.0, OTHER: 0.9, "lxd-native": 0.95}
    table = table_of(nested(platforms=three, metrics=2, levels=(1, 100), deployments=6))
    assert list(table.columns) == ratios.COLUMNS
    for _, family in table.groupby("metric"):
        assert len(family) == 4
        theirs = multipletests(family["p"], method="holm")[1]
        np.testing.assert_allclose(family["p_adj"], theirs)


def test_values_far_from_normal_are_compared_by_ranks(nested):
    cauchy = {"noise": lambda rng, size: rng.standard_cauchy(size) / 10, "seed": 4}
    samples = nested(platforms=PLATFORMS, deployments=12, windows=1, **cauchy)
    base, other = logs_of(samples)
    logs = (other - base).to_numpy()
    row = row_of(samples)
    assert row["test"] == ratios.SIGNED_RANKS
    assert row["p"] == pytest.approx(stats.wilcoxon(logs).pvalue)
    inside = stats.wilcoxon(logs - np.log(row["ci_low"] * (1 + 1e-9))).pvalue
    outside = stats.wilcoxon(logs - np.log(row["ci_low"] * (1 - 1e-9))).pvalue
    assert outside <= 0.05 < inside
    assert row["ci_low"] < row["ratio"] < row["ci_high"]


def test_the_signed_ranks_interval_is_the_textbooks():
    """Hollander and Wolfe's Table A.4: at n = 8, the 4th from either end has 96.1 %."""
    values = np.array([1.0, 2.1, 3.3, 4.6, 6.0, 7.5, 9.1, 10.8])
    walsh = np.sort([(a + b) / 2 for i, a in enumerate(values) for b in values[i:]])
    assert ratios.centre_and_interval(values)[1:] == pytest.approx((walsh[3], walsh[-4]))


def test_the_bootstrap_agrees_where_there_are_many_deployments(nested):
    row = row_of(nested(platforms=PLATFORMS, deployments=40, windows=1))
    assert row["boot_low"] == pytest.approx(row["ci_low"], abs=0.002)
    assert row["boot_high"] == pytest.approx(row["ci_high"], abs=0.002)


def test_the_bootstrap_draws_windows_too(nested):
    samples = nested(deployments=4, windows=5, between=0.0, within=0.1)
    alike = samples.assign(
        value=samples.groupby(["platform", "deployment"])["value"].transform("mean")
    )
    width, flat = (row["boot_high"] - row["boot_low"] for row in map(row_of, (samples, alike)))
    assert width > 1.2 * flat


def test_an_interval_depends_only_on_its_own_data_and_the_seed(nested):
    three = nested(platforms=PLATFORMS | {"lxd-native": 1.0}, metrics=2)
    whole = table_of(three)
    part = table_of(three[(three["platform"] != "lxd-native") & (three["metric"] == "m1")])
    same = whole[(whole["platform"] == OTHER) & (whole["metric"] == "m1")]
    assert part[["boot_low", "boot_high"]].to_numpy() == pytest.approx(
        same[["boot_low", "boot_high"]].to_numpy(), abs=0
    )
    assert ratios.ratios(three, BASE, MARGIN, seed=2)["boot_low"][0] != whole["boot_low"][0]


def test_only_blocks_that_both_have_count_and_invalid_windows_do_not(nested):
    samples = nested(deployments=4)
    gone = (samples["platform"] == OTHER) & (samples["deployment"] == 2)
    samples.loc[gone, ["verdict", "value"]] = ("invalid", 1e9)
    row = row_of(samples)
    assert row["n_deployments"] == 3
    assert row["ratio"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"deployments": 1}, "only one deployment: no interval"),
        ({"between": 0.0, "within": 0.0}, "no variation between deployments: no interval"),
    ],
)
def test_what_cannot_be_tested_says_why(nested, change, note):
    row = row_of(nested(**change))
    assert row["note"] == note
    assert np.isnan(row["p_adj"])
    assert not row["equivalent"]
    assert row["ratio"] == pytest.approx(1, abs=0.1)


def test_without_a_common_deployment_there_is_no_ratio(nested):
    samples = nested()
    samples = samples[(samples["platform"] == BASE) == (samples["deployment"] == 1)]
    row = row_of(samples)
    assert row["note"] == "no deployment that both have: no ratio"
    assert np.isnan(row["ratio"])


@pytest.mark.parametrize("baseline", ["gone-native", BASE])
def test_a_single_or_missing_baseline_gives_no_row(nested, baseline):
    samples = nested()
    table = table_of(samples[samples["platform"] == BASE], baseline)
    assert table["ratio"].isna().all()
    assert len(table) == (0 if baseline == BASE else 1)


@pytest.mark.slow
@pytest.mark.parametrize("between", [0.02, (0.02, 0.08)])
@pytest.mark.parametrize("deployments", [3, 10])
def test_intervals_cover_and_identical_platforms_seldom_differ(
    nested, monkeypatch, deployments, between
):
    """A quick look; tests/benchmarks/test_promises.py is thorough."""
    monkeypatch.setattr(bootstrap, "REPLICATES", 20)
    size = {"metrics": 1000, "deployments": deployments, "between": between}
    table = table_of(nested(**size))
    covered = table["ci_low"].le(1) & table["ci_high"].ge(1)
    assert covered.mean() == pytest.approx(0.95, abs=0.02)
    assert (table["p_adj"] < 0.05).mean() == pytest.approx(0.05, abs=0.02)


def test_an_uncertain_base_widens_the_means_own_interval_upwards_more():
    assert ratios.ratio_interval(10, 4, reach=2, base_reach=0) == pytest.approx((2, 3))
    low, high = ratios.ratio_interval(10, 4, reach=2, base_reach=1)
    assert low < 2
    assert high > 3
    assert high - 2.5 > 2.5 - low
    assert all(map(math.isnan, ratios.ratio_interval(10, 1, reach=2, base_reach=1)))  # may be zero


def test_the_bounds_are_where_the_difference_from_zero_is_just_significant():
    for bound in ratios.ratio_interval(7, 5, reach=0.8, base_reach=0.6):
        assert abs(7 - bound * 5) == pytest.approx(math.hypot(0.8, bound * 0.6))


def test_it_covers_as_often_as_it_says():
    rng, quantile = np.random.default_rng(1), stats.norm.ppf(0.975)
    means, bases = rng.normal(6, 0.5, 4000), rng.normal(3, 0.3, 4000)
    found = [
        ratios.ratio_interval(mean, base, reach=quantile * 0.5, base_reach=quantile * 0.3)
        for mean, base in zip(means, bases, strict=True)
    ]
    covered = np.mean([low <= 2 <= high for low, high in found])
    assert 0.94 < covered < 0.96
