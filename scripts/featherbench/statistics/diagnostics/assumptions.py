# SPDX-License-Identifier: Apache-2.0
"""Whether what the tests assume holds, and whether the run was steady: each a test of its own.

A check that finds something does not void a value. `reading` says what it means for the reader; the
checks of SUSPICIOUS make the windows that they are about suspect (see `screening.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy

from featherbench.statistics.design.variance_components import components
from featherbench.statistics.diagnostics import bimodality, change_point, steady_state
from featherbench.statistics.diagnostics.residuals import (
    deployment_residuals,
    tables,
    window_residuals,
)
from featherbench.statistics.inference.holm import holm

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    Rows = Iterator[dict[str, Any]]

ALPHA = 0.05
LEAST_DEPLOYMENTS = 6
"""Of fewer, Kendall's test cannot find a trend at any size."""
LEAST_SERIES = 8
"""Windows of a deployment that tell whether each depends on the one before."""
MOST_TESTED = 5000
"""Shapiro and Wilk's p is not known for more values: so many quantiles stand for them."""
NEEDED = {"deployment", "window", "started_monotonic_s", "primary"}
"""Columns of the samples, beside those that screening needs."""

COLUMNS = ["check", "metric", "concurrency", "platform", "statistic", "p", "p_adj", "found"]
READINGS = {
    "equal variances": "platforms vary unequally: read Welch's and Games-Howell's tests",
    "normal": "windows are far from normal: read medians and the rank-based tests beside the means",
    "independent windows": "a window depends on the one before: many windows say little",
    "deployments alike": "deployments differ more than their windows: windows are no replicates",
    "steady within deployments": "later windows differ from the first: warm up for longer",
    "no running averages": "each window moves less than the last, as averages of a growing log do",
    "one mode": "values gather around two points: look at the distribution, not at the mean",
    "steady over the run": "values drift over the run: something else changed meanwhile",
    "no change point": "values change at some point of the run: something else changed there",
    "order does not matter": "the place within a block matters: what ran before leaves a trace",
}
SUSPICIOUS = {
    "steady within deployments": "no steady state",
    "no running averages": "running averages",
    "one mode": "several modes",
    "steady over the run": "drift",
    "no change point": "change point",
}
"""With the keyword of the reason."""


def checks(samples: pd.DataFrame, kinds: Collection[str] = READINGS) -> pd.DataFrame:
    """Check all main metrics for these kinds, into a frame of COLUMNS, `reading` and `detail`.

    `platform` is empty where all platforms are looked at together, `concurrency` missing where all
    levels are. `p_adj` is after Holm over all rows of a check; `found` where it is below 5 %.
    `detail` gives the size of what was found. What could not be tested has no row.
    """
    if samples.empty:
        return pd.DataFrame(columns=[*COLUMNS, "detail", "reading"])
    residuals, deployments = window_residuals(samples), deployment_residuals(samples)
    rows = [
        {"check": check, "concurrency": np.nan, "platform": "", "detail": ""} | row
        for check, look in _checks(samples, residuals, deployments).items()
        if check in kinds
        for row in look()
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "detail"])
    table["p"] = table["p"].astype(float)
    table = table[table["p"].notna()].reset_index(drop=True)
    table["p_adj"] = holm(table["p"], table["check"])
    table["found"] = table["p_adj"] < ALPHA
    table["reading"] = table["check"].map(READINGS).where(table["found"], "")
    return table


def _checks(
    samples: pd.DataFrame, residuals: pd.DataFrame, deployments: pd.DataFrame
) -> dict[str, Callable[[], Rows]]:
    return {
        "equal variances": lambda: _equal_variances(residuals),
        "normal": lambda: _normal(residuals),
        "independent windows": lambda: _independent(residuals),
        "deployments alike": lambda: _deployments_alike(samples),
        "steady within deployments": lambda: _steady_within(residuals),
        "no running averages": lambda: _no_running_averages(residuals),
        "one mode": lambda: _one_mode(residuals, deployments),
        "steady over the run": lambda: _along(deployments, "moment_s", "the run"),
        "no change point": lambda: _no_change(deployments),
        "order does not matter": lambda: _along(deployments, "position", "a block"),
    }


def _equal_variances(residuals: pd.DataFrame) -> Rows:
    """Brown and Forsythe's test, of what platforms vary relative to their own means."""
    several = residuals[residuals["windows"] > 1]
    for (metric, level), frame in several.groupby(["metric", "concurrency"], sort=False):
        values = [own.to_numpy() for _, own in frame.groupby("platform", sort=False)["relative"]]
        if len(values) > 1 and all(np.ptp(own) > 0 for own in values):
            found = scipy.stats.levene(*values, center="median")
            sds = [own.std() for own in values]
            detail = f"standard deviations differ {max(sds) / min(sds):.3g} times"
            statistic, p = float(found.statistic), float(found.pvalue)
            yield _row(str(metric), statistic, p, concurrency=level, detail=detail)


