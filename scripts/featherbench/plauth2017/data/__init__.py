# SPDX-License-Identifier: Apache-2.0
"""The paper's published data, its experiment, and the agreement of our analysis with its own."""
