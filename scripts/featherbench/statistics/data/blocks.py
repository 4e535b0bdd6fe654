# SPDX-License-Identifier: Apache-2.0
"""Deployments as replicates, and the ratios within blocks of them.

Deployment number d of every platform is measured in one block, in random order: see `order.py`.
Within a block a platform and the baseline meet the same hour of the same host, so that their
ratio there is a replicate of its own. Logarithms make ratios symmetric: 2 is as far from 1 as 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from featherbench.statistics.data.samples import valid

if TYPE_CHECKING:
    import pandas as pd

CELL = ["metric", "concurrency", "platform"]
"""What is the same for all values that estimate one figure."""


def main_values(samples: pd.DataFrame) -> pd.DataFrame:
    """Give the valid rows of the main metrics: what the tests are about."""
    return valid(samples[samples["primary"]])


def deployment_means(samples: pd.DataFrame) -> pd.DataFrame:
    """Reduce the main metrics to CELL, deployment, mean, and windows: how many are behind it.

    A deployment without a valid window has no row. Rows are in the samples' order.
    """
    values = main_values(samples).groupby([*CELL, "deployment"], sort=False)["value"]
    return values.agg(mean="mean", windows="size").reset_index()


def block_ratios(means: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Give the logarithm of each deployment's mean over the baseline's of the same number.

    Columns are CELL, deployment and log_ratio. A block in which either side is missing, or not
    above zero, has no row.
    """
    block = ["metric", "concurrency", "deployment"]
    positive = means[means["mean"] > 0]
    base = positive[positive["platform"] == baseline]
    others = positive[positive["platform"] != baseline]
    paired = others.merge(base[[*block, "mean"]], on=block, suffixes=("", "_base"))
    ratios = paired.assign(log_ratio=np.log(paired["mean"] / paired["mean_base"]))
    return ratios[[*CELL, "deployment", "log_ratio"]]
