# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pandas as pd
import pytest

from featherbench.report.conclusions import Reading, comparisons, conclude

BASE = "linux-native"


def summary_row(platform, mean, *, level=1, suspect=0, n=9):
    return {
        "platform": platform,
        "metric": "http_throughput",
        "concurrency": level,
        "workload": "http",
        "primary": True,
        "unit": "requests/s",
        "n": n,
        "mean": mean,
        "ci_low": mean * 0.9,
        "ci_high": mean * 1.1,
        "n_suspect": suspect,
    }


def pair(
    a, b, means, low, high, *, level=1, method="Tukey-Kramer, deployment means", note=math.nan
):
    return {
        "metric": "http_throughput",
        "concurrency": level,
        "platform_a": a,
        "platform_b": b,
        "difference": means[0] - means[1],
        "ratio": means[0] / means[1],
        "ci_low": low,
        "ci_high": high,
        "p_adj": 0.01,
        "method": method,
        "note": note,
    }


SUMMARY = [summary_row(BASE, 1000.0), summary_row("docker-native", 800.0)]


def compared(*pairs, summary=SUMMARY):
    return comparisons(summary, pd.DataFrame(pairs), BASE)


def test_the_interval_of_the_ratio_is_that_of_the_difference_over_the_base():
    (one,) = compared(pair("docker-native", BASE, (800, 1000), -250, -150))
    assert (one.ratio, one.low, one.high) == pytest.approx((0.8, 0.75, 0.85))
    assert one.reading is Reading.LOWER


def test_the_baseline_is_the_base_whichever_side_it_stands_on():
    (one,) = compared(pair(BASE, "docker-native", (1000, 800), 150, 250))
    assert one.platform == "docker-native"
    assert (one.ratio, one.low, one.high) == pytest.approx((0.8, 0.75, 0.85))


def test_an_interval_that_contains_1_shows_no_difference():
    (one,) = compared(pair("docker-native", BASE, (800, 1000), -450, 50))
    assert one.reading is Reading.NO_DIFFERENCE
    (one,) = compared(pair("docker-native", BASE, (1200, 1000), 50, 350))
    assert one.reading is Reading.HIGHER


def test_windows_are_no_replicates_and_other_pairs_are_not_told():
    assert (
        compared(pair("docker-native", BASE, (8, 10), -3, -1, method="Tukey-Kramer, windows")) == []
    )
    assert compared(pair("docker-native", "lxd-native", (8, 10), -3, -1)) == []


def test_what_was_not_tested_says_why_and_claims_nothing():
    untested = pair("docker-native", BASE, (800, 1000), math.nan, math.nan, note="no replication")
    (one,) = compared(untested)
    assert one.reading is Reading.NOT_TESTED
    (said,) = conclude(pd.DataFrame(SUMMARY), pd.DataFrame([untested]), BASE)
    assert said.sentences == ("docker-native: 0.80 times linux-native, untested (no replication)",)


def test_many_levels_are_one_sentence_with_the_span():
    levels = [1, 100, 200]
    summary = [
        summary_row(platform, mean, level=level, suspect=int(platform != BASE))
        for level in levels
        for platform, mean in ((BASE, 1000.0), ("docker-native", 800.0))
    ]
    pairs = [
        pair(
            "docker-native", BASE, (600 + level, 1000), -300, 50 if level == 1 else -1, level=level
        )
        for level in levels
    ]
    (said,) = conclude(pd.DataFrame(summary), pd.DataFrame(pairs), BASE)
    (sentence,) = said.sentences
    assert sentence == (
        "docker-native: 0.60 to 0.80 times linux-native over 3 levels; "
        "lower at 2, no difference shown at 1; 3 suspect windows behind it"
    )


def test_two_levels_are_named():
    summary = [summary_row(p, 1000.0, level=level) for p in (BASE, "x-y") for level in (1, 100)]
    pairs = [pair("x-y", BASE, (800, 1000), -300, -100, level=level) for level in (1, 100)]
    (said,) = conclude(pd.DataFrame(summary), pd.DataFrame(pairs), BASE)
    assert said.sentences[0].startswith("x-y at 1 connection: lower, 0.80 times")
    assert said.sentences[1].startswith("x-y at 100 connections: lower, 0.80 times")


def test_without_a_baseline_there_is_nothing_to_compare_with():
    summary = [summary_row(BASE, math.nan, n=0), summary_row("docker-native", 800.0)]
    (said,) = conclude(pd.DataFrame(summary), pd.DataFrame(), BASE)
    assert "has no valid window: there is nothing to compare with" in said.baseline
    assert said.sentences == ()


def test_a_platform_without_a_valid_window_is_named():
    (said,) = conclude(pd.DataFrame(SUMMARY), pd.DataFrame(), BASE, [BASE, "lxd-native"])
    assert said.sentences == ("lxd-native: no valid window",)
