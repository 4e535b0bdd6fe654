# SPDX-License-Identifier: Apache-2.0
"""The configuration: its models, reading and validating it, its JSON schema."""
