# SPDX-License-Identifier: Apache-2.0
"""What changed between two runs: B against A, for every main metric, platform and level.

Deployments are the replicates; windows of one deployment are only averaged. Everything is done with
the logarithms of the deployments' means, so that a ratio and its inverse weigh the same. A change
counts when it lies beyond the margin (a test against an interval: Lehmann and Romano, Testing
Statistical Hypotheses, 3.7), and sameness when it lies within (two one-sided tests: Schuirmann
1987). Both have p-values adjusted over all comparisons, after Holm (1979).

The test permutes deployments between the runs and compares Welch's t, which stays valid where the
variances differ (Janssen 1997). With few deployments no permutation can be rare enough: then the t
distribution is taken instead, which assumes that the deployments' logarithms are about normal.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy
from statsmodels.stats.multitest import multipletests

from featherbench.statistics.conventions import DEPLOYMENT
from featherbench.statistics.data.replicates import ROUNDING
from featherbench.statistics.data.samples import valid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Tail = Callable[[np.ndarray, np.ndarray], float]

KEYS = ["platform", "workload", "metric", "concurrency", "unit"]
COLUMNS = [
    *KEYS,
    *("deployments_a", "deployments_b", "mean_a", "mean_b", "ratio", "ci_low", "ci_high"),
    *("p_change", "p_same", "test", "replicate", "note"),
]
ALPHA = 0.05
EXACT, PERMUTATION, WELCH = "exact", "permutation", "Welch's t"
RESAMPLES_PER_COMPARISON = 10
"""Times 1/ALPHA: by so much the least p-value that can come out is below what Holm asks for."""
LEAST_RESAMPLES, MOST_RESAMPLES = 9_999, 99_999
BATCH = 10_000
LEAST_DEPLOYMENTS = 2
NONE = np.array([])
INVARIABLE = "image_size_"
"""Metrics that begin so do not vary: any difference is a change, and needs no test."""


def changes(a: pd.DataFrame, b: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Compare two runs' samples, into a frame of COLUMNS in the order of A's, then B's.

    Means are of the deployments' means over valid windows; `ratio` is of geometric means, B's over
    A's, with the 95 % interval of that comparison alone. `margin` is a share, 0.05 for 5 %:
    `p_change` speaks against a ratio within 1 / (1 + margin) to 1 + margin, `p_same` against one
    outside; both are adjusted. What cannot be tested has NaN, and a `note` says why.
    """
    means = _deployment_means(a), _deployment_means(b)
    pairs = {
        key: (means[0].get(key, NONE), means[1].get(key, NONE))
        for key in dict.fromkeys([*_keys(a), *_keys(b)])
    }
    tested = sum(not _obstacle(key, *pair) for key, pair in pairs.items())
    rows = [_row(key, *pair, math.log1p(margin), tested) for key, pair in pairs.items()]
    return _adjusted(pd.DataFrame(rows, columns=COLUMNS))


