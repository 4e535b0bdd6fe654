# SPDX-License-Identifier: Apache-2.0
"""Samples and tables: reading, grouping and stratifying them."""
