# SPDX-License-Identifier: Apache-2.0
"""What broken runs left of unikernels: found by their taps, which outlive their processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.platforms.contract import Leftover
from featherbench.unikernel import machine, tap

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND = "unikernel"


def find(host: str) -> Iterator[Leftover]:
    """Give the guests on a host: an accelerator, or `machine.NATIVE`."""
    for each in tap.own():
        if each.host == host:
            handle = {"instance_id": each.instance_id}
            yield Leftover(kind=KIND, name=each.instance_id, handle=handle, state=each.state)


def remove(leftover: Leftover) -> None:
    """End a guest, and remove what was made for it."""
    machine.end(leftover.handle["instance_id"])
