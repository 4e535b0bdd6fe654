# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd

from featherbench.records.cell import Verdict
from featherbench.report.suspect_windows import quality_issues, window_qualities


def window(**changes):
    identity = {"platform": "linux-native", "workload": "http", "place": "c1, window 1"}
    return {**identity, "verdict": Verdict.SUSPECT, "reasons": ()} | changes


def test_reasons_that_differ_in_numbers_are_one_and_invalid_ones_come_first():
    found = quality_issues(
        [
            window(reasons=("steal 1.2 %", "the client is saturated")),
            window(reasons=("steal 3.4 %",)),
            window(verdict=Verdict.INVALID, reasons=("12 requests failed",)),
            window(verdict=Verdict.OK),
        ]
    )
    assert [(d.verdict, d.reason, len(d.windows)) for d in found] == [
        ("invalid", "12 requests failed", 1),
        ("suspect", "steal … %", 2),
        ("suspect", "the client is saturated", 1),
    ]


def test_a_window_without_a_reason_is_not_lost():
    (found,) = quality_issues([window(reasons=())])
    assert found.reason == "no reason was recorded"


def test_without_samples_the_cells_windows_are_judged(make):
    plan = make.plan(deployments=1)
    place = next(plan.cells())
    windows = make.windows(*place[:2], 1, 2, np.random.default_rng(1))
    judged = window_qualities(pd.DataFrame(), [make.cell(place, windows, 0)])
    assert [one["place"] for one in judged] == [f"{place}, window {n}" for n in (1, 2)]
    assert window_qualities(pd.DataFrame(), [make.cell(place, [], 0)]) == []
