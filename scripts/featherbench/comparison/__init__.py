# SPDX-License-Identifier: Apache-2.0
"""Comparison of two runs: what differs between them, and by how much."""
