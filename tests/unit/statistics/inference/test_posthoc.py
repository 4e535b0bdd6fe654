# SPDX-License-Identifier: Apache-2.0
"""All pairs, as libraries have them: Tukey's test, Games and Howell's, and ratios in blocks."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from featherbench.statistics.data.replicates import comparisons
from featherbench.statistics.data.samples import valid
from featherbench.statistics.inference.posthoc import COLUMNS, compare, games_howell, paired

BASE = "linux-native"


def tukey(samples):
    return compare(comparisons(samples))


def of_deployments(samples):
    return games_howell([c for c in comparisons(samples) if c[1] == "deployment"])


def _at(samples, level):
    here = (samples["metric"] == "http_throughput") & (samples["level"] == level)
    return samples[here]


def test_two_platforms_give_the_t_test(two):
    frame = _at(two.samples, 500)
    row = tukey(frame).iloc[0]
    linux, docker = (
        valid(frame)[lambda f, name=name: f["platform"] == name]["value"]
        for name in ("linux-native", "docker-native")
    )
    expected = stats.ttest_ind(docker, linux)
    interval = expected.confidence_interval(0.95)
    assert (row["platform_a"], row["platform_b"]) == ("docker-native", "linux-native")
    assert row["difference"] == pytest.approx(docker.mean() - linux.mean())
    assert row["ratio"] == pytest.approx(docker.mean() / linux.mean())
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high))
    assert row["p_adj"] == pytest.approx(expected.pvalue, abs=1e-9)


def test_every_pair_at_every_level_for_both_kinds_of_replicate(twelve):
    table = tukey(twelve.samples[twelve.samples["metric"] == "http_throughput"])
    assert list(table.columns) == COLUMNS
    assert set(table["test"]) == {"Tukey-Kramer"}
    assert set(table["error"]) == set(table["scope"]) == {"level"}
    assert len(table) == 66 * 11 * 2
    assert table["p_adj"].between(0, 1).all()
    assert (table["ci_low"] < table["difference"]).all()


def test_deployment_means_are_more_careful_than_windows(two):
    table = tukey(_at(two.samples, 500)).set_index("replicate")
    width = table["ci_high"] - table["ci_low"]
    assert width["deployment"] > width["window"]


def test_constant_values_have_a_difference_and_no_test(two, recwarn):
    table = tukey(two.samples[two.samples["metric"] == "image_size_http"])
    assert list(table["difference"]) == pytest.approx([355 - 2256] * 2)
    assert table[["ci_low", "ci_high", "p_adj"]].isna().all(axis=None)
    assert table["note"].str.contains("no variation").all()
    assert not recwarn.list


def test_single_values_have_a_difference_and_no_test(two, recwarn):
    frame = _at(two.samples, 100)
    table = tukey(frame[(frame["window"] == 1) & (frame["deployment"] == 1)])
    assert np.isfinite(table["ratio"]).all()
    assert table["p_adj"].isna().all()
    assert table["note"].str.contains("no replication").all()
    assert not recwarn.list


def test_a_base_of_zero_has_no_ratio(two, recwarn):
    frame = _at(two.samples, 100)
    zero = frame["platform"] == "linux-native"
    table = tukey(frame.assign(value=frame["value"].mask(zero, 0.0)))
    assert table["ratio"].isna().all()
    assert np.isfinite(table["difference"]).all()
    assert not recwarn.list


def test_one_platform_has_no_pair(two):
    table = tukey(two.samples[two.samples["platform"] == "linux-native"])
    assert table.empty
    assert list(table.columns) == COLUMNS


@pytest.mark.parametrize("level", [1, 100])
def test_games_and_howells_is_scipys(unequal, level, deployments):
    data = deployments(unequal, level)
    theirs = stats.tukey_hsd(*data.values(), equal_var=False)
    bounds, names = theirs.confidence_interval(0.95), list(data)
    table = of_deployments(unequal)
    table = table[table["level"] == level]
    assert len(table) == 3
    for row in table.to_dict("records"):
        place = names.index(row["platform_a"]), names.index(row["platform_b"])
        assert row["difference"] == pytest.approx(theirs.statistic[place])
        assert row["p_adj"] == pytest.approx(theirs.pvalue[place], abs=1e-6)
        expected = bounds.low[place], bounds.high[place]
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected, rel=1e-4)


def test_games_and_howells_says_why_it_cannot_be_computed(nested):
    pairs = of_deployments(nested(between=0.0, within=0.0))
    assert pairs["p_adj"].isna().all()
    assert (pairs["note"] != "").all()
    assert of_deployments(nested().iloc[:0]).empty


def samples(speeds, *, deployments=5, hour=0.5, levels=(1,)):
    """Give platforms whose blocks differ by the hour, which all of them share."""
    rng = np.random.default_rng(2)
    hours = rng.lognormal(0, hour, deployments)
    return pd.DataFrame(
        {
            "metric": "m", "level": level, "platform": name, "deployment": block + 1,
            "window": 1, "value": speed * hours[block] * rng.lognormal(0, 0.01), "verdict": "ok",
            "primary": True,
        }
        for name, speed in speeds.items()
        for level in levels
        for block in range(deployments)
    )  # fmt: skip


def test_the_test_is_that_of_the_log_ratios_and_the_interval_the_differences():
    own = samples({BASE: 1.0, "a": 10.0, "b": 11.0})
    (row,) = paired(own, BASE, 0.05).to_dict("records")
    a, b = (own[own["platform"] == name]["value"].to_numpy() for name in "ab")
    assert (row["platform_a"], row["platform_b"]) == ("b", "a")
    assert row["ratio"] == pytest.approx(np.exp(np.log(b / a).mean()))
    assert row["p_adj"] == pytest.approx(stats.ttest_1samp(np.log(b / a), 0).pvalue)
    low, high = stats.ttest_rel(b, a).confidence_interval()
    assert (row["ci_low"], row["ci_high"]) == (pytest.approx(low), pytest.approx(high))
    assert row["difference"] == pytest.approx((b - a).mean())
    assert (row["test"], row["replicate"]) == ("paired t", "deployment")
    assert (row["error"], row["scope"]) == ("block", "level")


def test_it_finds_differences_that_the_variation_between_blocks_hides_from_other_tests():
    own = samples({BASE: 1.0, "a": 10.0, "b": 11.0})
    assert of_deployments(own).query("platform_b == 'a'")["p_adj"].item() > 0.5
    assert paired(own, BASE, 0.05)["p_adj"].item() < 0.001


def test_pairs_and_levels_of_a_metric_are_one_family():
    own = samples({BASE: 1.0, "a": 10.0, "b": 10.0, "c": 10.0}, levels=(1, 2))
    table = paired(own, BASE, 0.05)
    assert len(table) == 6
    alone = paired(own[own["platform"].isin(["a", "b"]) & (own["level"] == 1)], BASE, 0.05)
    one = table.query("platform_a == 'b' and platform_b == 'a' and level == 1")
    assert one["p_adj"].item() > alone["p_adj"].item()


@pytest.mark.parametrize("speeds", [{BASE: 1.0}, {BASE: 1.0, "a": 2.0}, {}])
def test_without_two_others_there_is_no_pair(speeds):
    own = samples(speeds) if speeds else samples({BASE: 1.0})[:0]
    table = paired(own, BASE, 0.05)
    assert table.empty
    assert list(table.columns) == COLUMNS


def test_a_single_deployment_is_not_tested_and_says_why():
    (row,) = paired(samples({"a": 1.0, "b": 2.0}, deployments=1), BASE, 0.05).to_dict("records")
    assert np.isnan(row["p_adj"])
    assert row["note"] == "fewer than two deployments that both have"
