# SPDX-License-Identifier: Apache-2.0
"""Conventions that all tables share: levels of significance, and the columns that name a test.

`test` is the test's name, and `replicate` what it takes for a replicate. `error` is the error term
(empty in a table with only one): the variation within one level, within all levels, of the two
platforms of the pair alone, or between blocks. `scope` is what a row compares: the values at one
level, or those at all levels together.
"""

from __future__ import annotations

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
