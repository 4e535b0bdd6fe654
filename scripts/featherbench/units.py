# SPDX-License-Identifier: Apache-2.0
"""Binary units, in bytes."""

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
