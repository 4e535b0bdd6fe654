# SPDX-License-Identifier: Apache-2.0
"""Design of the experiment: variance components, costs, sequential stopping."""
