# SPDX-License-Identifier: Apache-2.0
"""What a guest is told of one start, on a small disk: an archive, without a file system.

On the kernel's command line everyone in the guest could read it, and it would be short of room.
`resources/vm/tree/usr/local/lib/featherbench/setup` takes it in.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from featherbench.contracts.technology import LISTEN_ADDRESS
from featherbench.ownership import BENCHMARKING_NETWORK
from featherbench.rootfs.archives import files_layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.records.tuning import Tuning
    from featherbench.vm.network.addresses import Layout


def network(layout: Layout) -> str:
    """Give the steps for `ip -batch` inside the guest."""
    steps = (
        "link set lo up",
        f"address add {layout.with_prefix(layout.guest)} dev eth0",
        "link set eth0 up",
        f"route add {BENCHMARKING_NETWORK} via {layout.gateway}",
    )
    return "".join(f"{step}\n" for step in steps)


def sysctls(tuning: Tuning) -> str:
    """Give a line `file=value` for each, the file relative to /proc/sys."""
    return "".join(
        f"{key.replace('.', '/')}={value}\n" for key, value in tuning.net_sysctls.items()
    )


def service(command: Sequence[str], *, address: str, nofile: int | None) -> str:
    """Give what a shell reads: the command as its arguments, and the limit of open files."""
    words = shlex.join(word.replace(LISTEN_ADDRESS, address) for word in command)
    return f"nofile={nofile or ''}\nset -- {words}\n"


def archive(files: Mapping[str, str]) -> bytes:
    """Give the disk's bytes: a whole number of its sectors, as archives are."""
    return files_layer({name: content.encode() for name, content in files.items()})
