# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from featherbench.report.sentences.comparisons import Comparison, ratio_sentence


def compared(platform, ratio, p=0.001, *, level=1, same=0.9, **more):
    return Comparison(
        **{
            "metric": "m",
            "platform": platform,
            "concurrency": level,
            "ratio": ratio,
            "low": ratio - 0.02,
            "high": ratio + 0.02,
            "p": p,
            "p_equivalence": same,
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
    nothing = {"low": math.nan, "high": math.nan, "test": "", "note": "only one deployment"}
    sentence = ratio_sentence(
        [compared("a-b", 0.7, math.nan, same=math.nan, **nothing)], "base", {("a-b", 1): "5 s"}
    )
    assert sentence == "against base: a-b 5 s, 0.70 times; not tested; only one deployment"
    assert ratio_sentence([], "base", {}) == ""
