# SPDX-License-Identifier: Apache-2.0
"""Tukey's test, as statsmodels has it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind
from statsmodels.stats.multicomp import pairwise_tukeyhsd

from featherbench.statistics.data.replicates import comparisons
from featherbench.statistics.data.samples import valid
from featherbench.statistics.inference.posthoc import COLUMNS, compare


def posthoc(samples):
    return compare(comparisons(samples))


def _at(samples, level):
    here = (samples["metric"] == "http_throughput") & (samples["concurrency"] == level)
    return samples[here]


def test_as_statsmodels_has_it_with_unequal_numbers(twelve):
    # Platforms that hardly differ, so that p is not zero everywhere.
    names = ["docker-native", "docker-native+bridge", "lxd-kvm", "linux-native"]
    frame = _at(twelve.samples, 100)
    frame = frame[frame["platform"].isin(names)].sample(frac=0.8, random_state=2)
    scale = 1 / frame.groupby("platform")["value"].transform("mean") ** 0.99
    frame = frame.assign(value=frame["value"] * scale)
    ours = posthoc(frame)
    ours = ours[ours["replicate"] == "window"].set_index(["platform_a", "platform_b"])
    good = valid(frame)
    theirs = pairwise_tukeyhsd(good["value"], good["platform"]).summary().data[1:]
    assert len(ours) == len(theirs) == 6
    for group1, group2, difference, p_adj, low, high, _ in theirs:
        sign = -1 if (group2, group1) not in ours.index else 1
        row = ours.loc[(group2, group1) if sign == 1 else (group1, group2)]
        interval = sorted((sign * row["ci_low"], sign * row["ci_high"]))
        assert sign * row["difference"] == pytest.approx(difference, abs=1e-4)
        assert interval == pytest.approx([low, high], abs=1e-4)
        assert row["p_adj"] == pytest.approx(p_adj, abs=1e-4)


def test_two_platforms_give_the_t_test(two):
    frame = _at(two.samples, 500)
    row = posthoc(frame).iloc[0]
    linux, docker = (
        valid(frame)[lambda f, name=name: f["platform"] == name]["value"]
        for name in ("linux-native", "docker-native")
    )
    expected = ttest_ind(docker, linux)
    interval = expected.confidence_interval(0.95)
    assert (row["platform_a"], row["platform_b"]) == ("docker-native", "linux-native")
    assert row["difference"] == pytest.approx(docker.mean() - linux.mean())
    assert row["ratio"] == pytest.approx(docker.mean() / linux.mean())
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high))
    assert row["p_adj"] == pytest.approx(expected.pvalue, abs=1e-9)


def test_every_pair_at_every_level_for_both_kinds_of_replicate(twelve):
    table = posthoc(twelve.samples[twelve.samples["metric"] == "http_throughput"])
    assert list(table.columns) == COLUMNS
    assert set(table["test"]) == {"Tukey-Kramer"}
    assert set(table["error"]) == set(table["scope"]) == {"level"}
    assert len(table) == 66 * 11 * 2
    assert table["p_adj"].between(0, 1).all()
    assert (table["ci_low"] < table["difference"]).all()


def test_deployment_means_are_more_careful_than_windows(two):
    table = posthoc(_at(two.samples, 500)).set_index("replicate")
    width = table["ci_high"] - table["ci_low"]
    assert width["deployment"] > width["window"]


def test_constant_values_have_a_difference_and_no_test(two, recwarn):
    table = posthoc(two.samples[two.samples["metric"] == "image_size_http"])
    assert list(table["difference"]) == pytest.approx([355 - 2256] * 2)
    assert table[["ci_low", "ci_high", "p_adj"]].isna().all(axis=None)
    assert table["note"].str.contains("no variation").all()
    assert not recwarn.list


def test_single_values_have_a_difference_and_no_test(two, recwarn):
    frame = _at(two.samples, 100)
    table = posthoc(frame[(frame["window"] == 1) & (frame["deployment"] == 1)])
    assert np.isfinite(table["ratio"]).all()
    assert table["p_adj"].isna().all()
    assert table["note"].str.contains("no replication").all()
    assert not recwarn.list


def test_a_base_of_zero_has_no_ratio(two, recwarn):
    frame = _at(two.samples, 100)
    zero = frame["platform"] == "linux-native"
    table = posthoc(frame.assign(value=frame["value"].mask(zero, 0.0)))
    assert table["ratio"].isna().all()
    assert np.isfinite(table["difference"]).all()
    assert not recwarn.list


def test_one_platform_has_no_pair(two):
    table = posthoc(two.samples[two.samples["platform"] == "linux-native"])
    assert table.empty
    assert list(table.columns) == COLUMNS
