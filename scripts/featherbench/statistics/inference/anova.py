# SPDX-License-Identifier: Apache-2.0
"""Whether any platforms differ: the analysis of variance, as in the paper, and at each level.

Sums of squares are of type II, by comparing least-squares models: each main effect is adjusted for
the other one, not for the interaction (Fox, Applied Regression Analysis, 8.2). The models are
fitted to the groups' means, weighted by n, which gives the same sums of squares as the single
values do, and works from published means and deviations as well.

If n is unequal, least squares gives large groups more weight. The analysis of unweighted means
(Yates 1934, JASA 29(185)) gives all the same, with the harmonic mean of n; so does the paper.

Welch's analysis of variance and the test of ranks, at each level, do not assume equal variances: at
one level of the paper's HTTP data, standard deviations range from 60 to 9,655.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy
from statsmodels.stats.oneway import anova_generic

from featherbench.statistics.conventions import (
    ALL_LEVELS,
    DEPLOYMENT,
    LEVEL,
    ROUNDING,
    TEST_COLUMNS,
    UNWEIGHTED_TESTS,
    holm,
)
from featherbench.statistics.data import replicates
from featherbench.statistics.data.replicates import Compared, deployment_means, squares_within

TESTS = ("one-way ANOVA", "two-way ANOVA")
COLUMNS = [
    *("metric", *TEST_COLUMNS, "effect", "df", "df_resid", "F", "p"),
    *("partial_eta_squared", "partial_omega_squared", "note"),
]
WELCH, KRUSKAL = "Welch's ANOVA", "Kruskal-Wallis"
LEVEL_COLUMNS = [
    *("metric", "level", *TEST_COLUMNS, "df", "df_resid", "statistic", "p", "p_adj"),
    *("effect_size", "note"),
]


def analyse(compared: Compared, *, unweighted: bool = False) -> pd.DataFrame:
    """Analyse every main metric, into a frame of COLUMNS with one row per effect.

    If a metric cannot be analysed, its row has NaN, and `note` says why. The analysis of
    `unweighted` means leaves out metrics of equal n, for which it gives the same result.
    """
    rows = [
        {"metric": metric, "replicate": replicate} | row
        for metric, replicate, groups in compared
        if not (unweighted and _balanced(groups))
        for row in effects(groups, unweighted=unweighted)
    ]
    return pd.DataFrame(rows, columns=COLUMNS).assign(error="", scope=ALL_LEVELS)


def effects(groups: pd.DataFrame, *, unweighted: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table for groups of platform, level, n, mean and sd.

    The effects are platform, level and their interaction; with a single level,
    platform alone: a one-way analysis.
    """
    platforms, levels = groups["platform"].nunique(), groups["level"].nunique()
    counted = groups.assign(n=harmonic_n(groups)) if unweighted else groups
    obstacle = replicates.obstacle(groups)
    sums = _sums_of_squares(counted) if platforms > 1 else {"platform": (np.nan, np.nan)}
    note = obstacle or _remark(groups, platforms * levels, unweighted=unweighted)
    test = (UNWEIGHTED_TESTS if unweighted else TESTS)[levels > 1]
    for effect, (squares, freedom) in sums.items():
        row = {"test": test, "effect": effect, "df": freedom, "note": note}
        yield row | ({} if obstacle else _test(squares, freedom, groups))


def harmonic_n(groups: pd.DataFrame) -> float:
    """Return the harmonic mean of the groups' n: the weight of each in unweighted means."""
    return float(scipy.stats.hmean(groups["n"].to_numpy(float)))


def _balanced(groups: pd.DataFrame) -> bool:
    return len(set(groups["n"])) == 1


def _remark(groups: pd.DataFrame, combinations: int, *, unweighted: bool) -> str:
    """Return what a reader must know about the design."""
    if empty := combinations - len(groups):
        return f"{empty} combinations of platform and level have no valid value"
    if _balanced(groups):
        return ""
    if unweighted:
        return f"unbalanced: every mean counts as one of {harmonic_n(groups):.4g} (harmonic mean n)"
    return "unbalanced: type II sums of squares"


