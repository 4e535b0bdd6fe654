# SPDX-License-Identifier: Apache-2.0
"""What a test takes for a replicate, and the groups that it compares.

The paper takes every window for a replicate. Windows against one deployment share that
deployment's luck, so that this finds differences where there are none; with the deployments'
means as replicates it does not. Both are computed, and named in the column `replicate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.statistics.conventions import DEPLOYMENT, WINDOW
from featherbench.statistics.data.samples import valid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

GROUP = ["platform", "concurrency"]
ROUNDING = 1e-10
"""Relative standard deviations below this are rounding, not variation."""


def _windows(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def _deployment_means(frame: pd.DataFrame) -> pd.DataFrame:
    grouped = frame.groupby([*GROUP, "deployment"], sort=False)["value"]
    return grouped.mean().reset_index()


REPLICATES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    WINDOW: _windows,
    DEPLOYMENT: _deployment_means,
}


def comparisons(samples: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Give metric, kind of replicate and groups for every main metric and every such kind."""
    main = samples[samples["primary"]]
    for metric in main["metric"].unique():
        frame = valid(main[main["metric"] == metric])
        for name, replicates in REPLICATES.items():
            yield str(metric), name, groups(replicates(frame))


def summarized(summary: pd.DataFrame, replicate: str) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Give the same for a summary whose `n`, `mean` and `sd` are over such replicates.

    Single values may be unknown, as they are of published figures.
    """
    main = summary[summary["primary"].astype(bool) & (summary["n"] > 0)]
    for metric, rows in main.groupby("metric", sort=False):
        table = rows[[*GROUP, "n", "mean", "sd"]].fillna({"sd": 0.0})
        yield str(metric), replicate, table.reset_index(drop=True)


def groups(frame: pd.DataFrame) -> pd.DataFrame:
    """Reduce values to platform, concurrency, n, mean, sd: all that the tests need to know.

    `sd` is 0 for a group of one, which adds nothing to the variation within groups.
    """
    values = frame.groupby(GROUP, sort=False)["value"]
    table = values.agg(n="size", mean="mean", sd="std").reset_index()
    return table.fillna({"sd": 0.0})


def squares_within(table: pd.DataFrame) -> tuple[float, int]:
    """Give the sum of squares within the groups, and its degrees of freedom.

    What is mere rounding counts as 0.
    """
    squares = float(((table["n"] - 1) * table["sd"] ** 2).sum())
    rounding = ROUNDING**2 * float((table["n"] * table["mean"] ** 2).sum())
    return (squares if squares > rounding else 0.0), int((table["n"] - 1).sum())


def obstacle(table: pd.DataFrame) -> str:
    """Say why the groups cannot be tested against each other; nothing if they can."""
    if table["platform"].nunique() < 2:  # noqa: PLR2004 - it takes two to differ
        return "fewer than two platforms with valid windows"
    squares, freedom = squares_within(table)
    if freedom == 0:
        return "no replication: one value in every group"
    return "" if squares > 0 else "no variation within groups: all values of each are equal"
