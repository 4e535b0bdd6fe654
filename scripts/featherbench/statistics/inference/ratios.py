# SPDX-License-Identifier: Apache-2.0
"""Each platform against the baseline: the ratio, its interval, and its tests.

The replicates are the blocks: one log ratio for each deployment number. The paired t test on them
keeps its error rates at any number of deployments and with unequal variances. Welch's does not at
three deployments, and the bootstrap not below thirty (docs/statistics.md). If the log ratios are
far from normal, their signed ranks are tested instead, which assume only symmetry.
"""

import math
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
import scipy
from scipy import special

from featherbench.statistics.conventions import (
    CONFIDENCE,
    DEPLOYMENT,
    LEVEL,
    ROUNDING,
    SIGNIFICANT_P,
    TEST_COLUMNS,
    holm,
    notes,
)
from featherbench.statistics.data.replicates import CELL, block_ratios, deployment_means
from featherbench.statistics.inference import bootstrap

POWER = 0.8
PAIRED_T, SIGNED_RANKS = "paired t", "signed ranks"
"""The tests, of the log ratios of the deployments."""
LEAST_PAIRS = 8
"""Fewer pairs cannot be significant after correction for a few levels: p is at least 2/2^n."""
NOT_NORMAL_P = 0.01
"""Below this p of Shapiro and Wilk's test, the values are not taken for normal."""
COLUMNS = [
    *("metric", "level", "platform", "baseline", "ratio", "ci_low", "ci_high", "p", "p_adj"),
    *(*TEST_COLUMNS, "n_deployments", "boot_low", "boot_high", "effect_size", "margin"),
    *("p_equivalence", "p_equivalence_adj", "equivalent", "detectable", "note"),
]


def ratios(samples: pd.DataFrame, baseline: str, margin: float, seed: int) -> pd.DataFrame:
    """Compare every platform with the baseline, at every level of every main metric.

    A frame of COLUMNS, one row per metric, level and platform:

    - `ratio` is the geometric mean of the blocks' ratios; `ci_low` to `ci_high` is its 95 %
      interval, `p` tests that it is 1, and `p_adj` is that after Holm over all platforms and
      levels of the metric. `n_deployments` counts blocks.
    - `boot_low` to `boot_high`: the 95 % interval by hierarchical bootstrap.
    - `effect_size`: mean log ratio over its standard deviation, corrected for small n (Hedges).
    - `p_equivalence`: two one-sided tests of a ratio outside 1/(1+`margin`) to 1+`margin`;
      `equivalent` if it is below 5 % after Holm.
    - `detectable`: the minimum detectable ratio, with a power of 80 % at Holm's first step.

    Columns that cannot be computed are NaN, and `note` says why.
    """
    table = unadjusted_ratios(deployment_means(samples), baseline, margin)
    table = table.merge(bootstrap.intervals(samples, baseline, seed), how="left", on=CELL)
    for column in ("p", "p_equivalence"):
        table[f"{column}_adj"] = holm(table[column], table["metric"])
    table["equivalent"] = table["p_equivalence_adj"] < SIGNIFICANT_P
    table["detectable"] = _detectable(table)
    table["note"] = notes(
        {
            "no deployment that both have: no ratio": table["n_deployments"] == 0,
            "only one deployment: no interval": table["n_deployments"] == 1,
            "no variation between deployments: no interval": table["sd"].isna(),
        }
    )
    return table.assign(baseline=baseline)[COLUMNS]


def unadjusted_ratios(means: pd.DataFrame, baseline: str, margin: float) -> pd.DataFrame:
    """Compare the deployments' means with the baseline's: the columns that no other test changes.

    `means` are those of `replicates.deployment_means`.
    """
    table = _compared(means, baseline)
    table["margin"] = margin
    log_margin = np.log1p(margin)
    below = scipy.stats.t.sf((table["centre"] + log_margin) / table["standard_error"], table["df"])
    above = scipy.stats.t.cdf((table["centre"] - log_margin) / table["standard_error"], table["df"])
    table["p_equivalence"] = np.maximum(below, above)  # two one-sided tests: Schuirmann (1987)
    _test_ranks(table, block_ratios(means, baseline), log_margin)
    return table


