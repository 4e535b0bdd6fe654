# SPDX-License-Identifier: Apache-2.0
"""The report: one HTML file from the tables, figures and records of a run."""
