# SPDX-License-Identifier: Apache-2.0
"""Conventions that all tables share: levels of significance, and the columns that name a test.

`test` is the test's name. `replicate` is what it takes for a replicate. `error` is the error term,
empty where a table has only one: the variation within one level, within all levels, of the two
platforms of the pair alone, or between the blocks. `scope` is what one row compares: the values at
one level, or those at all levels together.
"""

from __future__ import annotations

CONFIDENCE = 0.95
SIGNIFICANT_P = 0.05
"""Adjusted p-values below this are significant."""
ROUNDING = 1e-10
"""Relative standard deviations below this are rounding, not variation."""

TEST_COLUMNS = ["test", "replicate", "error", "scope"]
WINDOW = "window"
DEPLOYMENT = "deployment"
LEVEL = "level"
ALL_LEVELS = "all levels"
PAIR = "pair"
BLOCK = "block"
