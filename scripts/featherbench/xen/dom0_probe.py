# SPDX-License-Identifier: Apache-2.0
"""Whether Xen runs in a dom0, and on a real processor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, InstanceError, MachineSilentError
from featherbench.paths import resource
from featherbench.system.procfs import parse_cpu_model
from featherbench.xen.xl import Xl

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
"""Part of the name of the processor that QEMU emulates in software."""
READ_WITHIN_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Dom0Info:
    """The output of `xl info`, and the processor that dom0 sees."""

    xen: Mapping[str, str]
    processor: str

    @property
    def is_emulated(self) -> bool:
        """Whether that is software: its figures do not measure Xen."""
        return EMULATED in self.processor


def probe(settings: Dom0Settings) -> Dom0Info | str:
    """Return what a dom0 is; if the machine answers but has no Xen, return why.

    Raise MachineSilentError if the machine does not answer; it is asked only once.
    """
    result = _probe_once(settings)
    if isinstance(result, MachineSilentError):
        raise result
    return result


@cache
def _probe_once(settings: Dom0Settings) -> Dom0Info | str | MachineSilentError:
    try:
        return _probe(settings.machine)
    except MachineSilentError as silence:
        return silence


def _probe(dom0: Machine) -> Dom0Info | str:
    try:
        cpuinfo = dom0.run(["cat", str(CPUINFO)], timeout_s=READ_WITHIN_S).stdout
        argv = ["cat", "/proc/xen/capabilities"]
        if "control_d" not in dom0.run(argv, timeout_s=READ_WITHIN_S, check=False).stdout:
            return f"{dom0.description} was not booted by Xen"
        argv = ["sh", "-s", "--", *PROGRAMS]
        missing = dom0.run(argv, timeout_s=READ_WITHIN_S, stdin=MISSING.read_text()).stdout
        if missing:
            return f"{dom0.description} lacks the programs {', '.join(missing.split())}"
        return Dom0Info(xen=Xl(dom0=dom0).info(), processor=parse_cpu_model(cpuinfo))
    except CommandError as error:
        return f"{dom0.description} cannot be examined: {error.message}"
    except MachineSilentError:
        raise
    except InstanceError as error:
        return error.message
