# SPDX-License-Identifier: Apache-2.0
"""Workloads: what is measured of a service. One file each, named as in the configuration."""
