# SPDX-License-Identifier: Apache-2.0
"""The commands of Solo5's tenders: processes that are a guest's whole hypervisor."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from featherbench.unikernels import tap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.contracts.vm_runner import ImageBoot, VmRequest


def _devices(instance_id: str, boot: ImageBoot) -> Iterator[str]:
    nic = boot.description.nic
    yield f"--net:{nic.name}={tap.name_of(instance_id)}"
    yield f"--net-mac:{nic.name}={boot.mac}"
    for disk in boot.description.disks:
        yield f"--block:{disk.name}={disk.path}"


def command(request: VmRequest, boot: ImageBoot) -> list[str]:
    """Return the command. A tender takes words: the arguments are split as a shell would.

    `solo5-spt` confines itself by seccomp and needs no virtualization; `solo5-hvt` needs /dev/kvm.
    """
    return [
        *(boot.description.backend, f"--mem={request.memory_mib}"),
        *_devices(request.instance_id, boot),
        *("--", str(boot.kernel), *shlex.split(boot.arguments)),
    ]
