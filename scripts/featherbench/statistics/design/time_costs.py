# SPDX-License-Identifier: Apache-2.0
"""What a deployment and a window cost in time, as the run itself shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.statistics.data.blocks import main_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

PAUSE_S = 600
"""A gap longer than any deployment takes lies between two runs."""


def costs_s(run: pd.DataFrame, platforms: Iterable[str]) -> pd.DataFrame:
    """Give the medians deployment_s and window_s of each main metric, by metric, in seconds.

    They are of `platforms` alone, in the course of the whole run. A deployment costs the time from
    the end of the window before its first one, whatever that window was, to the first one's start.
    It is NaN where no window lies before any.
    """
    windows = main_values(run).sort_values("started_monotonic_s", kind="stable")
    ends_s = windows["started_monotonic_s"] + windows["duration_s"]
    windows = windows.assign(gap_s=windows["started_monotonic_s"] - ends_s.shift())
    windows = windows[windows["platform"].isin(list(platforms))]
    firsts = windows.drop_duplicates(["platform", "workload", "deployment"])
    plausible = firsts[firsts["gap_s"].between(0, PAUSE_S)]
    deployment_s = plausible.groupby("workload")["gap_s"].median()
    costs = windows.groupby("metric").agg(
        workload=("workload", "first"), window_s=("duration_s", "median")
    )
    return costs.assign(deployment_s=costs["workload"].map(deployment_s))
