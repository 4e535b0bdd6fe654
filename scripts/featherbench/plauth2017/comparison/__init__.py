# SPDX-License-Identifier: Apache-2.0
"""The replication of the paper by a run: matching cells, ratios, claims and setup."""
