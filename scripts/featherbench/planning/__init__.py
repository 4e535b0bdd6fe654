# SPDX-License-Identifier: Apache-2.0
"""From the configuration to the matrix of cells, the order of jobs, and their specs."""
