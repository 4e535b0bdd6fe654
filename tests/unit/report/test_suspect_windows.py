# SPDX-License-Identifier: Apache-2.0
import pandas as pd

from featherbench.records.cell import Verdict
from featherbench.records.plan import CellName
from featherbench.report.suspect_windows import WindowQuality, quality_issues, window_qualities


def window(**changes):
    return WindowQuality(
        **{
            "cell": CellName("linux-native", "http", 1, 1),
            "window": 1,
            "metric": "http_throughput",
            "value": 1.0,
            "unit": "requests/s",
            "verdict": Verdict.SUSPECT,
            "reasons": (),
        }
        | changes
    )


def test_reasons_that_differ_in_numbers_are_one_and_invalid_ones_come_first():
    found = quality_issues(
        [
            window(reasons=("steal 1.2 %", "the client is saturated")),
            window(reasons=("steal 3.4 %",)),
            window(verdict=Verdict.INVALID, reasons=("12 requests failed",)),
            window(verdict=Verdict.OK),
        ]
    )
    assert [(d.verdict.value, d.reason, len(d.windows)) for d in found] == [
        ("invalid", "12 requests failed", 1),
        ("suspect", "steal … %", 2),
        ("suspect", "the client is saturated", 1),
    ]


def test_a_window_without_a_reason_is_not_lost():
    (found,) = quality_issues([window(reasons=())])
    assert found.reason == "no reason was recorded"


def test_without_samples_the_cells_windows_are_judged(make):
    plan = make.plan(deployments=1)
    cell = make.cell(next(plan.cells()), [], 0)
    assert window_qualities(pd.DataFrame(), [cell]) == ()
