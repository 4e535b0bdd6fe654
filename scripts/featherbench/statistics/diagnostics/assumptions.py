# SPDX-License-Identifier: Apache-2.0
"""Checks of the assumptions of the tests, and of the steadiness of the run: each is a test.

A check that finds something does not invalidate a value. `reading` says what it means for the
reader. The checks of SUSPICIOUS make the windows that they concern suspect (see `screening.py`).
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy

from featherbench.statistics.conventions import SIGNIFICANT_P, holm
from featherbench.statistics.data.replicates import CELL, main_values
from featherbench.statistics.data.samples import by_deployment
from featherbench.statistics.design.variance_components import components
from featherbench.statistics.diagnostics.series_tests import (
    LEAST_FOR_MODES,
    change_point,
    running_averages,
    several_modes,
    trend,
)

Rows = Iterator[dict[str, Any]]

SERIES = [*CELL, "deployment"]
LEAST_DEPLOYMENTS = 6
"""With fewer, Kendall's test cannot find a trend of any size."""
LEAST_SERIES = 8
"""Windows that a deployment needs for a test of whether each depends on the one before."""
MOST_TESTED = 5000
"""Shapiro and Wilk's p is not known for more values: of those, this many quantiles are tested."""
NEEDED = {"deployment", "window", "started_monotonic_s", "primary"}
"""Columns that the samples need, besides those that screening needs."""

COLUMNS = ["check", "metric", "level", "platform", "statistic", "p", "p_adj", "found"]
READINGS = {
    "equal variances": "platforms vary unequally: read Welch's and Games-Howell's tests",
    "normal": "windows are far from normal: read medians and the rank-based tests beside the means",
    "independent windows": "a window depends on the one before: many windows say little",
    "deployments alike": "deployments differ more than their windows: windows are not replicates",
    "steady within deployments": "later windows differ from the first: warm up for longer",
    "no running averages": "each window moves less than the last, as averages of a growing log do",
    "one mode": "values cluster around two points: look at the distribution, not at the mean",
    "steady over the run": "values drift over the run: something else changed during it",
    "no change point": "values change at some point of the run: something else changed there",
    "order does not matter": "the position within a block matters: earlier cells affect later ones",
}
SUSPICIOUS = {
    "steady within deployments": "no steady state",
    "no running averages": "running averages",
    "one mode": "several modes",
    "steady over the run": "drift",
    "no change point": "change point",
}
"""Checks, with the keyword of the reason that they give a window."""


def checks(samples: pd.DataFrame, kinds: Collection[str] = READINGS) -> pd.DataFrame:
    """Do the checks of these `kinds` on all main metrics, into a frame of COLUMNS, reading, detail.

    `platform` is empty if a row is about all platforms; `level` is missing if it is about all
    levels. `p_adj` is after Holm over all rows of a check, and `found` says that it is below 5 %.
    `detail` gives the size of the effect. If a test is not possible, it has no row.
    """
    if samples.empty:
        return pd.DataFrame(columns=[*COLUMNS, "detail", "reading"])
    residuals, deployments = _window_residuals(samples), _deployment_residuals(samples)
    rows = [
        {"check": check, "level": np.nan, "platform": "", "detail": ""} | row
        for check, rows_of in _checks(samples, residuals, deployments).items()
        if check in kinds
        for row in rows_of()
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "detail"])
    table["p"] = table["p"].astype(float)
    table = table[table["p"].notna()].reset_index(drop=True)
    table["p_adj"] = holm(table["p"], table["check"])
    table["found"] = table["p_adj"] < SIGNIFICANT_P
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
        "steady within deployments": lambda: _within_deployments(
            residuals, trend, "the last window is {:.3f} times the first"
        ),
        "no running averages": lambda: _within_deployments(
            residuals, running_averages, "e^{:.3g} times likelier than independent windows"
        ),
        "one mode": lambda: _one_mode(residuals, deployments),
        "steady over the run": lambda: _along(deployments, "moment_s", "the run"),
        "no change point": lambda: _no_change(deployments),
        "order does not matter": lambda: _along(deployments, "position", "a block"),
    }


