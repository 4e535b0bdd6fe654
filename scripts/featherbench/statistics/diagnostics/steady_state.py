# SPDX-License-Identifier: Apache-2.0
"""Whether the windows of a deployment still move: averages of a growing log, or no steady state."""

from __future__ import annotations

import numpy as np
import scipy
from scipy import special

LEAST_WINDOWS = 3


def running_averages(windows: np.ndarray) -> tuple[float, float]:
    """Give the log likelihood ratio of running averages over independent values, and p for these.

    `windows` has a row for each deployment and its windows in order. The k-th average of a growing
    log differs from the one before by its newest value's deviation over k, so that steps, times
    sqrt(k(k-1)), vary alike; steps of independent values vary alike as they are. Both models are
    normal with an unknown mean for each row and one unknown variance. A ratio of x has a chance of
    1/x at most (Markov's inequality), which is p. NaN twice where nothing varies.
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
    """Test by Page's L that the later windows of each row are faster, or slower, than the first.

    Gives the mean of the last column over that of the first, and two-sided p.
    """
    if windows.shape[1] < LEAST_WINDOWS or len(windows) < 2 or np.ptp(windows) == 0:  # noqa: PLR2004 - a pattern repeats
        return np.nan, np.nan
    both = (windows, windows[:, ::-1])
    p = min(scipy.stats.page_trend_test(one, method="asymptotic").pvalue for one in both)
    return float(windows[:, -1].mean() / windows[:, 0].mean()), min(1.0, 2 * float(p))
