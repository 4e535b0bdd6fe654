# SPDX-License-Identifier: Apache-2.0
"""The bridge of virtual machines, and their addresses."""
