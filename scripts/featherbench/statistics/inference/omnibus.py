# SPDX-License-Identifier: Apache-2.0
"""Whether any platforms differ at a level: Welch's analysis of variance, and a test of ranks.

Unlike the two-way analysis, they do not assume equal variances: at one level of the paper's HTTP
data, standard deviations range from 60 to 9,655. Deployments are the replicates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy
from statsmodels.stats.oneway import anova_generic

from featherbench.statistics.conventions import DEPLOYMENT, LEVEL, ROUNDING, TEST_COLUMNS
from featherbench.statistics.data.blocks import deployment_means
from featherbench.statistics.data.replicates import groups, obstacle
from featherbench.statistics.inference.holm import holm

if TYPE_CHECKING:
    from collections.abc import Iterator

WELCH = "Welch's ANOVA"
KRUSKAL = "Kruskal-Wallis"
COLUMNS = [
    "metric",
    "concurrency",
    *TEST_COLUMNS,
    "df",
    "df_resid",
    "statistic",
    "p",
    "p_adj",
    "effect_size",
    "note",
]


def levels(samples: pd.DataFrame) -> pd.DataFrame:
    """Test every level of every main metric both ways, into a frame of COLUMNS.

    `statistic` is Welch's F, or Kruskal and Wallis's H. `effect_size` is the share of the variation
    that the platforms explain: omega squared, or eta squared of the ranks. `p_adj` is after Holm
    over the levels of a metric. Columns that cannot be computed are NaN, and `note` says why.
    """
    rows = [
        {"metric": metric, "concurrency": level} | row
        for (metric, level), frame in deployment_means(samples).groupby(
            ["metric", "concurrency"], sort=False
        )
        for row in _tested(frame.rename(columns={"mean": "value"}))
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["p_adj"] = holm(table["p"].astype(float), table["metric"] + table["test"])
    return table.assign(replicate=DEPLOYMENT, error="", scope=LEVEL)


def _tested(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    family = groups(frame)
    note = obstacle(family)
    of_welch = note or _constant_groups(family)
    yield {"test": WELCH, "note": of_welch} | ({} if of_welch else welch(family))
    yield {"test": KRUSKAL, "note": note} | ({} if note else _kruskal(frame))


def _constant_groups(family: pd.DataFrame) -> str:
    constant = family[
        (family["n"] < 2) | (family["sd"] <= ROUNDING * family["mean"].abs())  # noqa: PLR2004 - two vary
    ]
    return f"no variation of {', '.join(constant['platform'])}" if len(constant) else ""


def welch(family: pd.DataFrame) -> dict[str, Any]:
    """Test groups of n, mean and sd, whose variances may differ: Welch (1951), Biometrika 38."""
    n, means, sd = (family[column].to_numpy(float) for column in ("n", "mean", "sd"))
    result = anova_generic(means, sd**2, n, use_var="unequal")
    surplus = result.df_num * (result.statistic - 1)
    return {
        "df": result.df_num,
        "df_resid": result.df_denom,
        "statistic": result.statistic,
        "p": result.pvalue,
        "effect_size": max(0.0, surplus / (surplus + n.sum())) if surplus > 0 else 0.0,
    }


def _kruskal(frame: pd.DataFrame) -> dict[str, Any]:
    platforms = [values.to_numpy() for _, values in frame.groupby("platform")["value"]]
    result, k = scipy.stats.kruskal(*platforms), len(platforms)
    share = (result.statistic - k + 1) / (len(frame) - k) if len(frame) > k else np.nan
    return {
        "df": k - 1,
        "statistic": result.statistic,
        "p": result.pvalue,
        "effect_size": max(0.0, share),
    }
