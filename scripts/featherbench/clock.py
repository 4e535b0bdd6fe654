# SPDX-License-Identifier: Apache-2.0
"""The time of day, for people only: durations are measured by monotonic clocks."""

from datetime import UTC, datetime


def now_utc() -> str:
    """Return the time of day in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
