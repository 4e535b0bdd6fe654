# SPDX-License-Identifier: Apache-2.0
"""Load generators. One file each, named as in the configuration."""
