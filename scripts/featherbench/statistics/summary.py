# SPDX-License-Identifier: Apache-2.0
"""The summary: one row per platform, metric and level."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from featherbench.records.cell import Verdict
from featherbench.statistics.conventions import CONFIDENCE, notes
from featherbench.statistics.data.samples import by_deployment, valid

SEQUENTIAL_CONFIDENCE = 0.957
"""Level of the t interval if measuring continued until it was narrow: that stops when the spread
looks small, so an interval of 95 % would cover 93 to 95 % (docs/statistics.md)."""
KEYS = ["platform", "metric", "level"]
IDENTITY = ["technology", "hypervisor", "network", "workload", "primary", "unit"]
SPREAD = ["n", "deployments", "mean", "sd", "median", "ci_low", "ci_high", "ci_note"]
COUNTS = [f"n_{verdict.value}" for verdict in Verdict]
COLUMNS = [*KEYS, *IDENTITY, *SPREAD, *COUNTS]


def summarize(samples: pd.DataFrame, sequential: Collection[str] = ()) -> pd.DataFrame:
    """Summarize the samples into a frame of COLUMNS, in the samples' order.

    `n`, `mean`, `sd` and `median` are over the valid windows; where these have histograms of
    latencies, the mean is over the deployments' merged ones. `n_ok`, `n_suspect`, `n_invalid` count
    all. `ci_low` and `ci_high` bound the 95 % interval of the mean over deployments (Kalibera and
    Jones 2013: replicate at the level that varies), which is the t interval of the deployments'
    means. If there is none, or a reader must know more about it, `ci_note` says why. For the
    `sequential` workloads, whose number of deployments a StoppingRule decided, its level is
    SEQUENTIAL_CONFIDENCE.
    """
    groups = samples.groupby(KEYS, sort=False)
    identity = groups[IDENTITY].first()
    is_sequential = identity["workload"].isin(list(sequential))
    level = is_sequential.map({True: SEQUENTIAL_CONFIDENCE, False: CONFIDENCE})
    values = valid(samples).groupby(KEYS, sort=False)["value"]
    spread = values.agg(n="size", sd="std", median="median")
    spread["mean"] = by_deployment(valid(samples)).groupby(KEYS, sort=False)["value"].mean()
    has = {f"n_{verdict.value}": samples["verdict"] == verdict.value for verdict in Verdict}
    judged = samples[KEYS].assign(**has).groupby(KEYS, sort=False).sum()
    parts = [identity, spread, _interval(samples, level), judged]
    table = pd.concat(parts, axis="columns").reindex(groups.size().index)
    counts = ["n", "deployments", *COUNTS]
    table[counts] = table[counts].fillna(0).astype("int64")
    table["ci_note"] = notes(
        {
            "no valid window": table["n"] == 0,
            "only one deployment: no interval": table["deployments"] == 1,
            "unequal numbers of windows: centred on the mean of the deployments' means": (
                table["unequal"].eq(other=True)
            ),
        }
    )
    return table.reset_index()[COLUMNS]


def _interval(samples: pd.DataFrame, level: pd.Series[float]) -> pd.DataFrame:
    values = by_deployment(valid(samples))
    deployments = values.groupby([*KEYS, "deployment"], sort=False)["value"]
    sizes = deployments.size().groupby(KEYS, sort=False)
    means = deployments.mean().groupby(KEYS, sort=False).agg(["mean", "std", "size"])
    levels = level.reindex(means.index).to_numpy(float)
    half = half_width(means["std"], means["size"], levels)
    return pd.DataFrame(
        {
            "deployments": means["size"],
            "ci_low": means["mean"] - half,
            "ci_high": means["mean"] + half,
            "unequal": sizes.min() < sizes.max(),
        }
    )


def half_width(
    sd: ArrayLike, n: ArrayLike, confidence: float | np.ndarray = CONFIDENCE
) -> np.ndarray:
    """Return half the width of the t interval of a mean; NaN if n < 2."""
    sd, n = np.asarray(sd, float), np.asarray(n)
    quantile = special.stdtrit(np.maximum(n - 1, 1), (1 + confidence) / 2)
    return np.where(n > 1, quantile * sd / np.sqrt(n), np.nan)
