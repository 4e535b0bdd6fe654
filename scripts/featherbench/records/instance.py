# SPDX-License-Identifier: Apache-2.0
"""The records of an image, with its size, and of an instance: a server that has been started."""

from typing import Any

from pydantic import Field

from featherbench.records.base import Count, Record, Seconds


class ImageSize(Record):
    """The size of an image in three ways, and what was counted."""

    allocated_bytes: Count
    apparent_bytes: Count
    compressed_bytes: Count
    counted: str


class Image(Record):
    """A built image. `digest` depends only on its content: equal bytes have equal digests."""

    technology: str
    service: str
    digest: str
    reference: dict[str, Any]
    size: ImageSize
    versions: dict[str, str]
    built_utc: str
    build_log: str


class Endpoint(Record):
    """Where the client finds the service, and what it pings to reach the instance.

    `ping_address` belongs to the network stack that the instance uses: this machine's, if it has
    none of its own. It differs from `address` where that belongs to another stack, as for a
    published port: pings then reach the instance by a route, without address translation.
    """

    address: str
    port: int
    ping_address: str


class Instance(Record):
    """A server under test that has been started; `handle` is plain JSON for its driver only."""

    id: str
    technology: str
    service: str
    handle: dict[str, Any]
    endpoint: Endpoint
    started_utc: str
    start_phases_s: dict[str, Seconds] = Field(default_factory=dict)
