# SPDX-License-Identifier: Apache-2.0
"""Whether two studies agree on a ratio, and on an order."""

import math

import pandas as pd
import pytest

from featherbench.statistics.replication import COLUMNS, replication_verdicts

MARGIN = 0.25


def side(ratio, low, high, p):
    return pd.DataFrame([("m", 1, "a", "b", ratio, low, high, p)], columns=COLUMNS)


NO = (math.nan, math.nan, math.nan)


@pytest.mark.parametrize(
    ("ours", "theirs", "size", "order", "reason"),
    [
        ((0.5, 0.48, 0.52, 0.01), (0.52, 0.51, 0.53, 0.01), "agrees", "agrees", ""),
        ((0.5, 0.48, 0.52, 0.01), (0.8, 0.79, 0.81, 0.01), "differs", "agrees", ""),
        ((0.8, 0.78, 0.82, 0.01), (1.3, 1.28, 1.32, 0.01), "differs", "differs", ""),
        (
            (0.9, 0.5, 1.6, 0.4), (0.8, 0.79, 0.81, 0.01), "inconclusive", "inconclusive",
            "inconclusive in this run",
        ),
        (
            (0.8, 0.78, 0.82, 0.01), (0.99, 0.9, 1.1, 0.4), "inconclusive", "inconclusive",
            "inconclusive in the paper's data",
        ),
        ((0.5, *NO), (0.52, *NO), "agrees", "agrees", ""),
        ((0.5, *NO), (0.9, *NO), "differs", "agrees", ""),
        ((1.0, *NO), (0.9, *NO), "agrees", "inconclusive", "inconclusive in this run"),
        ((0.5, 0.48, 0.52, 0.01), (0.52, *NO), "agrees", "agrees", ""),
        (
            (0.5, *NO), (0.52, 0.51, 0.53, 0.01), "inconclusive", "inconclusive",
            "inconclusive in this run",
        ),
    ],
)  # fmt: skip
def test_intervals_decide_and_single_values_only_where_both_are(ours, theirs, size, order, reason):
    (row,) = replication_verdicts(side(*ours), side(*theirs), MARGIN).to_dict("records")
    assert (row["size"], row["order"], row["reason"]) == (size, order, reason)


def test_the_quotients_interval_is_that_of_the_logarithms_difference():
    (row,) = replication_verdicts(
        side(0.5, 0.4, 0.6, 0.01), side(0.8, 0.7, 0.9, 0.01), MARGIN
    ).to_dict("records")
    below = math.hypot(math.log(0.5 / 0.4), math.log(0.9 / 0.8))
    assert row["quotient"] == pytest.approx(0.625)
    assert row["quotient_low"] == pytest.approx(0.625 * math.exp(-below))
