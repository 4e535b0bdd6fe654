# SPDX-License-Identifier: Apache-2.0
"""Measure ways of running a service, and report which differences are real."""
