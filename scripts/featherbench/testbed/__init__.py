# SPDX-License-Identifier: Apache-2.0
"""The testbed: network, CPUs, tuning, lock, lease of the instance, guard and clean-up."""
