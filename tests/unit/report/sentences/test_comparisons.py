# SPDX-License-Identifier: Apache-2.0
import math

import pandas as pd
import pytest

from featherbench.records.load_point import Axis
from featherbench.report.sentences.comparisons import (
    Comparison,
    comparisons,
    fastest_sentence,
    pair_sentences,
    pairs,
    platform_sentences,
    ratio_sentence,
)


def compared(platform, ratio, p=0.001, *, level=1, same=0.9, **more):
    return Comparison(
        **{
            "metric": "m",
            "platform": platform,
            "level": level,
            "ratio": ratio,
            "ci_low": ratio - 0.02,
            "ci_high": ratio + 0.02,
            "p_adj": p,
            "p_equivalence_adj": same,
            "margin": 0.05,
            "detectable": 1.2,
            "test": "paired t",
        }
        | more
    )


def test_a_reading_that_all_comparisons_share_stands_first_with_the_largest_p():
    comparisons = [compared("a-b", 0.7, 0.001), compared("c-d", 0.6, 0.03, suspect=2)]
    assert ratio_sentence(comparisons, "base", {}) == (
        "lower than base: a-b 0.70 times (95 % interval 0.68 to 0.72); "
        "c-d 0.60 times (95 % interval 0.58 to 0.62); paired t, p = 0.03 at most; "
        "includes 2 suspect windows"
    )


def test_readings_are_counted_if_they_differ():
    comparisons = [
        compared("a-b", 0.7),
        compared("c-d", 1.0, 0.4),
        compared("e-f", 1.0, 0.8, same=0.02),
    ]
    sentence = ratio_sentence(comparisons, "base", {})
    assert sentence.startswith(
        "of 3 comparisons with base, lower in 1, equivalent in 1, inconclusive in 1: a-b"
    )
    assert sentence.endswith("; paired t, p = 0.02 at most")


def test_of_many_levels_the_extremes_are_given_with_their_intervals():
    comparisons = [compared("a-b", 0.5 + level / 1000, level=level) for level in (1, 100, 200)]
    assert (
        "a-b 0.50 times (95 % interval 0.48 to 0.52) at 1 connection to 0.70 times"
        in ratio_sentence(comparisons, "base", {})
    )


def test_a_comparison_that_is_not_tested_says_why_and_has_no_result():
    nothing = {"ci_low": math.nan, "ci_high": math.nan, "test": "", "note": "only one deployment"}
    sentence = ratio_sentence(
        [compared("a-b", 0.7, math.nan, same=math.nan, **nothing)], "base", {("a-b", 1): "5 s"}
    )
    assert sentence == "against base: a-b 5 s, 0.70 times; not tested; only one deployment"
    assert ratio_sentence([], "base", {}) == ""


def row(a, b, ratio, p, *, level=1, test="paired t", error="block"):
    return {
        "metric": "m", "level": level, "platform_a": a, "platform_b": b, "ratio": ratio,
        "difference": -3.0, "ci_low": -4.0, "ci_high": -2.0, "p_adj": p, "test": test,
        "error": error, "note": "too few values",
    }  # fmt: skip


def test_pairs_are_found_in_both_orders_and_by_that_test_alone():
    table = pd.DataFrame(
        [row("a", "b", 0.5, 0.01), row("a", "b", 9.0, 0.9, test="Tukey-Kramer", error="level")]
    )
    found = pairs(table, "m", "s")
    assert pair_sentences(found, ["a"], ["b"]) == (
        "a 0.50 times b (difference -3 s, 95 % interval -4 to -2, p = 0.01); paired t"
    )
    assert "b 2.00 times a (difference 3 s, 95 % interval 2 to 4, p = 0.01)" in pair_sentences(
        found, ["b"], ["a"]
    )
    assert pair_sentences(found, ["a"], ["z"]) == ""


def test_a_pair_with_the_baseline_is_compared_by_games_and_howells_test():
    table = pd.DataFrame([row("a", "b", 0.5, 0.01, test="Games-Howell", error="pair")])
    assert pair_sentences(pairs(table, "m", "s"), ["a"], ["b"]).endswith("p = 0.01); Games-Howell")


def test_pairs_over_many_levels_are_counted():
    table = pd.DataFrame([row("a", "b", 0.1 * n, 0.01 * n, level=n) for n in (1, 4, 6)])
    said = pair_sentences(pairs(table, "m", "s"), ["a"], ["b"])
    assert said.startswith("a 0.10 to 0.60 times b over 3 levels, lower at 2, inconclusive at 1")
    assert "(smallest ratio at 1 connection: difference -3 s" in said


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.01, "; a is significantly faster than b (difference -3 s"),
        (0.3, "; a against b is inconclusive (difference -3 s"),
        (math.nan, "; a against b is not tested, too few values"),
    ],
)
def test_the_fastest_is_compared_with_the_second(p, said):
    found = pairs(pd.DataFrame([row("a", "b", 0.5, p)]), "m", "s")
    assert fastest_sentence(found, ["a", "b", "c"]).startswith(said)
    assert fastest_sentence(found, ["a"]) == fastest_sentence({}, ["a", "b"]) == ""


def test_a_rate_is_said_as_one():
    at_rates = [compared("a-b", 2.0, level=level, axis=Axis.RATE) for level in (1000, 5000)]
    first, second = platform_sentences(at_rates, "base")
    assert first.startswith("a-b at 1,000 requests/s: higher, 2.00 times base")
    assert second.startswith("a-b at 5,000 requests/s: ")
    assert "2.00 times (95 % interval 1.98 to 2.02) at 5,000 requests/s" in ratio_sentence(
        at_rates, "base", {}
    )


def test_a_comparisons_axis_is_that_of_its_load_point():
    row = {"metric": "m", "platform": "a-b", "level": 50, "ratio": 2.0}
    points = ("r50pc", "r50", "c50", None)
    table = pd.DataFrame([row | {"load_point": point} for point in points])
    axes = [one.axis for one in comparisons([], table, "base")]
    assert axes == [Axis.PERCENT, Axis.RATE, Axis.CONNECTIONS, Axis.CONNECTIONS]
