# SPDX-License-Identifier: Apache-2.0
"""How numbers, metrics and claims are written, for the report and what compares with it."""
