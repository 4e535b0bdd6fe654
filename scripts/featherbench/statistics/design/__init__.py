# SPDX-License-Identifier: Apache-2.0
"""Design of the next run: components of variance, and sequential stopping."""
