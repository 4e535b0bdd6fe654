# SPDX-License-Identifier: Apache-2.0
"""What a guest is given for one start, on a small disk: an archive, without a file system.

The kernel's command line is too short for it, and every process in the guest can read that. The
guest's program `resources/vm/tree/usr/local/lib/featherbench/setup` reads the archive.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from featherbench.ownership import BENCHMARKING_NETWORK
from featherbench.rootfs.archives import files_layer
from featherbench.services.launcher import with_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.vm_runner import GuestAddresses
    from featherbench.records.tuning import Tuning


def network(addresses: GuestAddresses) -> str:
    """Return the steps for `ip -batch` inside the guest."""
    steps = (
        "link set lo up",
        f"address add {addresses.with_prefix(addresses.guest)} dev eth0",
        "link set eth0 up",
        f"route add {BENCHMARKING_NETWORK} via {addresses.gateway}",
    )
    return "".join(f"{step}\n" for step in steps)


def sysctls(tuning: Tuning) -> str:
    """Return a line `file=value` for each sysctl, the file relative to /proc/sys."""
    return "".join(
        f"{key.replace('.', '/')}={value}\n" for key, value in tuning.net_sysctls.items()
    )


def service(command: Sequence[str], *, address: str, nofile: int | None) -> str:
    """Return shell code that sets the limit of open files, and the command as its arguments."""
    words = shlex.join(with_address(command, address))
    return f"nofile={nofile or ''}\nset -- {words}\n"


def archive(files: Mapping[str, str]) -> bytes:
    """Return the disk's bytes: a whole number of its sectors, as archives are."""
    return files_layer({name: content.encode() for name, content in files.items()})
