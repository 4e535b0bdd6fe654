# SPDX-License-Identifier: Apache-2.0
"""The replicates of a test, and the groups that it compares.

The paper takes every window for a replicate. All windows of one deployment share the luck of that
deployment, so this finds differences that do not exist; with the deployments' means as
replicates it does not. Both are computed; the column `replicate` tells which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.statistics.conventions import DEPLOYMENT, ROUNDING, WINDOW
from featherbench.statistics.data.samples import valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    Compared = Iterator[tuple[str, str, pd.DataFrame]]
    """Metric, kind of replicate, and groups of platform and concurrency (see `groups`)."""

GROUP = ["platform", "concurrency"]


def comparisons(samples: pd.DataFrame) -> Compared:
    """Yield the groups of every main metric, with windows and with deployments as replicates."""
    main = samples[samples["primary"]]
    for metric in main["metric"].unique():
        windows = valid(main[main["metric"] == metric])
        yield str(metric), WINDOW, groups(windows)
        means = windows.groupby([*GROUP, DEPLOYMENT], sort=False)["value"].mean()
        yield str(metric), DEPLOYMENT, groups(means.reset_index())


def summarized(summary: pd.DataFrame, replicate: str) -> Compared:
    """Yield the groups of a summary whose `n`, `mean` and `sd` are over such replicates.

    Single values may be unknown, as in published figures.
    """
    main = summary[summary["primary"].astype(bool) & (summary["n"] > 0)]
    for metric, rows in main.groupby("metric", sort=False):
        table = rows[[*GROUP, "n", "mean", "sd"]].fillna({"sd": 0.0})
        yield str(metric), replicate, table.reset_index(drop=True)


def groups(frame: pd.DataFrame) -> pd.DataFrame:
    """Reduce values to platform, concurrency, n, mean and sd, which are all that the tests need.

    `sd` is 0 for a group of one, which adds nothing to the variation within groups.
    """
    values = frame.groupby(GROUP, sort=False)["value"]
    table = values.agg(n="size", mean="mean", sd="std").reset_index()
    return table.fillna({"sd": 0.0})


def squares_within(table: pd.DataFrame) -> tuple[float, int]:
    """Return the sum of squares within the groups, and its degrees of freedom.

    A sum that is only rounding error counts as 0.
    """
    squares = float(((table["n"] - 1) * table["sd"] ** 2).sum())
    rounding = ROUNDING**2 * float((table["n"] * table["mean"] ** 2).sum())
    return (squares if squares > rounding else 0.0), int((table["n"] - 1).sum())


def obstacle(table: pd.DataFrame) -> str:
    """Return why the groups cannot be tested against each other; empty if they can."""
    if table["platform"].nunique() < 2:  # noqa: PLR2004 - a comparison needs two
        return "fewer than two platforms with valid windows"
    squares, freedom = squares_within(table)
    if freedom == 0:
        return "no replication: one value in every group"
    return "" if squares > 0 else "no variation within groups: all values of each are equal"
