# SPDX-License-Identifier: Apache-2.0
"""Which sysctls an unprivileged container can have: some kernels hide some of them from it.

Debian 12's 6.1, for one, shows nothing of net.core to a network namespace that belongs to a user
namespace: its values are the kernel's own, and nobody can set or read them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from featherbench.system.ssh import machine_named
from featherbench.system.sysctls import sysctl_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.records.tuning import Tuning
    from featherbench.system.machine import Machine

LOOK_WITHIN_S = 60.0
INSIDE = ("unshare", "--user", "--map-root-user", "--net", "ls", "-d")


@cache
def _seen(machine_name: str, files: tuple[str, ...]) -> frozenset[str]:
    found = machine_named(machine_name).run([*INSIDE, *files], timeout_s=LOOK_WITHIN_S, check=False)
    return frozenset(found.stdout.split())


def hidden(tuning: Tuning, machine: Machine) -> Sequence[str]:
    """Name those of the sysctls that `node` hides from user namespaces. Asked once of a node."""
    files = sysctl_files(tuning)
    seen = _seen(machine.name, tuple(files)) if files else frozenset()
    return [key for key, file in zip(tuning.net_sysctls, files, strict=True) if file not in seen]


def visible(tuning: Tuning, machine: Machine) -> Tuning:
    """Give the tuning without them."""
    left_out = hidden(tuning, machine)
    kept = {key: value for key, value in tuning.net_sysctls.items() if key not in left_out}
    return replace(tuning, net_sysctls=kept)
