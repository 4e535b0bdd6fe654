# SPDX-License-Identifier: Apache-2.0
"""Measures ways of running a service, and says which differences are real."""
