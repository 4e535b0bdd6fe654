# SPDX-License-Identifier: Apache-2.0
"""What changed between two runs: B against A, for every main metric, platform and level.

Deployments are the replicates; windows of one deployment are only averaged. All tests use the
logarithms of the deployments' means, so that a ratio and its inverse have the same weight. Two runs
are different if the ratio is beyond the margin (a test against an interval: Lehmann and Romano,
Testing Statistical Hypotheses, 3.7), and equivalent if it is within (two one-sided tests:
Schuirmann 1987). The p-values of both are adjusted over all comparisons, after Holm (1979).

The test permutes deployments between the runs and compares Welch's t, which stays valid with
unequal variances (Janssen 1997). With few deployments, no permutation is rare enough: then the t
distribution is used, which assumes that the deployments' logarithms are about normal.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy

from featherbench.records.cell import Metric
from featherbench.statistics.conventions import DEPLOYMENT, ROUNDING, SIGNIFICANT_P, holm
from featherbench.statistics.data.replicates import main_values
from featherbench.statistics.data.samples import by_deployment, declared

Tail = Callable[[np.ndarray, np.ndarray], float]

KEYS = ["platform", "workload", "metric", "load_point", "level", "unit"]
COLUMNS = [
    *KEYS,
    *("deployments_a", "deployments_b", "mean_a", "mean_b", "ratio", "ci_low", "ci_high"),
    *("p_change", "p_same", "test", "replicate", "note"),
]
EXACT, PERMUTATION, WELCH = "exact", "permutation", "Welch's t"
RESAMPLES_PER_COMPARISON = 10
"""Times 1/SIGNIFICANT_P; how far the least possible p is below what Holm's first step needs."""
LEAST_RESAMPLES, MOST_RESAMPLES = 9_999, 99_999
BATCH = 10_000
TIE = 100 * np.finfo(float).eps
"""Statistics whose relative difference is smaller are equal but for rounding."""
LEAST_DEPLOYMENTS = 2
INVARIABLE = "image_size"
"""Metrics of this aspect do not vary: any difference is a change, and needs no test."""


def changes(
    a: pd.DataFrame, b: pd.DataFrame, margin: float, metrics: Iterable[Metric]
) -> pd.DataFrame:
    """Compare two runs' samples, into a frame of COLUMNS in the order of A's, then B's.

    Means are of the deployments' means over valid windows; `ratio` is of geometric means, B's over
    A's, with its unadjusted 95 % interval. `margin` is a fraction, 0.05 for 5 %: `p_change` tests
    that the ratio is within 1 / (1 + margin) to 1 + margin, `p_same` that it is outside; both are
    adjusted. Columns that cannot be computed are NaN, and a `note` says why.
    """
    both, log_margin = pd.concat([a, b]), math.log1p(margin)
    known = declared(both, metrics)
    constant = {name for name, metric in known.items() if metric.aspect == INVARIABLE}
    pairs = both.loc[both["primary"], KEYS].drop_duplicates(ignore_index=True)
    of_a, of_b, none = _deployment_means(a), _deployment_means(b), np.array([])
    values = [(of_a.get(k, none), of_b.get(k, none)) for k in pairs.itertuples(index=False)]
    tested = ~pairs["metric"].isin(constant)
    family = sum(not _obstacle(*pair) for pair in itertools.compress(values, tested))
    rows = [
        _means(*pair)
        | (_tested(*pair, log_margin, family) if is_tested else _exact(*pair, log_margin))
        for pair, is_tested in zip(values, tested, strict=True)
    ]
    table = pairs.join(pd.DataFrame(rows, index=pairs.index)).reindex(columns=COLUMNS)
    has_p = table["note"] == ""
    for column in ("p_change", "p_same"):
        adjusted = holm(table[column].astype(float).where(has_p), has_p)
        table[column] = table[column].mask(has_p, adjusted)
    return table


def _deployment_means(samples: pd.DataFrame) -> dict[tuple[Any, ...], np.ndarray]:
    values = by_deployment(main_values(samples))
    means = values.groupby([*KEYS, DEPLOYMENT], sort=False)["value"].mean()
    groups = means.groupby(KEYS, sort=False)
    return {key: group.to_numpy(float) for key, group in groups}


