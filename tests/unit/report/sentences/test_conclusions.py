# SPDX-License-Identifier: Apache-2.0
"""Conclusions from ratios, in sentences; the phrases are those of `wording/phrases.py`."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from featherbench.report.sentences.comparisons import RatioReading, comparisons
from featherbench.report.sentences.conclusions import amount, conclusions, network_paths

BASE = "linux-native"


def summary_row(platform, mean, *, level=1, suspect=0, n=9):
    return {
        "platform": platform,
        "metric": "http_throughput",
        "level": level,
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
        "level": level,
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


@pytest.fixture
def conclude(make):
    """Return what draws conclusions from rows of the summary and of the ratios."""

    def conclude(*ratios, summary=SUMMARY, requested=None):
        run = make.tables(summary=pd.DataFrame(summary), ratios=pd.DataFrame(ratios))
        return conclusions(run, requested or {})

    return conclude


@pytest.fixture
def conclusion(conclude):
    def one(*ratios, **more):
        (found,) = conclude(*ratios, **more)
        return found

    return one


@pytest.mark.parametrize(
    ("ratio", "p", "same", "reading"),
    [
        (0.8, 0.01, 0.9, RatioReading.LOWER),
        (1.2, 0.01, 0.9, RatioReading.HIGHER),
        (0.99, 0.01, 0.01, RatioReading.LOWER),
        (0.99, 0.3, 0.01, RatioReading.EQUIVALENT),
        (0.8, 0.06, 0.9, RatioReading.INCONCLUSIVE),
        (0.8, math.nan, math.nan, RatioReading.NOT_TESTED),
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


def test_a_difference_has_its_interval_its_test_and_its_table(conclusion):
    said = conclusion(row("docker-native", 0.8, 0.003))
    assert said["sentences"] == (
        "docker-native: lower, 0.80 times linux-native (95 % interval 0.76 to 0.84, p = 0.003)",
    )
    assert said["table"] == "ratios-http_throughput"


def test_a_significant_difference_within_the_margin_says_so(conclusion):
    (sentence,) = conclusion(row("docker-native", 0.98, 0.00001, same=0.001))["sentences"]
    assert sentence.endswith("p < 0.0001), but within 5 %")


def test_equivalence_is_a_result_with_its_margin(conclusion):
    (sentence,) = conclusion(row("docker-native", 1.0, 0.7, same=0.012))["sentences"]
    assert sentence.startswith("docker-native: equivalent to linux-native within 5 % (ratio 1.00")
    assert "p = 0.012" in sentence


def test_an_inconclusive_comparison_gives_the_minimum_detectable_ratio(conclusion):
    (sentence,) = conclusion(row("docker-native", 0.9, 0.2))["sentences"]
    assert sentence.startswith("docker-native: inconclusive against linux-native (ratio 0.90")
    assert sentence.endswith("minimum detectable ratio 1.25")


def test_what_was_not_tested_says_why_and_claims_nothing(conclusion):
    said = conclusion(row("docker-native", 0.8, math.nan, note="only one deployment"))
    assert said["sentences"] == (
        "docker-native: 0.80 times linux-native, not tested (only one deployment)",
    )


def test_many_levels_are_one_sentence_with_the_span(conclusion):
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
    said = conclusion(*found, summary=summary)
    (sentence,) = said["sentences"]
    assert sentence == (
        "docker-native: 0.60 to 0.80 times linux-native over 3 levels; "
        "lower at 2, inconclusive at 1; includes 3 suspect windows"
    )


def test_two_levels_are_named(conclusion):
    summary = [summary_row(p, 1000.0, level=level) for p in (BASE, "x-y") for level in (1, 100)]
    said = conclusion(*(row("x-y", 0.8, level=level) for level in (1, 100)), summary=summary)
    assert said["sentences"][0].startswith("x-y at 1 connection: lower, 0.80 times")
    assert said["sentences"][1].startswith("x-y at 100 connections: lower, 0.80 times")


def test_without_a_valid_baseline_there_are_no_ratios(conclude):
    summary = [summary_row(BASE, math.nan, n=0), summary_row("docker-native", 800.0)]
    (said,) = conclude(summary=summary)
    assert said["baseline"] == (
        "no ratios, because the baseline, linux-native, has no valid window"
    )
    assert [one.partition(" (")[0] for one in said["sentences"]] == [
        "docker-native: 800 requests/s"
    ]


def test_a_baseline_that_has_one_level_is_one(conclude):
    levels = [(1, 4), (100, 0)]
    summary = [summary_row(BASE, 1000.0, level=level, n=n) for level, n in levels]
    (said,) = conclude(summary=summary)
    assert said["baseline"].startswith(
        "the baseline, linux-native, has 1,000 requests/s at 1 connection ("
    )


def test_a_platform_without_a_valid_window_is_named(conclude):
    (said,) = conclude(requested={"http": [BASE, "lxd-native"]})
    assert said["sentences"] == ("lxd-native: no valid window",)
    assert said["table"] == ""


def of_memory(platform, kind, mean):
    return summary_row(platform, mean) | {"metric": f"memory_http_{kind}", "workload": "memory"}


def test_minimum_memory_has_no_ratio_to_memory_in_use(conclude):
    summary = [
        *(of_memory(BASE, "load", 7.0), of_memory("docker-native", "load", 9.0)),
        *(of_memory("linux-kvm", "minimum", 72.0), of_memory("osv-kvm", "minimum", 24.0)),
    ]
    names = [row["platform"] for row in summary]
    untested = row("linux-kvm", math.nan, math.nan) | {"metric": "memory_http_minimum"}
    in_use, minimum = conclude(untested, summary=summary, requested={"memory": [*names, "lxd-kvm"]})
    assert in_use["sentences"] == ("lxd-kvm: no valid window",)
    assert minimum["title"] == "minimum memory that suffices for http"
    assert minimum["table"] == ""
    assert minimum["baseline"].endswith("has memory of http under load instead")
    assert [said.partition(" (")[0] for said in minimum["sentences"]] == [
        *("linux-kvm: 72 requests/s", "osv-kvm: 24 requests/s", "lxd-kvm: no valid window")
    ]


def test_a_platform_without_an_image_of_a_service_is_not_listed_as_without_valid_window(conclude):
    """Listed are platforms without any value of the workload, or with invalid windows only."""
    floor = summary_row("floor-tcg", 0.02) | {"metric": "image_size_startup"}
    summary = [*SUMMARY, floor, summary_row("osv-tcg", math.nan, n=0)]
    requested = {"http": [BASE, "docker-native", "floor-tcg", "osv-tcg"]}
    http, startup = conclude(summary=summary, requested=requested)
    assert http["sentences"] == ("osv-tcg: no valid window",)
    assert startup["baseline"].endswith("the baseline, linux-native, has no value of this metric")
    assert [one.partition(" (")[0] for one in startup["sentences"]] == [
        *("floor-tcg: 0.02 requests/s", "osv-tcg: no valid window")
    ]


def test_metrics_of_a_workload_stand_together(conclude):
    others = [summary_row(BASE, 1.0) | {"metric": name, "workload": name} for name in ("a", "b")]
    late = summary_row("floor-tcg", 1.0) | {"metric": "late"}
    found = conclude(summary=[*SUMMARY, *others, late])
    assert [one["workload"] for one in found] == ["http", "http", "a", "b"]


def test_a_run_that_is_too_small_to_detect_anything_says_so(conclusion):
    useless = row("docker-native", 1.2, 0.4) | {"detectable": 81_008_600.8}
    assert conclusion(useless)["sentences"][0].endswith("too small to detect a ratio of 10")


def test_guests_are_compared_with_a_baseline_that_is_one(conclude):
    summary = [of_memory(BASE, "minimum", 72.0), of_memory("osv-kvm", "minimum", 24.0)]
    lower = row("osv-kvm", 0.33, 0.01) | {"metric": "memory_http_minimum"}
    (said,) = conclude(lower, summary=summary)
    assert said["baseline"].startswith("the baseline, linux-native, has 72")
    assert said["sentences"][0].startswith("osv-kvm: lower, 0.33 times")


def paths(**networks):
    platforms = [
        SimpleNamespace(name=f"{name}-native", network=network)
        for name, network in networks.items()
    ]
    return network_paths(platforms, BASE)


def test_platforms_on_another_network_path_than_the_baseline_are_listed():
    """As EuroSys 2021 did: it compared a bridge with localhost."""
    text = paths(linux="host", docker="nat", lxd="nat", osv="bridge")
    assert "linux-native at the machine’s own address" in text  # noqa: RUF001
    assert "docker-native, lxd-native through a published port" in text
    assert "osv-native over a bridge" in text


def test_a_plugins_own_network_path_has_its_own_name():
    assert "mine-native vsock" in paths(linux="host", mine="vsock")


@pytest.mark.parametrize("networks", [{"linux": "host", "docker": "host"}, {"lxd": "nat"}])
def test_one_path_or_no_baseline_needs_no_note(networks):
    assert paths(**networks) == ""
