# SPDX-License-Identifier: Apache-2.0
"""The replication of the paper in sentences."""

import math

import pandas as pd
import pytest

from featherbench.plauth2017.comparison.sentences import (
    metric_replications,
    not_comparable,
    overall_sentence,
)

LABELS = {"http_throughput": "HTTP throughput", "startup_time": "startup time"}


def pair(platform, here, there, *, against="base", level=1, **more):
    return {
        "metric": "http_throughput", "level": level, "platform": platform,
        "against": against, "ratio": here, "ci_low": here * 0.9, "ci_high": here * 1.1,
        "papers_ratio": there, "papers_ci_low": there * 0.9, "papers_ci_high": there * 1.1,
        "quotient": here / there, "quotient_low": here / there * 0.9,
        "quotient_high": here / there * 1.1, "rank": 1, "rank_against": 2, "papers_rank": 1,
        "papers_rank_against": 2, "n_suspect": 0, "papers_n_suspect": 0, "margin": 0.25,
        "papers_platform": "Docker", "size": "agrees", "order": "agrees", "reason": "",
    } | more  # fmt: skip


def gap(reason, **more):
    nothing = {"metric": math.nan, "level": math.nan, "platform": math.nan}
    verdict = "cannot be compared"
    return nothing | {"size": verdict, "order": verdict, "reason": reason} | more


def told(*found):
    return metric_replications(pd.DataFrame(found), LABELS.get)[0]


def test_a_ratio_has_both_intervals_and_the_quotients():
    (said,) = told(pair("x", 0.6, 0.5, n_suspect=1))["ratios"]
    assert said == (
        "x, the paper’s Docker: 0.60 times base here (95 % interval 0.54 to 0.66), "  # noqa: RUF001
        "0.50 in the paper (95 % interval 0.45 to 0.55): agrees, quotient 1.20 (95 % interval 1.08 "
        "to 1.32); includes 1 suspect window"
    )


def test_many_levels_are_counted_and_the_farthest_apart_is_given_in_full():
    levels = [
        pair("x", 0.6, 0.6, level=1),
        pair("x", 0.6, 0.5, level=100, papers_n_suspect=9),
        pair("x", 0.3, 0.9, level=200, size="differs"),
    ]
    (said,) = told(*levels)["ratios"]
    assert "0.30 to 0.60 times base here, 0.50 to 0.90 in the paper" in said
    assert "over 3 levels it agrees in 2, differs in 1" in said
    assert "largest disagreement at 200 connections: 0.30 times base here" in said
    assert said.endswith("; the published means are suspect at 100 connections")


def test_the_same_order_at_several_levels_is_said_once():
    (said,) = told(pair("x", 0.6, 0.5, level=1), pair("x", 0.6, 0.5, level=100))["orders"]
    assert said == (
        "Order at 1, 100 connections: the same here and in the paper, x < base; it agrees"
    )


def test_another_order_lists_the_pairs_in_the_opposite_order():
    found = [
        pair("x", 0.6, 0.5, rank_against=3, papers_rank_against=3),
        pair("y", 0.8, 0.4, rank=2, rank_against=3, papers_rank=1, papers_rank_against=3),
        pair("y", 1.3, 0.8, against="x", rank=2, rank_against=1, papers_rank_against=2)
        | {"order": "differs"},
    ]
    found[0]["papers_rank"] = 2
    (said,) = told(*found)["orders"]
    assert said == (
        "Order: here x < y < base, in the paper y < x < base; "
        "of 3 pairs it agrees in 2, differs in 1; in the opposite order: y and x"
    )


def test_equal_ranks_are_shown_as_such():
    (said,) = told(pair("x", 1.0, 1.0, rank=1.5, rank_against=1.5, order="inconclusive"))["orders"]
    assert said == "Order: here base = x, in the paper x < base; it is inconclusive"


def test_reasons_are_given_once_with_all_that_they_hold_for():
    table = pd.DataFrame(
        [
            pair("x", 0.6, 0.5),
            gap("not asked", platform="y"),
            gap("not asked", platform="z"),
            gap("levels", metric="http_throughput", level=32),
            gap("levels", metric="http_throughput", level=8),
            gap("no value", metric="startup_time", platform="x"),
        ]
    )
    assert not_comparable(table, LABELS.get) == {
        "not asked": ("y", "z"),
        "levels": ("HTTP throughput at 8, 32 connections",),
        "no value": ("startup time on x",),
    }
    assert overall_sentence(table) == (
        "of 1 pair of platforms that this run and the paper have at the same number of "
        "connections, the ratio agrees in 1 (within 25 %), and the order agrees in 1"
    )


@pytest.mark.parametrize("table", [pd.DataFrame(), pd.DataFrame([gap("why", platform="y")])])
def test_if_nothing_can_be_compared_there_is_no_sentence(table):
    assert overall_sentence(table) == ""
    assert metric_replications(table, LABELS.get) == []
