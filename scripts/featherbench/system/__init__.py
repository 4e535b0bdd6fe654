# SPDX-License-Identifier: Apache-2.0
"""A Linux machine: programs, processes, files, control groups, counters, addresses."""
