# SPDX-License-Identifier: Apache-2.0
"""Platforms compared with each other within blocks, by the test of the ratios to the baseline.

Games and Howell's test ignores blocks: it may find no difference between two platforms whose
ratios to the baseline, each significantly different from 1, are far apart.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from featherbench.statistics.conventions import BLOCK, CONFIDENCE
from featherbench.statistics.data.blocks import CELL, block_pairs, deployment_means
from featherbench.statistics.inference.holm import holm
from featherbench.statistics.inference.ratios import unadjusted_ratios
from featherbench.statistics.inference.tukey import COLUMNS


def paired(samples: pd.DataFrame, baseline: str, margin: float) -> pd.DataFrame:
    """Compare all pairs without the baseline, in the columns of `tukey.posthoc`.

    `ratio` is the geometric mean over blocks. `p_adj` tests its logarithm, after Holm over all
    these pairs and levels of a metric. `difference` and its unadjusted interval are over blocks.
    """
    means = deployment_means(samples[samples["platform"] != baseline])
    platforms = list(dict.fromkeys(means["platform"]))
    tables = [
        _against(base, means[means["platform"].isin(platforms[place:])], margin)
        for place, base in enumerate(platforms[:-1])
    ]
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(tables, ignore_index=True)
    return table.assign(p_adj=holm(table["p"], table["metric"]))[COLUMNS]


def _against(base: str, means: pd.DataFrame, margin: float) -> pd.DataFrame:
    ratios = unadjusted_ratios(means, base, margin).drop(columns=["ci_low", "ci_high"])
    compared = ratios.merge(_differences(base, means), how="left", on=CELL)
    few = compared["n_deployments"] < 2  # noqa: PLR2004 - one has no variation
    return compared.rename(columns={"platform": "platform_a"}).assign(
        platform_b=base,
        error=BLOCK,
        note=np.where(few, "fewer than two deployments that both have", ""),
    )


def _differences(base: str, means: pd.DataFrame) -> pd.DataFrame:
    """Return the mean difference over blocks, and its interval by the paired t test."""
    pairs = block_pairs(means, base)
    differences = pairs.assign(difference=pairs["mean"] - pairs["mean_base"])
    grouped = differences.groupby(CELL, sort=False)["difference"]
    table = grouped.agg(["mean", "std", "size"]).reset_index()
    freedom = (table["size"] - 1).where(table["size"] > 1).astype(float)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * table["std"] / np.sqrt(table["size"])
    bounds = {"ci_low": table["mean"] - half, "ci_high": table["mean"] + half}
    return table[CELL].assign(difference=table["mean"], **bounds)
