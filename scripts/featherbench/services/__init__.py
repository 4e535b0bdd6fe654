# SPDX-License-Identifier: Apache-2.0
"""The services under test: their commands, readiness, and verification."""
