# SPDX-License-Identifier: Apache-2.0
"""The paper's published data, its experiment, and how our analysis agrees with its own."""
