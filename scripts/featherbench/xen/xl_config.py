# SPDX-License-Identifier: Apache-2.0
"""The definition of a domain, and its configuration for xl; see xl.cfg(5)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.contracts.vm_runner import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from featherbench.contracts.image_description import XenMode

ENDS = ("on_poweroff", "on_reboot", "on_crash", "on_watchdog", "on_soft_reset")


@dataclass(frozen=True, kw_only=True)
class BlockDevice:
    """A block device of dom0 that the domain has as `name`."""

    device: str
    name: str
    readonly: bool


@dataclass(frozen=True, kw_only=True)
class Domain:
    """One domain. `cpus` are physical ones, as xl.cfg has it; empty: any."""

    instance_id: str
    mode: XenMode
    kernel: Path
    ramdisk: Path | None
    cmdline: str
    memory_mib: int
    vcpus: int
    cpus: str
    disks: tuple[BlockDevice, ...]
    bridge: str
    mac: str

    @property
    def name(self) -> str:
        """The domain's name."""
        return name_of(self.instance_id)


def quoted(text: str) -> str:
    """Return a string as xl reads it: with JSON's escapes except those of code points.

    Characters beyond ASCII are not escaped.
    """
    return json.dumps(text, ensure_ascii=False)


def _listed(items: list[str]) -> str:
    return f"[ {', '.join(map(quoted, items))} ]"


def _disk(disk: BlockDevice) -> str:
    access = "ro" if disk.readonly else "rw"
    return f"format=raw, backendtype=phy, vdev={disk.name}, access={access}, target={disk.device}"


def _lines(domain: Domain) -> Iterator[str]:
    yield f"name = {quoted(domain.name)}"
    yield f"type = {quoted(domain.mode)}"
    yield f"kernel = {quoted(str(domain.kernel))}"
    if domain.ramdisk:
        yield f"ramdisk = {quoted(str(domain.ramdisk))}"
    yield f"cmdline = {quoted(domain.cmdline)}"
    yield f"memory = {domain.memory_mib}"
    yield f"maxmem = {domain.memory_mib}"
    yield f"vcpus = {domain.vcpus}"
    if domain.cpus:
        yield f"cpus = {quoted(domain.cpus)}"
    yield f"disk = {_listed([_disk(disk) for disk in domain.disks])}"
    yield f"vif = {_listed([f'mac={domain.mac}, bridge={domain.bridge}'])}"
    # A domain that ended is kept, so that xl can report how it ended; `stop` destroys it.
    for event in ENDS:
        yield f'{event} = "preserve"'


def xl_config(domain: Domain) -> str:
    """Return the domain's configuration."""
    return "".join(f"{line}\n" for line in _lines(domain))
