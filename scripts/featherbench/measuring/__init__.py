# SPDX-License-Identifier: Apache-2.0
"""Timed windows: load, counters of the machine, and the verdict on each window."""
