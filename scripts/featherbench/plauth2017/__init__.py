# SPDX-License-Identifier: Apache-2.0
"""The paper's published data, its claims, and the comparison of a run with it."""