def _sums_of_squares(groups: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return the sum of squares and the degrees of freedom of each effect in the design."""
    platforms = pd.get_dummies(groups["platform"]).to_numpy(float)
    levels = pd.get_dummies(groups["level"]).to_numpy(float)
    additive, saturated = _fit(np.hstack([platforms, levels]), groups), (0.0, len(groups))
    models = {
        "platform": (_fit(levels, groups), additive),
        "level": (_fit(platforms, groups), additive),
        "platform:level": (additive, saturated),
    }
    return {
        effect: (max(small[0] - large[0], 0.0), large[1] - small[1])
        for effect, (small, large) in models.items()
        if large[1] > small[1]
    }


def _fit(design: np.ndarray, groups: pd.DataFrame) -> tuple[float, int]:
    """Fit by weighted least squares; return the residual sum of squares, and the rank."""
    weights = np.sqrt(groups["n"].to_numpy(float))
    means = groups["mean"].to_numpy(float)
    centred = means - np.average(means, weights=weights**2)
    solution, _, rank, _ = np.linalg.lstsq(design * weights[:, None], centred * weights)
    residuals = (centred - design @ solution) * weights
    return float(residuals @ residuals), int(rank)


def _test(squares: float, freedom: float, groups: pd.DataFrame) -> dict[str, Any]:
    """Test one effect; effect sizes after Olejnik and Algina (2003), Psychological Methods 8(4)."""
    within, df_resid = squares_within(groups)
    ratio = squares / freedom / (within / df_resid)
    surplus = freedom * (ratio - 1)
    return {
        "df_resid": df_resid,
        "F": ratio,
        "p": float(scipy.stats.f.sf(ratio, freedom, df_resid)),
        "partial_eta_squared": squares / (squares + within),
        "partial_omega_squared": surplus / (surplus + float(groups["n"].sum())),
    }


def levels(samples: pd.DataFrame) -> pd.DataFrame:
    """Test every level of every main metric both ways, into a frame of LEVEL_COLUMNS.

    Deployments are the replicates. `statistic` is Welch's F, or Kruskal and Wallis's H.
    `effect_size` is the share of the variation that the platforms explain: omega squared, or eta
    squared of the ranks. `p_adj` is after Holm over the levels of a metric. Columns that cannot be
    computed are NaN, and `note` says why.
    """
    means = deployment_means(samples).rename(columns={"mean": "value"})
    rows = [
        {"metric": metric, "level": level} | row
        for (metric, level), frame in means.groupby(["metric", "level"], sort=False)
        for row in _tested(frame)
    ]
    table = pd.DataFrame(rows, columns=LEVEL_COLUMNS)
    table["p_adj"] = holm(table["p"].astype(float), table["metric"] + table["test"])
    return table.assign(replicate=DEPLOYMENT, error="", scope=LEVEL)


def _tested(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    family = replicates.groups(frame)
    note = replicates.obstacle(family)
    constant = (family["n"] == 1) | (family["sd"] <= ROUNDING * family["mean"].abs())
    unvaried = f"no variation of {', '.join(family.loc[constant, 'platform'])}"
    of_welch = note or (unvaried if constant.any() else "")
    yield {"test": WELCH, "note": of_welch} | ({} if of_welch else welch(family))
    yield {"test": KRUSKAL, "note": note} | ({} if note else _kruskal(frame))


def welch(family: pd.DataFrame) -> dict[str, Any]:
    """Test groups of n, mean and sd, whose variances may differ: Welch (1951), Biometrika 38."""
    n, means, sd = (family[column].to_numpy(float) for column in ("n", "mean", "sd"))
    result = anova_generic(means, sd**2, n, use_var="unequal")
    surplus = max(0.0, result.df_num * (result.statistic - 1))
    return {
        "df": result.df_num,
        "df_resid": result.df_denom,
        "statistic": result.statistic,
        "p": result.pvalue,
        "effect_size": surplus / (surplus + n.sum()),
    }


def _kruskal(frame: pd.DataFrame) -> dict[str, Any]:
    platforms = [values.to_numpy() for _, values in frame.groupby("platform")["value"]]
    (statistic, p), k = scipy.stats.kruskal(*platforms), len(platforms)
    share = (statistic - k + 1) / (len(frame) - k) if len(frame) > k else np.nan
    return {"df": k - 1, "statistic": statistic, "p": p, "effect_size": max(0.0, share)}