def _keys(samples: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    return (
        samples.loc[samples["primary"], KEYS].drop_duplicates().itertuples(index=False, name=None)
    )


def _deployment_means(samples: pd.DataFrame) -> dict[tuple[Any, ...], np.ndarray]:
    believed = valid(samples[samples["primary"]])
    means = believed.groupby([*KEYS, "deployment"], sort=False)["value"].mean()
    groups = means.groupby(KEYS, sort=False)
    return {key: group.to_numpy(float) for key, group in groups}


def _row(
    key: tuple[Any, ...], a: np.ndarray, b: np.ndarray, margin: float, family: int
) -> dict[str, Any]:
    row = dict(zip(KEYS, key, strict=True)) | {
        "deployments_a": len(a),
        "deployments_b": len(b),
        "mean_a": a.mean() if len(a) else np.nan,
        "mean_b": b.mean() if len(b) else np.nan,
        "note": _obstacle(key, a, b),
    }
    if _invariable(key) and len(a) and len(b):
        return row | _exact(a, b, margin)
    return row if row["note"] else row | _tested(np.log(a), np.log(b), margin, family)


def _invariable(key: tuple[Any, ...]) -> bool:
    return str(key[KEYS.index("metric")]).startswith(INVARIABLE)


def _obstacle(key: tuple[Any, ...], a: np.ndarray, b: np.ndarray) -> str:
    """Say why the two cannot be tested against each other; nothing if they can."""
    missing = [name for name, side in (("A", a), ("B", b)) if not len(side)]
    if missing:
        return f"no valid window in {' and '.join(missing)}"
    if _invariable(key):
        return "does not vary: no test"
    if min(len(a), len(b)) < LEAST_DEPLOYMENTS:
        return "a single deployment: nothing tells chance from change"
    return "" if min(a.min(), b.min()) > 0 else "a mean is not above zero: no ratio"


def _exact(a: np.ndarray, b: np.ndarray, margin: float) -> dict[str, Any]:
    ratio = b.mean() / a.mean() if a.mean() else np.nan
    beyond = abs(math.log(ratio)) > margin if ratio > 0 else True
    return {
        "ratio": ratio,
        "p_change": 0.0 if beyond else 1.0,
        "p_same": 1.0 if beyond else 0.0,
        "test": EXACT,
    }


def _tested(a: np.ndarray, b: np.ndarray, margin: float, family: int) -> dict[str, Any]:
    """Test logarithms. Which test depends on the numbers of deployments, never on their values."""
    test, tail = _test_for(len(a), len(b), family)
    difference, half = float(b.mean() - a.mean()), _half_width(a, b)
    direction = math.copysign(1.0, difference)
    within = abs(difference) <= margin
    return {
        "ratio": math.exp(difference),
        "ci_low": math.exp(difference - half),
        "ci_high": math.exp(difference + half),
        "p_change": 1.0 if within and margin else min(1.0, 2 * tail(
            direction * a + margin, direction * b)),
        "p_same": 1.0 if not within else max(
            tail(b, a + margin), tail(a - margin, b)),
        "test": test,
        "replicate": DEPLOYMENT,
    }  # fmt: skip


def _test_for(n_a: int, n_b: int, family: int) -> tuple[str, Tail]:
    """Choose permutation where it can reach what Holm asks of the smallest p-value."""
    rarest = 2 / math.comb(n_a + n_b, n_a)
    if rarest <= ALPHA / family:
        wanted = math.ceil(RESAMPLES_PER_COMPARISON * family / ALPHA)
        resamples = min(max(wanted, LEAST_RESAMPLES), MOST_RESAMPLES)
        return PERMUTATION, lambda a, b: _permuted(a, b, resamples)
    return WELCH, _t_tail


def _permuted(a: np.ndarray, b: np.ndarray, resamples: int) -> float:
    """Give the probability, under permutation, of a B so far above A."""
    found = scipy.stats.permutation_test(
        (b, a),
        _welch,
        vectorized=True,
        alternative="greater",
        n_resamples=resamples,
        batch=BATCH,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def _t_tail(a: np.ndarray, b: np.ndarray) -> float:
    return float(scipy.stats.t.sf(_welch(b, a), _freedom(a, b)))


def _welch(x: np.ndarray, y: np.ndarray, axis: int = -1) -> Any:  # noqa: ANN401 - as NumPy's
    """Welch's t, along an axis; without any variance it is very large, but finite."""
    error = _variance_of_mean(x, axis) + _variance_of_mean(y, axis)
    return (x.mean(axis) - y.mean(axis)) / np.sqrt(error)


def _variance_of_mean(x: np.ndarray, axis: int = -1) -> Any:  # noqa: ANN401 - as NumPy's
    return x.var(axis, ddof=1) / x.shape[axis] + ROUNDING**2


def _freedom(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees of freedom after Welch and Satterthwaite."""
    parts = np.array([_variance_of_mean(a), _variance_of_mean(b)])
    return float(parts.sum() ** 2 / (parts**2 / (np.array([len(a), len(b)]) - 1)).sum())


def _half_width(a: np.ndarray, b: np.ndarray) -> float:
    error = math.sqrt(_variance_of_mean(a) + _variance_of_mean(b))
    return float(scipy.stats.t.ppf(1 - ALPHA / 2, _freedom(a, b)) * error)


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    tested = table["note"] == ""
    for column in ("p_change", "p_same"):
        if tested.any():
            adjusted = multipletests(table.loc[tested, column].astype(float), method="holm")[1]
            table.loc[tested, column] = adjusted
    return table
