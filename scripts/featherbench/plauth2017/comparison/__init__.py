# SPDX-License-Identifier: Apache-2.0
"""A run beside the paper: which cells correspond, and what they show."""
