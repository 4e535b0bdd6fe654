# SPDX-License-Identifier: Apache-2.0
"""Hypervisors: where a technology runs. One file each, named as in the configuration."""
