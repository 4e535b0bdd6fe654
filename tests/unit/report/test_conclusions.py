# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pandas as pd
import pytest

from featherbench.report.sentences.comparisons import Reading, amount, comparisons, conclude

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


def row(platform, ratio, p=0.01, *, level=1, same=0.9, note=math.nan):
    return {
        "metric": "http_throughput",
        "concurrency": level,
        "platform": platform,
        "baseline": BASE,
        "ratio": ratio,
        "ci_low": ratio * 0.95,
        "ci_high": ratio * 1.05,
        "p_adj": p,
        "p_equivalence_adj": same,
        "margin": 0.05,
        "detectable": 1.25,
        "note": note,
    }


SUMMARY = [summary_row(BASE, 1000.0), summary_row("docker-native", 800.0)]


def said_of(*found, summary=SUMMARY):
    (said,) = conclude(pd.DataFrame(summary), pd.DataFrame(found), BASE)
    return said


@pytest.mark.parametrize(
    ("ratio", "p", "same", "reading"),
    [
        (0.8, 0.01, 0.9, Reading.LOWER),
        (1.2, 0.01, 0.9, Reading.HIGHER),
        (0.99, 0.01, 0.01, Reading.LOWER),
        (0.99, 0.3, 0.01, Reading.SAME),
        (0.8, 0.06, 0.9, Reading.NO_DIFFERENCE),
        (0.8, math.nan, math.nan, Reading.NOT_TESTED),
    ],
)
def test_the_tests_decide_and_not_the_ratio(ratio, p, same, reading):
    (one,) = comparisons(SUMMARY, pd.DataFrame([row("docker-native", ratio, p, same=same)]), BASE)
    assert one.reading is reading


@pytest.mark.parametrize(
    ("half", "said"),
    [
        (0.0, "18.2 requests/s (no variation)"),
        (4e-15, "18.2 requests/s (no variation)"),
        (0.1, "18.2 requests/s (95 % interval 18.1 to 18.3)"),
        (math.nan, "18.2 requests/s"),
    ],
)
def test_a_mean_without_variation_has_no_interval(half, said):
    bounds = {"ci_low": 18.2 - half, "ci_high": 18.2 + half}
    assert amount(summary_row(BASE, 18.2) | bounds) == said


def test_a_difference_has_its_interval_its_test_and_its_table():
    said = said_of(row("docker-native", 0.8, 0.003))
    assert said.sentences == (
        "docker-native: lower, 0.80 times linux-native (95 % interval 0.76 to 0.84, p = 0.003)",
    )
    assert said.table == "ratios-http_throughput"


def test_a_difference_that_does_not_matter_says_so():
    (sentence,) = said_of(row("docker-native", 0.98, 0.00001, same=0.001)).sentences
    assert sentence.endswith("p < 0.0001), yet within 5 %")


def test_sameness_is_a_finding_with_its_margin():
    (sentence,) = said_of(row("docker-native", 1.0, 0.7, same=0.012)).sentences
    assert sentence.startswith("docker-native: the same as linux-native within 5 % (ratio 1.00")
    assert "p = 0.012" in sentence


def test_no_difference_says_what_would_have_been_found():
    (sentence,) = said_of(row("docker-native", 0.9, 0.2)).sentences
    assert sentence.startswith("docker-native: no difference from linux-native shown (ratio 0.90")
    assert sentence.endswith("this run would have found 1.25 times")


def test_what_was_not_tested_says_why_and_claims_nothing():
    said = said_of(row("docker-native", 0.8, math.nan, note="only one deployment"))
    assert said.sentences == (
        "docker-native: 0.80 times linux-native, untested (only one deployment)",
    )


def test_many_levels_are_one_sentence_with_the_span():
    levels = [1, 100, 200]
    summary = [
        summary_row(platform, mean, level=level, suspect=int(platform != BASE))
        for level in levels
        for platform, mean in ((BASE, 1000.0), ("docker-native", 800.0))
    ]
    found = [
        row("docker-native", 0.6 + level / 1000, 0.5 if level == 1 else 0.01, level=level)
        for level in levels
    ]
    said = said_of(*found, summary=summary)
    (sentence,) = said.sentences
    assert sentence == (
        "docker-native: 0.60 to 0.80 times linux-native over 3 levels; "
        "lower at 2, no difference shown at 1; 3 suspect windows behind it"
    )