def _means(a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    return {
        "deployments_a": len(a),
        "deployments_b": len(b),
        "mean_a": a.mean() if len(a) else np.nan,
        "mean_b": b.mean() if len(b) else np.nan,
    }


def _missing(a: np.ndarray, b: np.ndarray) -> str:
    runs = " and ".join(name for name, means in (("A", a), ("B", b)) if not len(means))
    return f"no valid window in {runs}" if runs else ""


def _obstacle(a: np.ndarray, b: np.ndarray) -> str:
    """Return why the two cannot be tested against each other; empty if they can."""
    if missing := _missing(a, b):
        return missing
    if min(len(a), len(b)) < LEAST_DEPLOYMENTS:
        return "a single deployment: nothing tells chance from change"
    return "" if min(a.min(), b.min()) > 0 else "a mean is not above zero: no ratio"


def _exact(a: np.ndarray, b: np.ndarray, margin: float) -> dict[str, Any]:
    """Compare values that do not vary."""
    if missing := _missing(a, b):
        return {"note": missing}
    ratio = b.mean() / a.mean() if a.mean() else np.nan
    beyond = abs(math.log(ratio)) > margin if ratio > 0 else True
    return {
        "ratio": ratio,
        "p_change": 0.0 if beyond else 1.0,
        "p_same": 1.0 if beyond else 0.0,
        "test": EXACT,
        "note": "does not vary: no test",
    }


def _tested(a: np.ndarray, b: np.ndarray, margin: float, family: int) -> dict[str, Any]:
    """Test logarithms. The numbers of deployments, never their values, decide which test."""
    if note := _obstacle(a, b):
        return {"note": note}
    log_a, log_b = np.log(a), np.log(b)
    test, tail = _test_for(len(a), len(b), family)
    difference = float(log_b.mean() - log_a.mean())
    error = math.sqrt(_variance_of_mean(log_a) + _variance_of_mean(log_b))
    half = float(scipy.stats.t.ppf(1 - SIGNIFICANT_P / 2, _freedom(log_a, log_b)) * error)
    direction = math.copysign(1.0, difference)
    within = abs(difference) <= margin
    return {
        "ratio": math.exp(difference),
        "ci_low": math.exp(difference - half),
        "ci_high": math.exp(difference + half),
        "p_change": 1.0 if within and margin else min(1.0, 2 * tail(
            direction * log_a + margin, direction * log_b)),
        "p_same": 1.0 if not within else max(
            tail(log_b, log_a + margin), tail(log_a - margin, log_b)),
        "test": test,
        "replicate": DEPLOYMENT,
        "note": "",
    }  # fmt: skip


def _test_for(n_a: int, n_b: int, family: int) -> tuple[str, Tail]:
    """Choose permutation if its least p-value can satisfy Holm's first step."""
    rarest = 2 / math.comb(n_a + n_b, n_a)
    if rarest <= SIGNIFICANT_P / family:
        needed = math.ceil(RESAMPLES_PER_COMPARISON * family / SIGNIFICANT_P)
        resamples = min(max(needed, LEAST_RESAMPLES), MOST_RESAMPLES)
        return PERMUTATION, lambda a, b: _permuted(a, b, resamples)
    return WELCH, lambda a, b: float(scipy.stats.t.sf(_welch(b, a), _freedom(a, b)))


def _permuted(a: np.ndarray, b: np.ndarray, resamples: int) -> float:
    """Return the probability, under permutation, of a B so far above A.

    This is scipy's `permutation_test`, which takes several times as long.
    """
    observed = float(_welch(b, a))
    least, beyond, permutations = observed - TIE * abs(observed), 0, 0
    for rows in _rearranged(np.concatenate([b, a]), len(b), resamples):
        beyond += int(np.sum(_welch(rows[:, : len(b)], rows[:, len(b) :]) >= least))
        permutations += len(rows)
    is_exact = permutations == math.comb(len(a) + len(b), len(b))
    return beyond / permutations if is_exact else (beyond + 1) / (permutations + 1)


def _rearranged(values: np.ndarray, first: int, most: int) -> Iterator[np.ndarray]:
    """Yield rows of the values, divided into the `first` and the others in all ways.

    If there are more than `most` ways, yield as many at random.
    """
    n = len(values)
    if math.comb(n, first) <= most:
        chosen = np.array(list(itertools.combinations(range(n), first)))
        others = np.array(list(itertools.combinations(range(n), n - first)))[::-1]
        yield values[np.hstack([chosen, others])]
        return
    rng = np.random.default_rng(0)
    for begin in range(0, most, BATCH):
        yield rng.permuted(np.tile(values, (min(BATCH, most - begin), 1)), axis=1)


def _welch(x: np.ndarray, y: np.ndarray, axis: int = -1) -> Any:  # noqa: ANN401 - as NumPy's
    """Return Welch's t along an axis; without any variance it is very large, but finite."""
    error = _variance_of_mean(x, axis) + _variance_of_mean(y, axis)
    return (x.mean(axis) - y.mean(axis)) / np.sqrt(error)


def _variance_of_mean(x: np.ndarray, axis: int = -1) -> Any:  # noqa: ANN401 - as NumPy's
    return x.var(axis, ddof=1) / x.shape[axis] + ROUNDING**2


def _freedom(a: np.ndarray, b: np.ndarray) -> float:
    """Return the degrees of freedom after Welch and Satterthwaite."""
    parts = np.array([_variance_of_mean(a), _variance_of_mean(b)])
    return float(parts.sum() ** 2 / (parts**2 / (np.array([len(a), len(b)]) - 1)).sum())
