# SPDX-License-Identifier: Apache-2.0
"""The interval of a ratio of two means, by Fieller's theorem.

Fieller (1954), J. Roy. Stat. Soc. B 16(2). Unlike the interval of the difference divided by the
base's mean, it takes into account that the base is uncertain, too.
"""

from __future__ import annotations

import math


def ratio_interval(
    mean: float, base: float, *, reach: float, base_reach: float
) -> tuple[float, float]:
    """Return the bounds of `mean` / `base`; NaN if the base may be zero.

    `reach` and `base_reach` are half the width of each mean's own interval: the critical value
    times the standard error. The means are independent.
    """
    certain = base**2 - base_reach**2
    if not certain > 0:
        return math.nan, math.nan
    middle = mean * base / certain
    spread = math.sqrt(max(middle**2 - (mean**2 - reach**2) / certain, 0.0))
    return middle - spread, middle + spread
