# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pandas as pd
import pytest

from featherbench.report.sentences.pairs import fastest_sentence, pair_sentences, pairs


def row(a, b, ratio, p, *, level=1, test="paired t", error="block"):
    return {
        "metric": "m", "concurrency": level, "platform_a": a, "platform_b": b, "ratio": ratio,
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
