# SPDX-License-Identifier: Apache-2.0
"""Inspection of this machine: its record, and the doctor's checks."""
