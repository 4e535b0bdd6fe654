# SPDX-License-Identifier: Apache-2.0
"""Whether the windows of a deployment are steady, or averages of a growing log."""

from __future__ import annotations

import numpy as np
import scipy
from scipy import special

LEAST_WINDOWS = 3


def running_averages(windows: np.ndarray) -> tuple[float, float]:
    """Return the log likelihood ratio of running averages to independent values, and p.

    `windows` has a row for each deployment, with its windows in order. The k-th average of a
    growing log differs from the one before by the deviation of its newest value over k, so the
    steps, times sqrt(k(k-1)), have equal variances. Steps of independent values have equal
    variances themselves. Both models are normal with an unknown mean for each row and one unknown
    variance. A ratio of x has a probability of at most 1/x (Markov's inequality), which is p of
    independent values. Both are NaN if nothing varies.
    """
    rows, count = windows.shape
    k = np.arange(2, count + 1)
    averaged = float((np.diff(windows, axis=1) ** 2 * k * (k - 1)).sum())
    single = float(((windows - windows.mean(axis=1, keepdims=True)) ** 2).sum())
    if count < LEAST_WINDOWS or single <= 0 or averaged <= 0:
        return np.nan, np.nan
    determinants = (special.gammaln(count + 1) + special.gammaln(count) + np.log(count)) / 2
    likelier = rows * (determinants + (count - 1) / 2 * np.log(single / averaged))
    return float(likelier), float(np.exp(-max(0.0, likelier)))


def trend(windows: np.ndarray) -> tuple[float, float]:
    """Test with Page's L whether later windows of each row are faster, or slower.

    Return the mean of the last column over that of the first, and the two-sided p.
    """
    if windows.shape[1] < LEAST_WINDOWS or len(windows) < 2 or np.ptp(windows) == 0:  # noqa: PLR2004 - a pattern repeats
        return np.nan, np.nan
    directions = (windows, windows[:, ::-1])
    p = min(scipy.stats.page_trend_test(w, method="asymptotic").pvalue for w in directions)
    return float(windows[:, -1].mean() / windows[:, 0].mean()), min(1.0, 2 * float(p))
