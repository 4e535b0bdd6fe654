# SPDX-License-Identifier: Apache-2.0
"""The commands of Solo5's tenders: processes that are the whole of a guest's hypervisor."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.unikernels.guest_spec import Guest


def _devices(guest: Guest) -> Iterator[str]:
    nic = guest.description.nic
    yield f"--net:{nic.name}={guest.tap}"
    yield f"--net-mac:{nic.name}={guest.mac}"
    for disk in guest.description.disks:
        yield f"--block:{disk.name}={disk.path}"


def command(guest: Guest) -> list[str]:
    """Give the command. The tender takes words: the arguments are cut at blanks, as a shell would.

    `solo5-spt` confines itself by seccomp and needs no virtualisation; `solo5-hvt` needs /dev/kvm.
    """
    words = shlex.split(guest.arguments)
    tender = guest.description.backend
    return [tender, f"--mem={guest.memory_mib}", *_devices(guest), "--", str(guest.kernel), *words]
