# SPDX-License-Identifier: Apache-2.0
"""The schema of `results/`: every file format as a frozen model."""
