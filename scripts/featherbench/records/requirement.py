# SPDX-License-Identifier: Apache-2.0
"""A requirement that this machine does not meet."""

from __future__ import annotations

from featherbench.records.base import Record


class MissingRequirement(Record):
    """A requirement that this machine does not meet: `what` is missing, and the `remedy`."""

    what: str
    remedy: str
