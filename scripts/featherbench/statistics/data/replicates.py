# SPDX-License-Identifier: Apache-2.0
"""What the tests take for replicates: windows, deployments, and ratios within blocks.

The paper takes every window for a replicate. All windows of one deployment share the luck of that
deployment, so this finds differences that do not exist; with the deployments' means as replicates
it does not. Both are computed; the column `replicate` tells which.

Deployment number d of every platform is measured in one block, in random order: see
`planning/plan.py`. Within a block, a platform and the baseline are measured in the same hour on
the same machine, so their ratio there is an independent replicate. Logarithms make ratios
symmetric: 2 is as far from 1 as 0.5.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from featherbench.statistics.conventions import DEPLOYMENT, ROUNDING, WINDOW
from featherbench.statistics.data.samples import by_deployment, valid

Compared = Iterable[tuple[str, str, pd.DataFrame]]
"""Metric, kind of replicate, and groups of platform and level (see `groups`)."""

CELL = ["metric", "level", "platform"]
"""The columns that all values of one estimate have in common."""
BLOCK = ["metric", "level", DEPLOYMENT]
GROUP = ["platform", "level"]


def main_values(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the valid rows of the main metrics: the values that the tests use."""
    return valid(samples[samples["primary"]])


def deployment_means(samples: pd.DataFrame) -> pd.DataFrame:
    """Reduce the main metrics to CELL, deployment, mean, and `windows`, the number of them.

    The mean of latencies is their merged figure, if there is one. A deployment without a valid
    window has no row. Rows are in the samples' order.
    """
    values = by_deployment(main_values(samples)).groupby([*CELL, DEPLOYMENT], sort=False)["value"]
    return values.agg(mean="mean", windows="size").reset_index()


def block_pairs(means: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Join each platform's deployment means with the baseline's of the same block, `mean_base`."""
    is_base = means["platform"] == baseline
    bases = means.loc[is_base, [*BLOCK, "mean"]]
    return means[~is_base].merge(bases, on=BLOCK, suffixes=("", "_base"))


def block_ratios(means: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Return the logarithm of each deployment's mean over the baseline's of the same number.

    Columns are CELL, deployment and log_ratio. A block in which either side is missing, or not
    above zero, has no row.
    """
    pairs = block_pairs(means[means["mean"] > 0], baseline)
    ratios = pairs.assign(log_ratio=np.log(pairs["mean"] / pairs["mean_base"]))
    return ratios[[*CELL, DEPLOYMENT, "log_ratio"]]


def comparisons(samples: pd.DataFrame) -> Compared:
    """Yield the groups of every main metric, with windows and with deployments as replicates."""
    main = samples[samples["primary"]]
    for metric in main["metric"].unique():
        windows = valid(main[main["metric"] == metric])
        yield str(metric), WINDOW, groups(windows)
        means = by_deployment(windows).groupby([*GROUP, DEPLOYMENT], sort=False)["value"].mean()
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
    """Reduce values to platform, level, n, mean and sd, which are all that the tests need.

    `sd` is 0 for a group of one, which adds nothing to the variation within groups.
    """
    values = frame.groupby(GROUP, sort=False)["value"]
    return values.agg(n="size", mean="mean", sd="std").reset_index().fillna({"sd": 0.0})


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