def _compared(means: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Estimate and test by the t distribution."""
    logs = block_ratios(means, baseline).groupby(CELL, sort=False)["log_ratio"]
    estimates = logs.agg(n_deployments="size", centre="mean", sd="std")
    cells = means.loc[means["platform"] != baseline, CELL].drop_duplicates(ignore_index=True)
    table = cells.merge(estimates, how="left", left_on=CELL, right_index=True)
    table["n_deployments"] = table["n_deployments"].fillna(0).astype(int)
    table["sd"] = table["sd"].where(table["sd"] > ROUNDING)
    n = table["n_deployments"]
    table["df"] = (n - 1).where(n > 1).astype(float)
    table["standard_error"] = table["sd"] / np.sqrt(n)
    half = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, table["df"]) * table["standard_error"]
    return table.assign(
        ratio=np.exp(table["centre"]),
        ci_low=np.exp(table["centre"] - half),
        ci_high=np.exp(table["centre"] + half),
        p=2 * scipy.stats.t.sf(np.abs(table["centre"] / table["standard_error"]), table["df"]),
        effect_size=table["centre"] / table["sd"] * (1 - 3 / (4 * table["df"] - 1)),
        test=np.where(table["sd"].notna(), PAIRED_T, ""),
        replicate=DEPLOYMENT,
        error="",
        scope=LEVEL,
    )


def _test_ranks(table: pd.DataFrame, logs: pd.DataFrame, margin: float) -> None:
    """Replace the columns that assume normality, where it does not hold."""
    by_cell = {cell: rows.to_numpy() for cell, rows in logs.groupby(CELL)["log_ratio"]}
    columns = ["ratio", "ci_low", "ci_high", "p", "p_equivalence", "test"]
    for index, *cell in table[CELL].itertuples():
        values = by_cell.get(tuple(cell), np.empty(0))
        if _needs_rank_test(values):
            below, above = _wilcoxon(values + margin, "greater"), _wilcoxon(values - margin, "less")
            p = _wilcoxon(values, "two-sided"), max(below, above)
            bounds = np.exp(centre_and_interval(values)).tolist()
            table.loc[index, columns] = [*bounds, *p, SIGNED_RANKS]


def _wilcoxon(values: np.ndarray, side: Literal["two-sided", "greater", "less"]) -> float:
    return float(scipy.stats.wilcoxon(values, alternative=side).pvalue)


def _detectable(table: pd.DataFrame) -> pd.Series:
    """Solve the power of the t test for the effect, exactly, by the noncentral t distribution."""
    comparisons = table.groupby("metric")["p"].transform("count")
    critical = scipy.stats.t.isf((1 - CONFIDENCE) / 2 / comparisons, table["df"])
    noncentrality = special.nctdtrinc(table["df"], 1 - POWER, critical)
    return pd.Series(np.exp(noncentrality * table["standard_error"]), index=table.index)


def _needs_rank_test(values: np.ndarray) -> bool:
    """Return whether values are so far from normal that their ranks must be tested instead."""
    if len(values) < LEAST_PAIRS or np.ptp(values) == 0:
        return False
    return bool(scipy.stats.shapiro(values).pvalue < NOT_NORMAL_P)


def centre_and_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return Hodges and Lehmann's estimate of the centre, and the signed ranks' interval.

    Hollander, Wolfe and Chicken (2014), Nonparametric Statistical Methods, 3.2 and 3.3.
    """
    first, second = np.triu_indices(len(values))
    walsh = np.sort((values[first] + values[second]) / 2)
    left_out = _left_out(len(values))
    return float(np.median(walsh)), float(walsh[left_out]), float(walsh[-1 - left_out])


@lru_cache(maxsize=256)
def _left_out(pairs: int) -> int:
    """Return how many of the Walsh averages lie outside at each end."""
    counts = np.ones(1)
    for rank in range(1, pairs + 1):
        with_rank = np.zeros(len(counts) + rank)
        with_rank[: len(counts)] += counts / 2
        with_rank[rank:] += counts / 2
        counts = with_rank
    return int(np.searchsorted(np.cumsum(counts), (1 - CONFIDENCE) / 2, side="right")) - 1


def ratio_interval(
    mean: float, base: float, *, reach: float, base_reach: float
) -> tuple[float, float]:
    """Return the bounds of `mean` / `base` by Fieller's theorem; NaN if the base may be zero.

    `reach` and `base_reach` are half the width of each mean's own interval: the critical value
    times the standard error. The means are independent. Unlike the interval of the difference
    divided by the base's mean, this takes into account that the base is uncertain, too: Fieller
    (1954), J. Roy. Stat. Soc. B 16(2).
    """
    certain = base**2 - base_reach**2
    if not certain > 0:
        return math.nan, math.nan
    middle = mean * base / certain
    spread = math.sqrt(max(middle**2 - (mean**2 - reach**2) / certain, 0.0))
    return middle - spread, middle + spread
