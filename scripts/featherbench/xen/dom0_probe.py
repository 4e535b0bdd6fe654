# SPDX-License-Identifier: Apache-2.0
"""What a dom0 is: whether Xen runs there, and on a real processor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, InstanceError, MachineSilentError
from featherbench.paths import resource
from featherbench.system.procfs import parse_cpu_model
from featherbench.xen.xl import Domains

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.system.machine import Machine
    from featherbench.xen.settings import Dom0Settings

CPUINFO = Path("/proc/cpuinfo")
PROGRAMS = (
    *("xl", "xenstore-read", "xenstore-write"),
    *("losetup", "blockdev", "flock", "dmsetup", "truncate", "tar"),
)
MISSING = resource("xen/missing.sh")
EMULATED = "QEMU TCG"
"""In the name of the processor that QEMU's software emulation pretends to be."""
READ_WITHIN_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Found:
    """What Xen tells of itself, and the processor that dom0 sees."""

    info: Mapping[str, str]
    processor: str

    @property
    def is_emulated(self) -> bool:
        """Whether that is software: its figures are no measure of Xen's."""
        return EMULATED in self.processor


def look(settings: Dom0Settings) -> Found | str:
    """Look at a dom0; say why there is no Xen where the machine answers, and has none.

    Raises HostSilentError when the machine does not answer; it is asked once.
    """
    seen = _seen(settings)
    if isinstance(seen, MachineSilentError):
        raise seen
    return seen


@cache
def _seen(settings: Dom0Settings) -> Found | str | MachineSilentError:
    try:
        return _found(settings.machine)
    except MachineSilentError as silent:
        return silent


def _found(dom0: Machine) -> Found | str:
    try:
        cpuinfo = dom0.run(["cat", str(CPUINFO)], timeout_s=READ_WITHIN_S).stdout
        there = dom0.run(["cat", "/proc/xen/capabilities"], timeout_s=READ_WITHIN_S, check=False)
        if "control_d" not in there.stdout:
            return f"{dom0.description} was not booted by Xen"
        asked = ["sh", "-s", "--", *PROGRAMS]
        missing = dom0.run(asked, timeout_s=READ_WITHIN_S, stdin=MISSING.read_text()).stdout
        if missing:
            return f"{dom0.description} lacks the programs {', '.join(missing.split())}"
        return Found(info=Domains(dom0=dom0).info(), processor=parse_cpu_model(cpuinfo))
    except CommandError as failure:
        return f"{dom0.description} cannot be looked at: {failure.message}"
    except MachineSilentError:
        raise
    except InstanceError as failure:
        return failure.message
