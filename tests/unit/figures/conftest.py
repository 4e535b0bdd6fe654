# SPDX-License-Identifier: Apache-2.0
"""Studies that all tests of this folder share."""

from studies import make, nine, twelve, two

__all__ = ["make", "nine", "twelve", "two"]
