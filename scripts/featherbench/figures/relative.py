# SPDX-License-Identifier: Apache-2.0
"""Values relative to their like: what is left when platform and level are taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

LIKE = ["platform", "metric", "concurrency"]


def relative_to_median(windows: pd.DataFrame) -> pd.DataFrame:
    """Divide each value by the median of its platform, metric and level; without those of 0."""
    medians = windows.groupby(LIKE, sort=False)["value"].transform("median")
    return windows.assign(value=windows["value"] / medians)[medians != 0]
