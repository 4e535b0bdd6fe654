# SPDX-License-Identifier: Apache-2.0
"""The `featherbench` command: doctor, clean, compare, unikernel check, schema."""
