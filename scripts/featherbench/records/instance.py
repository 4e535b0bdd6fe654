# SPDX-License-Identifier: Apache-2.0
"""The record of an instance: a server under test that has been started."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from featherbench.records.base import Record, Seconds


class Endpoint(Record):
    """Where the client finds the service, and what it pings to reach the instance.

    `ping_address` is answered by the network stack that the instance uses: this machine's, where it
    has none of its own. It differs from `address` where that is another's, as behind a published
    port: the instance is then pinged by route, and no translation is on the way.
    """

    address: str
    port: int
    ping_address: str


class Instance(Record):
    """A server under test that has been started; `handle` is the driver's own and plain JSON."""

    id: str
    technology: str
    service: str
    handle: dict[str, Any]
    endpoint: Endpoint
    started_utc: str
    start_phases_s: dict[str, Seconds] = Field(default_factory=dict)
