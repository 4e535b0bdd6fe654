# SPDX-License-Identifier: Apache-2.0
"""Deployments as replicates, and ratios within blocks of them.

Deployment number d of every platform is measured in one block, in random order: see
`planning/order.py`. Within a block, a platform and the baseline are measured in the same hour on
the same machine, so their ratio there is an independent replicate. Logarithms make ratios
symmetric: 2 is as far from 1 as 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from featherbench.statistics.data.samples import valid

if TYPE_CHECKING:
    import pandas as pd

CELL = ["metric", "concurrency", "platform"]
"""The columns that all values of one estimate have in common."""
BLOCK = ["metric", "concurrency", "deployment"]


def main_values(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the valid rows of the main metrics: the values that the tests use."""
    return valid(samples[samples["primary"]])


def deployment_means(samples: pd.DataFrame) -> pd.DataFrame:
    """Reduce the main metrics to CELL, deployment, mean, and `windows`, the number averaged.

    A deployment without a valid window has no row. Rows are in the samples' order.
    """
    values = main_values(samples).groupby([*CELL, "deployment"], sort=False)["value"]
    return values.agg(mean="mean", windows="size").reset_index()


def block_pairs(means: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Join each platform's deployment means with the baseline's of the same block, `mean_base`."""
    is_base = means["platform"] == baseline
    return means[~is_base].merge(
        means.loc[is_base, [*BLOCK, "mean"]], on=BLOCK, suffixes=("", "_base")
    )


def block_ratios(means: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Return the logarithm of each deployment's mean over the baseline's of the same number.

    Columns are CELL, deployment and log_ratio. A block in which either side is missing, or not
    above zero, has no row.
    """
    pairs = block_pairs(means[means["mean"] > 0], baseline)
    ratios = pairs.assign(log_ratio=np.log(pairs["mean"] / pairs["mean_base"]))
    return ratios[[*CELL, "deployment", "log_ratio"]]
