# SPDX-License-Identifier: Apache-2.0
"""Diagnostics: assumptions of the tests, and faults of the data."""
