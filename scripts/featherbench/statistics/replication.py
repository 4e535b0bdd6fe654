# SPDX-License-Identifier: Apache-2.0
"""Whether a run replicates another study: the ratio of two platforms, and their order.

Each study is a frame of COLUMNS, one row per metric, level and pair of platforms: `ratio` is
that of `platform` over `against`, `ci_low` to `ci_high` its unadjusted 95 % interval, and `p_adj`
tests that it is 1. What a single value does not have is NaN.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from featherbench.statistics.conventions import SIGNIFICANT_P, notes

if TYPE_CHECKING:
    import pandas as pd

PAIR = ["metric", "level", "platform", "against"]
FIGURES = ["ratio", "ci_low", "ci_high", "p_adj"]
COLUMNS = [*PAIR, *FIGURES]
OTHERS = "papers_"
"""Prefix of the other study's columns."""
EQUAL_RATIO = 1e-9
"""Ratios that are closer to 1 than this are of equal values."""


class Agreement(StrEnum):
    """Whether the run agrees with the other study's ratio, or order."""

    AGREES = "agrees"
    DIFFERS = "differs"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARED = "cannot be compared"


def replication_verdicts(ours: pd.DataFrame, theirs: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Join the pairs of two studies by PAIR, and compare them.

    `quotient` is our ratio over theirs, with the 95 % interval that follows from those of the two
    (Zou and Donner 2008, Statistics in Medicine 27(10); on logarithms). If theirs is a single
    value, only our interval counts.

    - `size`: the ratios agree if that interval is within 1/(1 + `margin`) to 1 + `margin`, differ
      if it is outside, and are inconclusive otherwise. Single values on both sides are compared
      directly.
    - `order`: it agrees if the same platform is ahead in both studies, with p below 5 % on each
      side; their single values need no test. `reason` says which study is inconclusive.
    """
    theirs = theirs.rename(columns={name: OTHERS + name for name in FIGURES})
    pairs = ours.merge(theirs, on=PAIR)
    pairs = pairs.assign(margin=margin, **_quotients(pairs))
    return pairs.assign(size=_sizes(pairs, margin), **_orders(pairs))


def _quotients(pairs: pd.DataFrame) -> dict[str, pd.Series]:
    log = np.log(pairs[[*FIGURES[:3], *(OTHERS + name for name in FIGURES[:3])]])
    centre = log["ratio"] - log["papers_ratio"]
    below, above = log["ratio"] - log["ci_low"], log["ci_high"] - log["ratio"]
    # A single value of theirs has no interval.
    theirs_below = (log["papers_ratio"] - log["papers_ci_low"]).fillna(0.0)
    theirs_above = (log["papers_ci_high"] - log["papers_ratio"]).fillna(0.0)
    return {
        "quotient": np.exp(centre),
        "quotient_low": np.exp(centre - np.hypot(below, theirs_above)),
        "quotient_high": np.exp(centre + np.hypot(above, theirs_below)),
    }


def _sizes(pairs: pd.DataFrame, margin: float) -> np.ndarray:
    single = pairs["papers_ci_low"].isna() & pairs["ci_low"].isna()
    low = pairs["quotient_low"].mask(single, pairs["quotient"])
    high = pairs["quotient_high"].mask(single, pairs["quotient"])
    inside = (low * (1 + margin) >= 1) & (high <= 1 + margin)
    outside = (high * (1 + margin) < 1) | (low > 1 + margin)
    verdicts = [Agreement.AGREES.value, Agreement.DIFFERS.value]
    return np.select([inside, outside], verdicts, default=Agreement.INCONCLUSIVE.value)


def _orders(pairs: pd.DataFrame) -> dict[str, np.ndarray]:
    single = pairs["papers_p_adj"].isna()
    theirs = _direction(pairs["papers_ratio"], pairs["papers_p_adj"], by_value=single)
    ours = _direction(pairs["ratio"], pairs["p_adj"], by_value=single & pairs["p_adj"].isna())
    inconclusive = {
        "inconclusive in both studies": (ours == 0) & (theirs == 0),
        "inconclusive in this run": ours == 0,
        "inconclusive in the paper's data": theirs == 0,
    }
    reason = notes(inconclusive)
    verdicts = np.where(ours == theirs, Agreement.AGREES.value, Agreement.DIFFERS.value)
    order = np.where(reason != "", Agreement.INCONCLUSIVE.value, verdicts)
    return {"order": order, "reason": reason}


def _direction(ratio: pd.Series, p: pd.Series, *, by_value: pd.Series) -> np.ndarray:
    """Return 1 if the ratio is significantly above 1, -1 if below, and 0 if inconclusive."""
    conclusive = (p < SIGNIFICANT_P) | by_value
    equal = (ratio - 1).abs() < EQUAL_RATIO
    return np.where(conclusive & ~equal, np.sign(ratio - 1), 0)
