# SPDX-License-Identifier: Apache-2.0
"""The record of an image, and of its size."""

from typing import Any

from featherbench.records.base import Count, Record


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
