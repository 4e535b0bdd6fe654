# SPDX-License-Identifier: Apache-2.0
"""What all tables share: levels of significance, Holm's adjustment, and what names a test.

`test` is the test's name, and `replicate` what it takes for a replicate. `error` is the error term
(empty in a table with only one): the variation within one level, within all levels, of the two
platforms of the pair alone, or between blocks. `scope` is what a row compares: the values at one
level, or those at all levels together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95
SIGNIFICANT_P = 0.05
"""Adjusted p-values below this are significant."""
ROUNDING = 1e-10
"""Relative standard deviations below this are rounding errors, not variation."""

TEST_COLUMNS = ["test", "replicate", "error", "scope"]
WINDOW, DEPLOYMENT = "window", "deployment"
"""Values of `replicate`."""
LEVEL, ALL_LEVELS, PAIR, BLOCK = "level", "all levels", "pair", "block"
"""Values of `error`; the first two are also those of `scope`."""
UNWEIGHTED_TESTS = ("one-way ANOVA of unweighted means", "two-way ANOVA of unweighted means")


def holm(p: pd.Series, family: pd.Series) -> pd.Series:
    """Adjust p within each family after Holm (1979); NaN is not a test, and stays NaN.

    statsmodels' `multipletests` does one family at a time, and collects garbage each time: 0.1 s.
    """
    tested = p.dropna().sort_values(kind="stable")
    groups = tested.groupby(family.loc[tested.index])
    remaining = groups.transform("size") - groups.cumcount()
    adjusted = (tested * remaining).groupby(family.loc[tested.index]).cummax()
    return adjusted.clip(upper=1.0).reindex(p.index)


def notes(conditions: Mapping[str, pd.Series | np.ndarray]) -> np.ndarray:
    """Return for each row the first of the notes whose condition holds; empty if none does."""
    return np.select(list(conditions.values()), list(conditions), default="")
