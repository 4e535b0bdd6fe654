# SPDX-License-Identifier: Apache-2.0
"""The search for the least memory with which an instance still works."""
