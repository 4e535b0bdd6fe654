# SPDX-License-Identifier: Apache-2.0
"""Which sysctls an unprivileged container can have: some kernels hide some of them from it.

Debian 12's 6.1, for example, hides net.core from a network namespace that belongs to a user
namespace: its values are the kernel's defaults, and can be neither set nor read.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from featherbench.system.ssh import machine_named
from featherbench.system.sysctls import sysctl_files

if TYPE_CHECKING:
    from featherbench.records.tuning import Tuning
    from featherbench.system.machine import Machine

LOOK_WITHIN_S = 60.0
LIST_INSIDE = ("unshare", "--user", "--map-root-user", "--net", "ls", "-d")


@cache
def _visible_files(machine_name: str, files: tuple[str, ...]) -> frozenset[str]:
    done = machine_named(machine_name).run(
        [*LIST_INSIDE, *files], timeout_s=LOOK_WITHIN_S, check=False
    )
    return frozenset(done.stdout.split())


def visible(tuning: Tuning, machine: Machine) -> Tuning:
    """Return the tuning without the sysctls that `machine` hides from user namespaces.

    Each machine is asked once.
    """
    files = sysctl_files(tuning)
    visible_files = _visible_files(machine.name, tuple(files)) if files else frozenset()
    sysctls = zip(tuning.net_sysctls.items(), files, strict=True)
    kept = {key: value for (key, value), file in sysctls if file in visible_files}
    return tuning.model_copy(update={"net_sysctls": kept})
