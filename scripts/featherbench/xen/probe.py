# SPDX-License-Identifier: Apache-2.0
"""What a dom0 is: whether Xen runs there, and on a real processor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, InstanceError
from featherbench.xen.domains import Domains
from featherbench.xen.node import dom0_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.xen.settings import HostSettings

CPUINFO = Path("/proc/cpuinfo")
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


def parse_processor(cpuinfo: str) -> str:
    """Give the name of the first processor."""
    rows = (line.partition(":") for line in cpuinfo.splitlines())
    return next((value.strip() for name, _, value in rows if name.strip() == "model name"), "")


@cache
def look(settings: HostSettings) -> Found | str:
    """Look at a dom0; say why there is no Xen where the machine answers, and has none.

    Raises InstanceError when the machine does not answer.
    """
    dom0 = dom0_of(settings)
    try:
        cpuinfo = dom0.run(["cat", str(CPUINFO)], timeout_s=READ_WITHIN_S).stdout
        there = dom0.run(["cat", "/proc/xen/capabilities"], timeout_s=READ_WITHIN_S, check=False)
    except CommandError as failure:
        raise InstanceError(failure.message, remedy=failure.remedy) from failure
    if "control_d" not in there.stdout:
        return f"{dom0.named} was not booted by Xen"
    return Found(info=Domains(dom0=dom0).info(), processor=parse_processor(cpuinfo))