def _row(metric: object, statistic: float, p: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - columns
    return {"metric": metric, "statistic": statistic, "p": p} | more


def _equal_variances(residuals: pd.DataFrame) -> Rows:
    """Test with Brown and Forsythe's test the values relative to their platform's mean."""
    several = residuals[residuals["windows"] > 1]
    for (metric, level), frame in several.groupby(["metric", "level"], sort=False):
        platforms = frame.groupby("platform", sort=False)["relative"]
        values = [relative.to_numpy() for _, relative in platforms]
        if len(values) > 1 and all(np.ptp(relative) > 0 for relative in values):
            statistic, p = map(float, scipy.stats.levene(*values, center="median"))
            sds = [relative.std() for relative in values]
            detail = f"standard deviations differ by a factor of {max(sds) / min(sds):.3g}"
            yield _row(metric, statistic, p, level=level, detail=detail)


def _by_platform(frame: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    for (metric, platform), rows in frame.groupby(["metric", "platform"], sort=False):
        yield str(metric), str(platform), rows


def _normal(residuals: pd.DataFrame) -> Rows:
    """Test with Shapiro and Wilk's test, each level scaled by its own standard deviation."""
    several = residuals[residuals["windows"] > 1]
    for metric, platform, rows in _by_platform(several):
        scales = rows.groupby("level")["relative"].transform("std")
        values = (rows["relative"] / scales.where(scales > 0)).dropna().to_numpy()
        if len(values) >= LEAST_FOR_MODES and np.ptp(values) > 0:
            if len(values) > MOST_TESTED:
                values = np.quantile(values, (np.arange(MOST_TESTED) + 0.5) / MOST_TESTED)
            result = scipy.stats.shapiro(values)
            detail = f"skewness {scipy.stats.skew(values):.2g}"
            yield _row(metric, result.statistic, result.pvalue, platform=platform, detail=detail)


def _independent(residuals: pd.DataFrame) -> Rows:
    """Test with Ljung and Box's test of the first lag, by deployment, combined after Fisher."""
    for metric, platform, rows in _by_platform(residuals[residuals["windows"] >= LEAST_SERIES]):
        p = np.concatenate([_ljung_box(table) for table in _tables(rows)])
        if np.isfinite(p).any():
            result = scipy.stats.combine_pvalues(p[np.isfinite(p)])
            yield _row(metric, result.statistic, result.pvalue, platform=platform)


def _ljung_box(series: np.ndarray) -> np.ndarray:
    """Return p of the first lag for each row; statsmodels' `acorr_ljungbox` takes 2 ms a row."""
    count, deviations = series.shape[1], series - series.mean(axis=1, keepdims=True)
    squares = (deviations**2).sum(axis=1)
    lagged = (deviations[:, 1:] * deviations[:, :-1]).sum(axis=1)
    correlation = lagged / np.where(squares > 0, squares, np.nan)
    return np.asarray(scipy.stats.chi2.sf(count * (count + 2) * correlation**2 / (count - 1), 1))


def _deployments_alike(samples: pd.DataFrame) -> Rows:
    """Test with the nested analysis of variance whether deployments differ."""
    for row in components(samples, SIGNIFICANT_P).to_dict("records"):
        detail = f"intervals over windows are {row['understated']:.3g} times too narrow"
        shown = {key: row[key] for key in ("metric", "level", "platform", "p")}
        yield shown | {"statistic": row["F"], "detail": detail}


def _within_deployments(
    residuals: pd.DataFrame, test: Callable[[np.ndarray], tuple[float, float]], detail: str
) -> Rows:
    """Test the windows of the deployments that have the commonest number of them."""
    for metric, platform, rows in _by_platform(residuals):
        statistic, p = test(max(_tables(rows), key=np.size))
        yield _row(metric, statistic, p, platform=platform, detail=detail.format(statistic))


def _one_mode(residuals: pd.DataFrame, deployments: pd.DataFrame) -> Rows:
    """Test the windows within deployments, and the deployments."""
    frames = {"windows": residuals[residuals["windows"] > 1], "deployments": deployments}
    for values, frame in frames.items():
        for metric, platform, rows in _by_platform(frame):
            explained, p = several_modes(rows["relative"].to_numpy())
            detail = f"two groups explain {explained:.0%} of the variation of the {values}"
            yield _row(metric, explained, p, platform=platform, detail=detail)


def _along(deployments: pd.DataFrame, axis: str, period: str) -> Rows:
    """Test with Kendall's tau whether later deployments are slower or faster."""
    for metric, rows in deployments.groupby("metric", sort=False):
        if len(rows) >= LEAST_DEPLOYMENTS and np.ptp(rows["relative"]) > 0:
            result = scipy.stats.kendalltau(rows[axis], rows["relative"])
            x, y = rows[axis].to_numpy(), rows["relative"].to_numpy()
            # the change over the range of x, by Theil and Sen's line
            slope = float(scipy.stats.theilslopes(y, x).slope) if np.ptp(x) > 0 else 0.0
            detail = f"{np.expm1(slope * np.ptp(x)):+.1%} from beginning to end of {period}"
            yield _row(metric, result.statistic, result.pvalue, detail=detail)


def _no_change(deployments: pd.DataFrame) -> Rows:
    for metric, rows in deployments.groupby("metric", sort=False):
        values = rows["relative"].to_numpy()
        before, statistic, p = change_point(values)
        if before:
            step = np.expm1(np.median(values[before:]) - np.median(values[:before]))
            detail = f"{step:+.1%} after deployment {before} of {len(values)}"
            yield _row(metric, statistic, p, detail=detail)


def _window_residuals(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the valid windows of the main metrics, in order, with two more columns.

    `relative` is the value over its deployment's mean at that level, minus 1; `windows` is the
    number of windows of that deployment at that level.
    """
    values = main_values(samples)
    values = values[values["value"] > 0].sort_values([*SERIES, "window"], kind="stable")
    groups = values.groupby(SERIES, sort=False)["value"]
    relative = values["value"] / groups.transform("mean") - 1
    return values.assign(relative=relative, windows=groups.transform("size"))


def _deployment_residuals(samples: pd.DataFrame) -> pd.DataFrame:
    """Return metric, platform, deployment, relative, moment_s and position, in order of time.

    `relative` is the distance of a deployment from its platform's mean at a level, on a log scale,
    averaged over levels: one independent value per deployment. `position` is its rank in its block.
    """
    values = by_deployment(main_values(samples))
    values = values[values["value"] > 0]
    means = values.groupby(SERIES, sort=False).agg(
        value=("value", "mean"), moment_s=("started_monotonic_s", "min")
    )
    logs = np.log(means["value"])
    means["relative"] = logs - logs.groupby(CELL).transform("mean")
    groups = means.groupby(["metric", "platform", "deployment"], sort=False)
    residuals = groups.agg(
        relative=("relative", "mean"), moment_s=("moment_s", "min")
    ).reset_index()
    residuals["position"] = residuals.groupby(["metric", "deployment"])["moment_s"].rank()
    return residuals.sort_values("moment_s", kind="stable")


def _tables(residuals: pd.DataFrame) -> list[np.ndarray]:
    """Return arrays with a row for each deployment at a level, by number of windows."""
    lengths = residuals.groupby("windows", sort=True)["relative"]
    return [1 + values.to_numpy().reshape(-1, int(str(length))) for length, values in lengths]
