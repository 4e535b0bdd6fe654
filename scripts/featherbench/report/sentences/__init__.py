# SPDX-License-Identifier: Apache-2.0
"""The report's sentences: on ratios to the baseline, and on other pairs of platforms."""
