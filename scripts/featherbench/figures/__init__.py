# SPDX-License-Identifier: Apache-2.0
"""Figures: the catalogue, and how each kind is drawn."""
