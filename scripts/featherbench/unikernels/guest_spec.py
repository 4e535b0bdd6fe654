# SPDX-License-Identifier: Apache-2.0
"""One guest, ready to be started: a description with all that depends on the start filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.ownership import LABEL

if TYPE_CHECKING:
    from pathlib import Path

    from featherbench.unikernels.image_description import Description
    from featherbench.vm.libvirt.domain_xml import Accelerator


@dataclass(frozen=True, kw_only=True)
class Guest:
    """`accelerator` is None for a tender that is a plain process.

    `kernel` is None where the guest boots from its first disk. What the guest says goes to the file
    `console`.
    """

    instance_id: str
    description: Description
    accelerator: Accelerator | None
    kernel: Path | None
    arguments: str
    memory_mib: int
    tap: str
    mac: str
    vhost: bool
    console: Path

    @property
    def name(self) -> str:
        """By which its process can be told in a list of processes."""
        return f"{LABEL}-{self.instance_id}"
