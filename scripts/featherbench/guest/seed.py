# SPDX-License-Identifier: Apache-2.0
"""What a guest is told of one start, on a small disk: an archive, without a file system.

On the kernel's command line everyone in the guest could read it, and it would be short of room.
`resources/guest/tree/usr/local/lib/featherbench/setup` takes it in.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from featherbench.layers import files_layer
from featherbench.platforms.contract import LISTEN_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.guest.layout import Layout
    from featherbench.platforms.contract import Tuning

RANGE = "198.18.0.0/15"
"""All that a guest has a route to."""


def network(layout: Layout) -> str:
    """Give the steps for `ip -batch` inside the guest."""
    steps = (
        "link set lo up",
        f"address add {layout.with_prefix(layout.guest)} dev eth0",
        "link set eth0 up",
        f"route add {RANGE} via {layout.gateway}",
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
