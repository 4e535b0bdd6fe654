# SPDX-License-Identifier: Apache-2.0
"""Components of variance, and what the next run needs for a more precise result.

Values vary between deployments (each start has its luck) and between the windows of a deployment.
More windows reduce only the latter, and cost less. The estimates are those of the random-effects
analysis of variance; the plan for the next run is Kalibera and Jones's (2013), sections 6 and 7.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
import pandas as pd
import scipy

from featherbench.statistics.conventions import notes
from featherbench.statistics.data.replicates import CELL, deployment_means, main_values
from featherbench.statistics.summary import half_width

MOST_DEPLOYMENTS = 10_000
MOST_WINDOWS = 100
PAUSE_S = 600
"""A gap that is longer than any deployment takes separates two runs."""
COLUMNS = [
    *(*CELL, "deployments", "windows", "sd_between", "sd_within", "between_fraction", "F", "p"),
    *("understated", "precision", "windows_needed", "deployments_needed", "note"),
]


def components(
    samples: pd.DataFrame, precision: float, run: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Split the variance of every cell, into a frame of COLUMNS, one row per CELL.

    - `sd_between` and `sd_within`: standard deviations between deployments and between the windows
      of one, as fractions of the mean; `between_fraction` is the share of the former's variance.
    - `F` and `p` test that deployments do not differ; `understated` says how many times too narrow
      an interval would be that takes windows for replicates.
    - `windows_needed` and `deployments_needed`: the numbers with which the 95 % interval of the
      mean extends no further than `precision` (a fraction) to either side, in the least time.

    If `samples` are of some platforms only, `run` is the whole run that they were measured in.
    `windows` is the mean number per deployment (harmonic, if it varies).
    """
    if samples.empty:
        return pd.DataFrame(columns=COLUMNS)
    table = _analysed(samples)
    table["precision"] = precision
    costs = costs_s(samples if run is None else run, samples["platform"].unique())
    table["windows_needed"] = _windows_needed(table, costs)
    table["deployments_needed"] = _deployments_needed(table)
    table["note"] = notes(
        {
            "only one deployment": table["deployments"] == 1,
            "one window a deployment": table["sd_within"].isna(),
            f"more than {MOST_DEPLOYMENTS} deployments": table["deployments_needed"].isna(),
        }
    )
    return table[COLUMNS]


def costs_s(run: pd.DataFrame, platforms: Iterable[str]) -> pd.DataFrame:
    """Return the medians deployment_s and window_s of each main metric, by metric, in seconds.

    They are those of `platforms`, in the order of the whole run. A deployment costs the time from
    the end of the window before its first one, whatever that window was, to the start of its first
    one. It is NaN if no window precedes any.
    """
    windows = main_values(run).sort_values("started_monotonic_s", kind="stable")
    ends_s = windows["started_monotonic_s"] + windows["duration_s"]
    windows = windows.assign(gap_s=windows["started_monotonic_s"] - ends_s.shift())
    windows = windows[windows["platform"].isin(list(platforms))]
    firsts = windows.drop_duplicates(["platform", "workload", "deployment"])
    plausible = firsts[firsts["gap_s"].between(0, PAUSE_S)]
    deployment_s = plausible.groupby("workload")["gap_s"].median()
    costs = windows.groupby("metric").agg(
        workload=("workload", "first"), window_s=("duration_s", "median")
    )
    return costs.assign(deployment_s=costs["workload"].map(deployment_s))


def _analysed(samples: pd.DataFrame) -> pd.DataFrame:
    """Estimate the components from the mean squares of the nested analysis of variance."""
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
    of_deployments = between + relative / table["windows"]
    of_windows = (between + relative) / table["windows"]
    return table.assign(
        sd_between=np.sqrt(between),
        sd_within=np.sqrt(relative),
        between_fraction=between / (between + relative.fillna(0)).where(of_means > 0),
        F=f_value,
        p=scipy.stats.f.sf(f_value, table["deployments"] - 1, freedom),
        # the standard error of the mean over that of independent windows
        understated=(of_deployments / of_windows.where(of_windows > 0)) ** 0.5,
    ).reset_index()


def _within(samples: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the sum of squares within deployments, and its degrees of freedom, by CELL."""
    values = main_values(samples)
    groups = values.groupby([*CELL, "deployment"], sort=False)["value"]
    spread = groups.agg(["size", "var"]).assign(freedom=lambda table: table["size"] - 1)
    squares = (spread["var"].fillna(0) * spread["freedom"]).groupby(CELL, sort=False).sum()
    return squares, spread["freedom"].groupby(CELL, sort=False).sum()


def _windows_needed(table: pd.DataFrame, costs: pd.DataFrame) -> pd.Series:
    """Kalibera and Jones (2013), eq. 3: the more a deployment costs, the more windows it is worth.

    If deployments do not seem to differ, or the costs are unknown, the number measured.
    """
    cost = table[["metric"]].merge(costs, how="left", left_on="metric", right_index=True)
    relative_cost = (cost["deployment_s"] / cost["window_s"]).to_numpy()
    spread = table["sd_within"] / table["sd_between"].where(table["sd_between"] > 0)
    best: pd.Series = np.ceil(spread * np.sqrt(relative_cost)).clip(1, MOST_WINDOWS)
    return best.fillna(table["windows"].round())


def _deployments_needed(table: pd.DataFrame) -> list[float]:
    """Return the least n for which the 95 % interval is precise enough; NaN beyond the most."""
    within = table["sd_within"].fillna(0) / np.sqrt(table["windows_needed"])
    errors = np.hypot(table["sd_between"], within) / table["precision"]
    enough = (np.flatnonzero(_half_widths() * error <= 1) for error in errors)
    return [float(2 + places[0]) if len(places) else np.nan for places in enough]


@cache
def _half_widths() -> np.ndarray:
    """Return half the width of the interval for 2, 3 ... values of standard deviation 1."""
    return half_width(1.0, np.arange(2, MOST_DEPLOYMENTS + 1))
