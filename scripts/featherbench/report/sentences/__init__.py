# SPDX-License-Identifier: Apache-2.0
"""The report's sentences about comparisons."""
