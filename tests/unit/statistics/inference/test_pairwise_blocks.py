# SPDX-License-Identifier: Apache-2.0
"""Pairs within blocks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from featherbench.statistics.data.replicates import comparisons
from featherbench.statistics.inference.posthoc import COLUMNS, games_howell, paired

BASE = "linux-native"


def samples(speeds, *, deployments=5, hour=0.5, levels=(1,)):
    """Give platforms whose blocks differ by the hour, which all of them share."""
    rng = np.random.default_rng(2)
    hours = rng.lognormal(0, hour, deployments)
    return pd.DataFrame(
        {
            "metric": "m", "concurrency": level, "platform": name, "deployment": block + 1,
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
    of_deployments = [c for c in comparisons(own) if c[1] == "deployment"]
    assert games_howell(of_deployments).query("platform_b == 'a'")["p_adj"].item() > 0.5
    assert paired(own, BASE, 0.05)["p_adj"].item() < 0.001


def test_pairs_and_levels_of_a_metric_are_one_family():
    own = samples({BASE: 1.0, "a": 10.0, "b": 10.0, "c": 10.0}, levels=(1, 2))
    table = paired(own, BASE, 0.05)
    assert len(table) == 6
    alone = paired(own[own["platform"].isin(["a", "b"]) & (own["concurrency"] == 1)], BASE, 0.05)
    one = table.query("platform_a == 'b' and platform_b == 'a' and concurrency == 1")
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
