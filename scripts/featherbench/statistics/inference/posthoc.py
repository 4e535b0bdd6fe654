# SPDX-License-Identifier: Apache-2.0
"""Which platforms differ: all pairs, by three tests.

- Tukey's honest significant difference, with unequal n after Kramer (1956), Biometrics 12(3). The
  pairs at one level are a family: `p_adj` and the interval hold for all of them at once. So
  are the pairs over all concurrencies.
- Games and Howell (1976), Journal of Educational Statistics 1(2), if variances differ, too: Tukey's
  test, with each pair's own variances and Welch's degrees of freedom. scipy's
  `tukey_hsd(equal_var=False)` gives the same, but takes 15 s for the pairs of a dozen platforms.
- Within blocks, the test of the ratios to the baseline. The other tests ignore blocks: they may
  find no difference between two platforms whose ratios to the baseline, each significantly
  different from 1, are far apart.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline

from featherbench.statistics.conventions import (
    ALL_LEVELS,
    BLOCK,
    CONFIDENCE,
    DEPLOYMENT,
    LEVEL,
    PAIR,
    ROUNDING,
    TEST_COLUMNS,
    holm,
)
from featherbench.statistics.data.replicates import (
    CELL,
    Compared,
    block_pairs,
    comparisons,
    deployment_means,
    obstacle,
    squares_within,
)
from featherbench.statistics.inference.ratios import unadjusted_ratios
from featherbench.statistics.inference.studentized_range import critical, survival
from featherbench.statistics.summary import half_width

Families = Iterable[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]]
"""What identifies the rows, the groups to compare, and those whose variation is the error."""
Parts = tuple[np.ndarray, float | np.ndarray, Callable[[np.ndarray], np.ndarray]]
"""The pairs' standard errors and critical values, and the distribution's survival function."""
Test = Callable[[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray], Parts]
"""From both groups, and the positions of the first and of the second platforms of all pairs."""

TUKEY_KRAMER, GAMES_HOWELL = "Tukey-Kramer", "Games-Howell"
COLUMNS = [
    *("metric", "level", "platform_a", "platform_b", "difference", "ratio"),
    *("ci_low", "ci_high", "p_adj", *TEST_COLUMNS, "note"),
]
KNOTS = 48
"""Of the spline through the critical values: its error is below 1e-5."""


def posthoc(samples: pd.DataFrame, baseline: str, margin: float) -> pd.DataFrame:
    """Compare every pair of platforms, for every main metric and level, into a frame of COLUMNS.

    `difference` is the mean of `platform_a` minus that of `platform_b`, with its 95 % interval
    `ci_low` to `ci_high`, in the metric's unit; `ratio` is a's mean over b's. The platform that
    comes first in the samples is `platform_b`, the base. Columns that cannot be computed are NaN,
    and `note` says why.
    """
    compared = list(comparisons(samples))
    of_deployments = [groups for groups in compared if groups[1] == DEPLOYMENT]
    tests = [compare(compared), games_howell(of_deployments), paired(samples, baseline, margin)]
    return pd.concat([table for table in tests if len(table)] or tests[:1])


def compare(compared: Compared) -> pd.DataFrame:
    """Compare at each level, with the variation within that level as the error."""
    families = _at_each_level(compared, common_error=False)
    return _table(families, _tukey, test=TUKEY_KRAMER, error=LEVEL, scope=LEVEL)


def compare_with_common_error(compared: Compared) -> pd.DataFrame:
    """Compare at each level, if there are several, with the variation within all as the error.

    This is how Tukey's test follows a two-way analysis of variance, whose error it takes: it has
    more degrees of freedom, and assumes the same deviation at every level.
    """
    families = _at_each_level(_with_levels(compared), common_error=True)
    return _table(families, _tukey, test=TUKEY_KRAMER, error=ALL_LEVELS, scope=LEVEL)


def compare_over_levels(compared: Compared) -> pd.DataFrame:
    """Compare over all levels, if there are several; `level` is missing.

    A platform's mean is the unweighted mean of its means at all levels. The error is the variation
    within the groups of platform and level, as in the two-way analysis of variance. A
    platform without a value at some level is left out.
    """
    families = (
        ({"metric": metric, "replicate": replicate}, _over_levels(groups), groups)
        for metric, replicate, groups in _with_levels(compared)
    )
    return _table(families, _tukey, test=TUKEY_KRAMER, error=ALL_LEVELS, scope=ALL_LEVELS)


def games_howell(compared: Compared) -> pd.DataFrame:
    """Compare at each level, with the variation of each pair as the error."""
    families = _at_each_level(compared, common_error=False)
    return _table(families, _games_howell, test=GAMES_HOWELL, error=PAIR, scope=LEVEL)


def _at_each_level(compared: Compared, *, common_error: bool) -> Families:
    for metric, replicate, groups in compared:
        for level, family in groups.groupby("level", sort=True):
            row = {"metric": metric, "level": level, "replicate": replicate}
            yield row, family, groups if common_error else family


def _with_levels(compared: Compared) -> Compared:
    return (groups for groups in compared if len(groups[2]["level"].unique()) > 1)


def _over_levels(groups: pd.DataFrame) -> pd.DataFrame:
    """Average each platform over all levels; `n` is such that the mean's variance is sd^2 / n."""
    platforms = groups.groupby("platform", sort=False)
    complete = platforms.filter(lambda rows: len(rows) == groups["level"].nunique())
    inverses = complete.assign(inverse=1 / complete["n"]).groupby("platform", sort=False)
    averaged = inverses.agg(levels=("n", "size"), inverse=("inverse", "sum"), mean=("mean", "mean"))
    return averaged.assign(n=averaged["levels"] ** 2 / averaged["inverse"]).reset_index()


