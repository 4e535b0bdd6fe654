# SPDX-License-Identifier: Apache-2.0
"""What broken runs left of unikernels: found by their taps, which outlive their processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.ownership import Leftover
from featherbench.unikernels import tap, vm_process

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND = "unikernel"


def find(hypervisor: str) -> Iterator[Leftover]:
    """Give the guests on a host: an accelerator, or `machine.NATIVE`."""
    for each in tap.own():
        if each.hypervisor == hypervisor:
            handle = {"instance_id": each.instance_id}
            yield Leftover(kind=KIND, name=each.instance_id, handle=handle, state=each.state)


def remove(leftover: Leftover) -> None:
    """End a guest, and remove what was made for it."""
    vm_process.end(leftover.handle["instance_id"])
