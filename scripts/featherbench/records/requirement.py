# SPDX-License-Identifier: Apache-2.0
"""Requirements that this machine does not meet, and how they were found out."""

from featherbench.records.base import Record


class MissingRequirement(Record):
    """A requirement that this machine does not meet: `what` is missing, and the `remedy`."""

    what: str
    remedy: str


class TriedPlatform(Record):
    """The outcome of a platform's try-out; `key` is the digest of what that depends on."""

    key: str
    missing_requirements: tuple[MissingRequirement, ...]


class TryOuts(Record):
    """The latest outcomes, by platform."""

    platforms: dict[str, TriedPlatform]