def _table(families: Families, parts: Test, **constant: str) -> pd.DataFrame:
    rows = [
        row | pair for row, family, groups in families for pair in _pairs(family, groups, parts)
    ]
    return pd.DataFrame(rows, columns=COLUMNS).assign(**constant)


def _pairs(family: pd.DataFrame, groups: pd.DataFrame, parts: Test) -> Iterator[dict[str, Any]]:
    """Compare the means of all pairs of `family`."""
    positions = list(combinations(range(len(family)), 2))
    if not positions:
        return
    b, a = np.array(positions).T
    names, means = family["platform"].to_numpy(object), family["mean"].to_numpy(float)
    difference, note = means[a] - means[b], obstacle(groups)
    columns: dict[str, Any] = {
        "platform_a": names[a],
        "platform_b": names[b],
        "difference": difference,
        "ratio": np.divide(means[a], means[b], out=np.full(len(a), np.nan), where=means[b] != 0),
        "note": note,
    }
    if not note:
        error, critical_value, survives = parts(family, groups, a, b)
        p, half = survives(np.abs(difference) / error), critical_value * error
        columns |= {"ci_low": difference - half, "ci_high": difference + half, "p_adj": p}
        columns["note"] = np.where(np.isnan(p), "too few values, or they do not vary", "")
    yield from pd.DataFrame(columns).to_dict("records")  # type: ignore[misc]


def _tukey(family: pd.DataFrame, groups: pd.DataFrame, a: np.ndarray, b: np.ndarray) -> Parts:
    n, platforms = family["n"].to_numpy(float), len(family)
    within, df = squares_within(groups)
    error = np.sqrt(within / df / 2 * (1 / n[a] + 1 / n[b]))
    return error, critical(CONFIDENCE, platforms, df), lambda q: survival(q, platforms, df)


def _games_howell(family: pd.DataFrame, _: pd.DataFrame, a: np.ndarray, b: np.ndarray) -> Parts:
    n, platforms = family["n"].to_numpy(float), len(family)
    sd = family["sd"].where(family["sd"] > ROUNDING * family["mean"].abs(), 0.0).to_numpy(float)
    of_mean = np.where(n > 1, sd**2 / n, np.nan)
    variance = of_mean[a] + of_mean[b]
    variance[variance == 0] = np.nan
    df = variance**2 / sum(of_mean[side] ** 2 / np.maximum(n[side] - 1, 1) for side in (a, b))
    critical_values = np.exp(_log_critical(platforms)(1 / df))
    return np.sqrt(variance / 2), critical_values, lambda q: _survival(q, platforms, df)


def _survival(q: np.ndarray, platforms: int, df: np.ndarray) -> np.ndarray:
    """Return p of each pair; NaN if it has no degrees of freedom."""
    p = np.full(len(q), np.nan)
    for index in np.flatnonzero(np.isfinite(df)):
        p[index] = survival(q[[index]], platforms, float(df[index]))[0]
    return p


@lru_cache(maxsize=64)
def _log_critical(platforms: int) -> CubicSpline:
    """Return a spline through the logarithms of critical values over 1/df, which are smooth."""
    inverses = (1 - np.cos(np.linspace(0.01, np.pi, KNOTS))) / 2
    values = [critical(CONFIDENCE, platforms, 1 / inverse) for inverse in inverses]
    return CubicSpline(inverses, np.log(values))


def paired(samples: pd.DataFrame, baseline: str, margin: float) -> pd.DataFrame:
    """Compare all pairs without the baseline within blocks.

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
    note = np.where(few, "fewer than two deployments that both have", "")
    renamed = compared.rename(columns={"platform": "platform_a"})
    return renamed.assign(platform_b=base, error=BLOCK, note=note)


def _differences(base: str, means: pd.DataFrame) -> pd.DataFrame:
    """Return the mean difference over blocks, and its interval by the paired t test."""
    pairs = block_pairs(means, base)
    differences = pairs.assign(difference=pairs["mean"] - pairs["mean_base"])
    table = differences.groupby(CELL, sort=False)["difference"].agg(["mean", "std", "size"])
    half = half_width(table["std"], table["size"])
    low, high = table["mean"] - half, table["mean"] + half
    return pd.DataFrame({"difference": table["mean"], "ci_low": low, "ci_high": high}).reset_index()
