# SPDX-License-Identifier: Apache-2.0
"""The time of day, which is for people only: durations come from monotonic clocks."""

from __future__ import annotations

from datetime import UTC, datetime


def now_utc() -> str:
    """Give the time of day, ISO 8601, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