def test_two_levels_are_named():
    summary = [summary_row(p, 1000.0, level=level) for p in (BASE, "x-y") for level in (1, 100)]
    said = said_of(*(row("x-y", 0.8, level=level) for level in (1, 100)), summary=summary)
    assert said.sentences[0].startswith("x-y at 1 connection: lower, 0.80 times")
    assert said.sentences[1].startswith("x-y at 100 connections: lower, 0.80 times")


def test_without_a_baseline_there_is_nothing_to_compare_with():
    summary = [summary_row(BASE, math.nan, n=0), summary_row("docker-native", 800.0)]
    (said,) = conclude(pd.DataFrame(summary), pd.DataFrame(), BASE)
    assert "has no valid window: there is nothing to compare with" in said.baseline
    assert [one.partition(" (")[0] for one in said.sentences] == ["docker-native: 800 requests/s"]


def test_a_baseline_that_has_one_level_is_one():
    levels = [(1, 4), (100, 0)]
    summary = [summary_row(BASE, 1000.0, level=level, n=n) for level, n in levels]
    (said,) = conclude(pd.DataFrame(summary), pd.DataFrame(), BASE)
    assert said.baseline.startswith("linux-native reaches 1,000 requests/s")


def test_a_platform_without_a_valid_window_is_named():
    (said,) = conclude(pd.DataFrame(SUMMARY), pd.DataFrame(), BASE, {"http": [BASE, "lxd-native"]})
    assert said.sentences == ("lxd-native: no valid window",)
    assert said.table == ""


def of_memory(platform, kind, mean):
    return summary_row(platform, mean) | {"metric": f"memory_http_{kind}", "workload": "memory"}


def test_what_is_measured_otherwise_is_neither_missing_nor_a_ratio():
    summary = [
        *(of_memory(BASE, "load", 7.0), of_memory("docker-native", "load", 9.0)),
        *(of_memory("linux-kvm", "minimum", 72.0), of_memory("osv-kvm", "minimum", 24.0)),
    ]
    names = [row["platform"] for row in summary]
    untested = row("linux-kvm", math.nan, math.nan) | {"metric": "memory_http_minimum"}
    held, least = conclude(
        pd.DataFrame(summary), pd.DataFrame([untested]), BASE, {"memory": [*names, "lxd-kvm"]}
    )
    assert held.sentences == ("lxd-kvm: no valid window",)
    assert least.title == "minimum memory that suffices for http"
    assert least.table == ""
    assert [said.partition(" (")[0] for said in least.sentences] == [
        *("linux-kvm: 72 requests/s", "osv-kvm: 24 requests/s", "lxd-kvm: no valid window")
    ]


def test_who_has_no_image_of_an_app_is_not_said_to_have_no_valid_window():
    """A platform is named where it was asked and gave nothing, or has invalid windows of that."""
    floor = summary_row("floor-tcg", 0.02) | {"metric": "image_size_startup"}
    summary = [*SUMMARY, floor, summary_row("osv-tcg", math.nan, n=0)]
    asked = {"http": [BASE, "docker-native", "floor-tcg", "osv-tcg"]}
    http, startup = conclude(pd.DataFrame(summary), pd.DataFrame(), BASE, asked)
    assert http.sentences == ("osv-tcg: no valid window",)
    assert startup.baseline.startswith("linux-native, the baseline, has no value of it")
    assert [one.partition(" (")[0] for one in startup.sentences] == [
        *("floor-tcg: 0.02 requests/s", "osv-tcg: no valid window")
    ]


def test_metrics_of_a_workload_stand_together():
    others = [summary_row(BASE, 1.0) | {"metric": name, "workload": name} for name in ("a", "b")]
    late = summary_row("floor-tcg", 1.0) | {"metric": "late"}
    found = conclude(pd.DataFrame([*SUMMARY, *others, late]), pd.DataFrame(), BASE)
    assert [one.workload for one in found] == ["http", "http", "a", "b"]


def test_a_run_that_is_too_small_to_find_anything_says_so():
    useless = row("docker-native", 1.2, 0.4) | {"detectable": 81_008_600.8}
    assert said_of(useless).sentences[0].endswith("this run is too small to find 10 times as much")


def test_guests_are_compared_with_a_baseline_that_is_one():
    summary = [of_memory(BASE, "minimum", 72.0), of_memory("osv-kvm", "minimum", 24.0)]
    lower = row("osv-kvm", 0.33, 0.01) | {"metric": "memory_http_minimum"}
    (said,) = conclude(pd.DataFrame(summary), pd.DataFrame([lower]), BASE)
    assert said.baseline.startswith("linux-native reaches 72")
    assert said.sentences[0].startswith("osv-kvm: lower, 0.33 times")
