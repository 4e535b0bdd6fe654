# SPDX-License-Identifier: Apache-2.0
"""Where the variation comes from, and what the next run needs to see more.

Values scatter between deployments (each start has its luck) and between the windows of one. More
windows help against the latter alone, and cost less. The estimates are those of the random-effects
analysis of variance; the plan for the next run is Kalibera and Jones's (2013), sections 6 and 7.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy

from featherbench.statistics.data.blocks import CELL, deployment_means, main_values
from featherbench.statistics.design.time_costs import costs_s

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.95
MOST_DEPLOYMENTS = 10_000
MOST_WINDOWS = 100
COLUMNS = [
    *CELL,
    "deployments",
    "windows",
    "sd_between",
    "sd_within",
    "between_fraction",
    "F",
    "p",
    "understated",
    "precision",
    "windows_needed",
    "deployments_needed",
    "note",
]


def components(
    samples: pd.DataFrame, precision: float, run: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Split the variance of every cell, into a frame of COLUMNS, one row per CELL.

    - `sd_between` and `sd_within`: standard deviations between deployments and between the windows
      of one, as fractions of the mean; `between_fraction` is the share of the former's variance.
    - `F` and `p` test that deployments do not differ; `understated` says how many times too narrow
      an interval would be that takes windows for replicates.
    - `windows_needed` and `deployments_needed`: of each, what makes the 95 % interval of the mean
      reach no further than `precision` (a fraction) to either side, in the least time.

    Where `samples` are of some platforms only, `run` is all of the run that they were measured in.
    `windows` is the mean number a deployment (harmonic, where it varies).
    """
    if samples.empty:
        return pd.DataFrame(columns=COLUMNS)
    table = _analysed(samples)
    table["precision"] = precision
    costs = costs_s(samples if run is None else run, samples["platform"].unique())
    table["windows_needed"] = _windows_needed(table, costs)
    table["deployments_needed"] = _deployments_needed(table)
    table["note"] = _notes(table)
    return table[COLUMNS]


def _analysed(samples: pd.DataFrame) -> pd.DataFrame:
    """Estimate the components by the mean squares of the nested analysis of variance."""
    means = deployment_means(samples)
    groups = means.assign(inverse=1 / means["windows"]).groupby(CELL, sort=False)
    table = groups.agg(deployments=("mean", "size"), centre=("mean", "mean"), sd=("mean", "std"))
    table["windows"] = 1 / groups["inverse"].mean()
    within, freedom = _within(samples)
    relative = (within / freedom.where(freedom > 0)).reindex(table.index) / table["centre"] ** 2
    of_means = (table["sd"] / table["centre"]) ** 2
    between = (of_means - (relative / table["windows"]).fillna(0)).clip(lower=0)
    f_value = of_means * table["windows"] / relative.where(relative > 0)
    freedom = freedom.reindex(table.index)
    return table.assign(
        sd_between=np.sqrt(between),
        sd_within=np.sqrt(relative),
        between_fraction=between / (between + relative.fillna(0)).where(of_means > 0),
        F=f_value,
        p=scipy.stats.f.sf(f_value, table["deployments"] - 1, freedom),
        understated=_understated(between, relative, table["windows"]),
    ).reset_index()


def _within(samples: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Give the sum of squares within deployments, and its degrees of freedom, by CELL."""
    values = main_values(samples)
    groups = values.groupby([*CELL, "deployment"], sort=False)["value"]
    spread = groups.agg(["size", "var"]).assign(freedom=lambda one: one["size"] - 1)
    squares = (spread["var"].fillna(0) * spread["freedom"]).groupby(CELL, sort=False).sum()
    return squares, spread["freedom"].groupby(CELL, sort=False).sum()


def _understated(between: pd.Series, within: pd.Series, windows: pd.Series) -> pd.Series:
    """Compare the standard error of the mean with what independent windows would have."""
    honest, naive = between + within / windows, (between + within) / windows
    return (honest / naive.where(naive > 0)) ** 0.5


def _windows_needed(table: pd.DataFrame, costs: pd.DataFrame) -> pd.Series:
    """Kalibera and Jones (2013), eq. 3: the dearer a deployment, the more windows it is worth.

    Where deployments seem not to differ, or the costs are unknown, as many as there were.
    """
    cost = table[["metric"]].merge(costs, how="left", left_on="metric", right_index=True)
    dearer = (cost["deployment_s"] / cost["window_s"]).to_numpy()
    spread = table["sd_within"] / table["sd_between"].where(table["sd_between"] > 0)
    best: pd.Series = np.ceil(spread * np.sqrt(dearer)).clip(1, MOST_WINDOWS)
    return best.fillna(table["windows"].round())


def _deployments_needed(table: pd.DataFrame) -> Sequence[float]:
    within = table["sd_within"].fillna(0) / np.sqrt(table["windows_needed"])
    error = np.hypot(table["sd_between"], within) / table["precision"]
    return [_fewest(one) for one in error]


def _fewest(error: float) -> float:
    """Give the fewest n for which t(n - 1) / sqrt(n) times `error` is no more than 1."""
    if not np.isfinite(error):
        return np.nan
    enough = np.flatnonzero(_half_widths() * error <= 1)
    return float(2 + enough[0]) if len(enough) else np.nan


@cache
def _half_widths() -> np.ndarray:
    """Give half the width of the interval for 2, 3 ... values of standard deviation 1."""
    n = np.arange(2, MOST_DEPLOYMENTS + 1)
    return np.asarray(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) / np.sqrt(n))


def _notes(table: pd.DataFrame) -> Sequence[str]:
    notes = {
        "only one deployment": table["deployments"] == 1,
        "one window a deployment": (table["sd_within"].isna()),
        f"more than {MOST_DEPLOYMENTS} deployments": table["deployments_needed"].isna(),
    }
    return list(np.select(list(notes.values()), list(notes), default=""))
