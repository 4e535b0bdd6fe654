# SPDX-License-Identifier: Apache-2.0
"""Hypervisors: what technologies run on. One file each, named as in the configuration."""
