# SPDX-License-Identifier: Apache-2.0
"""Whether packets of guests pass in the kernel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from featherbench.vm.libvirt.domain_xml import Accelerator

VHOST_NET = Path("/dev/vhost-net")


def has_vhost(accelerator: Accelerator) -> bool:
    """Whether packets can pass in the kernel: where the device cannot be opened, QEMU aborts."""
    if accelerator != "kvm":
        return False
    try:
        os.close(os.open(VHOST_NET, os.O_RDWR))
    except OSError:
        return False
    return True
