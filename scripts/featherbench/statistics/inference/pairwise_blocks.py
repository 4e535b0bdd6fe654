# SPDX-License-Identifier: Apache-2.0
"""Platforms compared with each other by the paired test that their ratios to the baseline rest on.

Games and Howell's test knows nothing of blocks: it may not tell two platforms apart of which the
ratios to the baseline, each told from 1, lie far apart.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from featherbench.statistics.conventions import BLOCK
from featherbench.statistics.data.blocks import CELL, deployment_means
from featherbench.statistics.inference.holm import holm
from featherbench.statistics.inference.ratios import each_alone
from featherbench.statistics.inference.tukey import COLUMNS, CONFIDENCE

BLOCK_KEYS = ["metric", "concurrency", "deployment"]


def paired(samples: pd.DataFrame, baseline: str, margin: float) -> pd.DataFrame:
    """Compare all pairs without the baseline, in the columns of `posthoc`; its ratios have a table.

    `ratio` is the geometric mean over blocks and `p_adj` tests its logarithm, after Holm over all
    these pairs and levels of a metric; `difference` and its interval, for itself, are over blocks.
    """
    means = deployment_means(samples[samples["platform"] != baseline])
    order = list(dict.fromkeys(means["platform"]))
    parts = [
        _against(base, means[means["platform"].isin(order[place:])], margin)
        for place, base in enumerate(order[:-1])
    ]
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    return table.assign(p_adj=holm(table["p"], table["metric"]))[COLUMNS]


def _against(base: str, means: pd.DataFrame, margin: float) -> pd.DataFrame:
    ratios = each_alone(means, base, margin).drop(columns=["ci_low", "ci_high"])
    compared = ratios.merge(_differences(base, means), how="left", on=CELL)
    few = compared["n_deployments"] < 2  # noqa: PLR2004 - one has no variation
    return compared.rename(columns={"platform": "platform_a"}).assign(
        platform_b=base,
        error=BLOCK,
        note=np.where(few, "fewer than two deployments that both have", ""),
    )


def _differences(base: str, means: pd.DataFrame) -> pd.DataFrame:
    """Give the mean difference over blocks, and its interval by the paired t test."""
    own, others = means[means["platform"] == base], means[means["platform"] != base]
    blocks = others.merge(own[[*BLOCK_KEYS, "mean"]], on=BLOCK_KEYS, suffixes=("", "_base"))
    apart = blocks.assign(apart=blocks["mean"] - blocks["mean_base"])
    found = apart.groupby(CELL, sort=False)["apart"].agg(["mean", "std", "size"]).reset_index()
    freedom = (found["size"] - 1).where(found["size"] > 1).astype(float)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * found["std"] / np.sqrt(found["size"])
    bounds = {"ci_low": found["mean"] - half, "ci_high": found["mean"] + half}
    return found[CELL].assign(difference=found["mean"], **bounds)
