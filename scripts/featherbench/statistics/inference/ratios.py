# SPDX-License-Identifier: Apache-2.0
"""Each platform against the baseline: the ratio, its interval, and its tests.

The replicates are the blocks: one log ratio for each deployment number. The paired t test on them
keeps its error rates at any number of deployments and with unequal variances. Welch's does not at
three deployments, and the bootstrap not below thirty (docs/statistics.md). If the log ratios are
far from normal, their signed ranks are tested instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
)
from featherbench.statistics.data.blocks import CELL, block_ratios, deployment_means
from featherbench.statistics.inference import bootstrap, signed_ranks
from featherbench.statistics.inference.holm import holm

if TYPE_CHECKING:
    from collections.abc import Mapping

POWER = 0.8
PAIRED_T = "paired t"
SIGNED_RANKS = "signed ranks"
"""The tests, of the log ratios of the deployments."""
COLUMNS = [
    "metric",
    "concurrency",
    "platform",
    "baseline",
    "ratio",
    "ci_low",
    "ci_high",
    "p",
    "p_adj",
    *TEST_COLUMNS,
    "n_deployments",
    "boot_low",
    "boot_high",
    "effect_size",
    "margin",
    "p_equivalence",
    "p_equivalence_adj",
    "equivalent",
    "detectable",
    "note",
]


def ratios(samples: pd.DataFrame, baseline: str, margin: float, seed: int) -> pd.DataFrame:
    """Compare every platform with the baseline, at every level of every main metric.

    A frame of COLUMNS, one row per metric, concurrency and platform:

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
    table = table.merge(_resampled(samples, baseline, seed), how="left", on=CELL)
    for column in ("p", "p_equivalence"):
        table[f"{column}_adj"] = holm(table[column], table["metric"])
    table["equivalent"] = table["p_equivalence_adj"] < SIGNIFICANT_P
    table["detectable"] = _detectable(table)
    table["note"] = _notes(table)
    return table.assign(baseline=baseline)[COLUMNS]


def unadjusted_ratios(means: pd.DataFrame, baseline: str, margin: float) -> pd.DataFrame:
    """Compare the deployments' means with the baseline's: the columns that no other test changes.

    `means` are those of `blocks.deployment_means`.
    """
    table = _compared(means, baseline)
    table["margin"] = margin
    table["p_equivalence"] = _equivalence_p(table, np.log1p(margin))
    _test_ranks(table, block_ratios(means, baseline), np.log1p(margin))
    return table


def _compared(means: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Estimate and test by the t distribution."""
    logs = block_ratios(means, baseline).groupby(CELL, sort=False)["log_ratio"]
    estimates = logs.agg(n_deployments="size", centre="mean", sd="std")
    table = _cells(means, baseline).merge(estimates, how="left", left_on=CELL, right_index=True)
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


def _cells(means: pd.DataFrame, baseline: str) -> pd.DataFrame:
    return means.loc[means["platform"] != baseline, CELL].drop_duplicates(ignore_index=True)


def _resampled(samples: pd.DataFrame, baseline: str, seed: int) -> pd.DataFrame:
    intervals = bootstrap.intervals(samples, baseline, seed)
    rows = [(*cell, *bounds) for cell, bounds in intervals.items()]
    return pd.DataFrame(rows, columns=[*CELL, "boot_low", "boot_high"])


def _equivalence_p(table: pd.DataFrame, margin: float) -> np.ndarray:
    """Return the larger p of Schuirmann's two one-sided tests (1987)."""
    below = scipy.stats.t.sf((table["centre"] + margin) / table["standard_error"], table["df"])
    above = scipy.stats.t.cdf((table["centre"] - margin) / table["standard_error"], table["df"])
    return np.maximum(below, above)


def _test_ranks(table: pd.DataFrame, logs: pd.DataFrame, margin: float) -> None:
    """Replace the columns that assume normality, where it does not hold."""
    by_cell = {cell: rows.to_numpy() for cell, rows in logs.groupby(CELL)["log_ratio"]}
    for index, cell in zip(table.index, table[CELL].itertuples(index=False), strict=True):
        values = by_cell.get(tuple(cell), np.empty(0))
        if signed_ranks.needs_rank_test(values):
            columns = _by_ranks(values, margin)
            table.loc[index, list(columns)] = list(columns.values())


def _by_ranks(values: np.ndarray, margin: float) -> Mapping[str, Any]:
    bounds = np.exp(signed_ranks.centre_and_interval(values, CONFIDENCE))
    below = signed_ranks.signed_rank_p(values, -margin, "greater")
    above = signed_ranks.signed_rank_p(values, margin, "less")
    return {
        **dict(zip(("ratio", "ci_low", "ci_high"), bounds.tolist(), strict=True)),
        "p": signed_ranks.signed_rank_p(values),
        "p_equivalence": max(below, above),
        "test": SIGNED_RANKS,
    }


def _detectable(table: pd.DataFrame) -> pd.Series:
    """Solve the power of the t test for the effect, exactly, by the noncentral t distribution."""
    comparisons = table.groupby("metric")["p"].transform("count")
    critical = scipy.stats.t.isf((1 - CONFIDENCE) / 2 / comparisons, table["df"])
    noncentrality = special.nctdtrinc(table["df"], 1 - POWER, critical)
    return pd.Series(np.exp(noncentrality * table["standard_error"]), index=table.index)


def _notes(table: pd.DataFrame) -> list[str]:
    notes = {
        "no deployment that both have: no ratio": table["n_deployments"] == 0,
        "only one deployment: no interval": table["n_deployments"] == 1,
        "no variation between deployments: no interval": table["sd"].isna(),
    }
    return list(np.select(list(notes.values()), list(notes), default=""))
