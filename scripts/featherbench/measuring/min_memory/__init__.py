# SPDX-License-Identifier: Apache-2.0
"""The search for the minimum memory with which an instance still works."""
