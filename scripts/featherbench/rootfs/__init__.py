# SPDX-License-Identifier: Apache-2.0
"""Root file systems: the Debian base, and those derived from it."""