def _of_each_platform(frame: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    for (metric, platform), own in frame.groupby(["metric", "platform"], sort=False):
        yield str(metric), str(platform), own


def _normal(residuals: pd.DataFrame) -> Rows:
    """Shapiro and Wilk's test, each level scaled by its own standard deviation."""
    several = residuals[residuals["windows"] > 1]
    for metric, platform, own in _of_each_platform(several):
        scales = own.groupby("concurrency")["relative"].transform("std")
        values = (own["relative"] / scales.where(scales > 0)).dropna().to_numpy()
        if len(values) >= bimodality.LEAST_VALUES and np.ptp(values) > 0:
            if len(values) > MOST_TESTED:
                values = np.quantile(values, (np.arange(MOST_TESTED) + 0.5) / MOST_TESTED)
            found = scipy.stats.shapiro(values)
            detail = f"skewness {scipy.stats.skew(values):.2g}"
            yield _row(metric, found.statistic, found.pvalue, platform=platform, detail=detail)


def _independent(residuals: pd.DataFrame) -> Rows:
    """Ljung and Box's test of the first lag, by deployment, combined after Fisher."""
    for metric, platform, own in _of_each_platform(residuals[residuals["windows"] >= LEAST_SERIES]):
        p = np.concatenate([_ljung_box(table) for table in tables(own)])
        if np.isfinite(p).any():
            found = scipy.stats.combine_pvalues(p[np.isfinite(p)])
            yield _row(metric, found.statistic, found.pvalue, platform=platform)


def _ljung_box(series: np.ndarray) -> np.ndarray:
    """Give p of the first lag for each row; statsmodels' `acorr_ljungbox` takes 2 ms a row."""
    count, deviations = series.shape[1], series - series.mean(axis=1, keepdims=True)
    squares = (deviations**2).sum(axis=1)
    lagged = (deviations[:, 1:] * deviations[:, :-1]).sum(axis=1)
    correlation = lagged / np.where(squares > 0, squares, np.nan)
    return np.asarray(scipy.stats.chi2.sf(count * (count + 2) * correlation**2 / (count - 1), 1))


def _deployments_alike(samples: pd.DataFrame) -> Rows:
    """Test by the nested analysis of variance that deployments differ by their windows alone."""
    for row in components(samples, ALPHA).to_dict("records"):
        detail = f"intervals over windows are {row['understated']:.3g} times too narrow"
        place = {"concurrency": row["concurrency"], "platform": row["platform"]}
        yield _row(row["metric"], row["F"], row["p"], detail=detail, **place)


def _longest(own: pd.DataFrame) -> np.ndarray:
    """Give the deployments' windows, of those that have the commonest number of them."""
    return max(tables(own), key=np.size)


def _steady_within(residuals: pd.DataFrame) -> Rows:
    for metric, platform, own in _of_each_platform(residuals):
        change, p = steady_state.trend(_longest(own))
        detail = f"the last window is {change:.3f} times the first"
        yield _row(metric, change, p, platform=platform, detail=detail)


def _no_running_averages(residuals: pd.DataFrame) -> Rows:
    for metric, platform, own in _of_each_platform(residuals):
        likelier, p = steady_state.running_averages(_longest(own))
        detail = f"e^{likelier:.3g} times likelier than windows of their own"
        yield _row(metric, likelier, p, platform=platform, detail=detail)


def _one_mode(residuals: pd.DataFrame, deployments: pd.DataFrame) -> Rows:
    """Look at windows within deployments, and at deployments."""
    looked_at = {"windows": residuals[residuals["windows"] > 1], "deployments": deployments}
    for what, frame in looked_at.items():
        for metric, platform, own in _of_each_platform(frame):
            found, p = bimodality.several_modes(own["relative"].to_numpy())
            yield _row(
                metric,
                found,
                p,
                platform=platform,
                detail=f"of {what}, two parts explain {found:.0%}",
            )


def _along(deployments: pd.DataFrame, axis: str, what: str) -> Rows:
    """Test by Kendall's tau that deployments are slower or faster the later they come."""
    for metric, own in deployments.groupby("metric", sort=False):
        if len(own) >= LEAST_DEPLOYMENTS and np.ptp(own["relative"]) > 0:
            found = scipy.stats.kendalltau(own[axis], own["relative"])
            slope = np.expm1(_slope(own[axis].to_numpy(), own["relative"].to_numpy()))
            detail = f"{slope:+.1%} from beginning to end of {what}"
            yield _row(str(metric), found.statistic, found.pvalue, detail=detail)


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """Give the change over all of x, by Theil and Sen's line."""
    return float(scipy.stats.theilslopes(y, x).slope * np.ptp(x)) if np.ptp(x) > 0 else 0.0


def _no_change(deployments: pd.DataFrame) -> Rows:
    for metric, own in deployments.groupby("metric", sort=False):
        values = own["relative"].to_numpy()
        before, found, p = change_point.change_point(values)
        if before:
            step = np.expm1(np.median(values[before:]) - np.median(values[:before]))
            detail = f"{step:+.1%} after deployment {before} of {len(values)}"
            yield _row(str(metric), found, p, detail=detail)


def _row(metric: str, statistic: float, p: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - columns
    return {"metric": metric, "statistic": statistic, "p": p} | more
