# SPDX-License-Identifier: Apache-2.0
"""Whether two studies agree: on how many times as much one platform gives, and on who is ahead.

Each is a frame of COLUMNS, one row a metric, concurrency and pair of platforms: `ratio` is that of
`platform` over `against`, `ci_low` to `ci_high` its own 95 % interval, `p_adj` tells whether it is
1. What a single value cannot have is NaN.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

PAIR = ["metric", "concurrency", "platform", "against"]
FIGURES = ["ratio", "ci_low", "ci_high", "p_adj"]
COLUMNS = [*PAIR, *FIGURES]
OTHERS = "papers_"
"""Before the name of what is the other study's."""
SIGNIFICANT_P = 0.05
ROUNDING = 1e-9
"""Ratios that are closer to 1 than this are of equal values."""


class Agreement(StrEnum):
    """What becomes of the other study's ratio, or order."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNDECIDED = "undecided"
    NOT_COMPARED = "cannot be compared"


def judge(here: pd.DataFrame, there: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Join the pairs of two studies by PAIR, and tell how they agree.

    `quotient` is the ratio here over that there, with the 95 % interval that follows from those of
    the two (Zou and Donner 2008, Statistics in Medicine 27(10); on logarithms). Where there is a
    single value there, the interval here stands alone.

    - `size`: the ratios agree where that interval lies within 1/(1 + `margin`) to 1 + `margin`,
      differ where it lies outside, and are undecided else. Single values on both sides are taken as
      they are.
    - `order`: the same one of the two is ahead, or the other, where p below 5 % tells on both
      sides; single values there tell by themselves. `reason` says who does not tell.
    """
    both = here.merge(there.rename(columns={name: OTHERS + name for name in FIGURES}), on=PAIR)
    both = both.assign(margin=margin, **_quotients(both))
    return both.assign(size=_sizes(both, margin), **_orders(both))


def _quotients(both: pd.DataFrame) -> dict[str, pd.Series]:
    log = np.log(both[[*FIGURES[:3], *(OTHERS + name for name in FIGURES[:3])]])
    centre = log["ratio"] - log["papers_ratio"]
    below, above = log["ratio"] - log["ci_low"], log["ci_high"] - log["ratio"]
    # A single value there is taken as it is.
    theirs_below = (log["papers_ratio"] - log["papers_ci_low"]).fillna(0.0)
    theirs_above = (log["papers_ci_high"] - log["papers_ratio"]).fillna(0.0)
    return {
        "quotient": np.exp(centre),
        "quotient_low": np.exp(centre - np.hypot(below, theirs_above)),
        "quotient_high": np.exp(centre + np.hypot(above, theirs_below)),
    }


def _sizes(both: pd.DataFrame, margin: float) -> np.ndarray:
    single = both["papers_ci_low"].isna() & both["ci_low"].isna()
    low = both["quotient_low"].mask(single, both["quotient"])
    high = both["quotient_high"].mask(single, both["quotient"])
    inside = (low * (1 + margin) >= 1) & (high <= 1 + margin)
    outside = (high * (1 + margin) < 1) | (low > 1 + margin)
    said = [Agreement.AGREES.value, Agreement.DIFFERS.value]
    return np.select([inside, outside], said, default=Agreement.UNDECIDED.value)


def _orders(both: pd.DataFrame) -> dict[str, np.ndarray]:
    single = both["papers_p_adj"].isna()
    theirs = _direction(both["papers_ratio"], both["papers_p_adj"], by_value=single)
    ours = _direction(both["ratio"], both["p_adj"], by_value=single & both["p_adj"].isna())
    untold = [(ours == 0) & (theirs == 0), ours == 0, theirs == 0]
    who = ["neither tells them apart", "this run does not tell them apart"]
    reasons = [*who, "the paper's data do not tell them apart"]
    verdicts = np.where(ours == theirs, Agreement.AGREES.value, Agreement.DIFFERS.value)
    return {
        "order": np.where(np.logical_or.reduce(untold), Agreement.UNDECIDED.value, verdicts),
        "reason": np.select(untold, reasons, default=""),
    }


def _direction(ratio: pd.Series, p: pd.Series, *, by_value: pd.Series) -> np.ndarray:
    """Give 1 where the ratio is told to be above 1, -1 below, and 0 where it is not told."""
    told = (p < SIGNIFICANT_P) | by_value
    equal = (ratio - 1).abs() < ROUNDING
    return np.where(told & ~equal, np.sign(ratio - 1), 0)
