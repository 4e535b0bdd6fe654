# SPDX-License-Identifier: Apache-2.0
"""The definition of a virtual machine, and its XML for libvirt: virtio devices, none unused.

See https://libvirt.org/formatdomain.html for the elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

from pydantic import field_validator

from featherbench.contracts.vm_runner import GuestSettings, WholeSystemSettings, name_of
from featherbench.ownership import LABEL

if TYPE_CHECKING:
    from pathlib import Path

Accelerator = Literal["kvm", "tcg"]
MachineType = Literal["q35", "pc"]
DiskFormat = Literal["raw", "qcow2"]
DiskCache = Literal["writeback", "none", "writethrough", "unsafe"]

DOMAIN_TYPES: dict[Accelerator, str] = {"kvm": "kvm", "tcg": "qemu"}
CPU_MODES: dict[Accelerator, str] = {"kvm": "host-passthrough", "tcg": "maximum"}
METADATA = f"urn:{LABEL}:guest"
"""The XML namespace of the metadata in a domain."""
ROOT_DISK, SEED_DISK = f"{LABEL}-root", f"{LABEL}-seed"
"""Serial numbers, by which the guest knows its disks; virtio has 20 characters for them."""


class QemuSettings(GuestSettings):
    """A virtual machine of QEMU."""

    machine: MachineType = "q35"
    """The machine type that QEMU emulates; `pc` is the older one."""
    disk_cache: DiskCache = "writeback"
    """How its disk uses this machine's page cache. `writeback`: like the files of processes and
    containers, so that a start finds the image as warm as theirs. `none`: it bypasses the cache, if
    the file system can."""

    @field_validator("machine", mode="before")
    @classmethod
    def _defined_by_libvirt(cls, value: object) -> object:
        if value == "microvm":
            raise ValueError("libvirt cannot define a microvm, which has no PCI: use q35 or pc")
        return value


class WholeQemuSettings(QemuSettings, WholeSystemSettings):
    """A virtual machine of QEMU that is the server under test."""


@dataclass(frozen=True, kw_only=True)
class DirectBoot:
    """QEMU loads the kernel itself: no boot loader, and no menu with a timeout."""

    kernel: Path
    initrd: Path
    cmdline: str


@dataclass(frozen=True, kw_only=True)
class DomainDisk:
    """A file that is a disk of the guest."""

    file: Path
    format: DiskFormat
    serial: str
    cache: DiskCache = "writeback"
    readonly: bool = False


@dataclass(frozen=True, kw_only=True)
class DomainNic:
    """A network card whose tap libvirt puts on a bridge. `vhost`: packets pass in the kernel."""

    bridge: str
    mac: str
    vhost: bool


@dataclass(frozen=True, kw_only=True)
class DomainDefinition:
    """One virtual machine. `state` is the Placement.state that it is for.

    `cpus` are this machine's CPUs that all threads of QEMU may use. The first serial port goes to
    the file `console`, the second to `report`.
    """

    instance_id: str
    state: str
    accelerator: Accelerator
    machine: MachineType
    vcpus: int
    memory_mib: int
    boot: DirectBoot
    disks: tuple[DomainDisk, ...]
    cpus: tuple[int, ...]
    console: Path
    report: Path
    nic: DomainNic

    @property
    def name(self) -> str:
        """The domain's name."""
        return name_of(self.instance_id)


def _add(
    parent: ET.Element, tag: str, text: str | int | None = None, **attributes: str
) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = None if text is None else str(text)
    return element


def _metadata(domain: ET.Element, guest: DomainDefinition) -> None:
    owner = {"instance": guest.instance_id, "state": guest.state, "accelerator": guest.accelerator}
    ET.SubElement(_add(domain, "metadata"), f"{{{METADATA}}}guest", owner)


def _boot(domain: ET.Element, guest: DomainDefinition) -> None:
    os = _add(domain, "os")
    _add(os, "type", "hvm", arch="x86_64", machine=guest.machine)
    _add(os, "kernel", str(guest.boot.kernel))
    _add(os, "initrd", str(guest.boot.initrd))
    _add(os, "cmdline", guest.boot.cmdline)


def _processors(domain: ET.Element, guest: DomainDefinition) -> None:
    """Pin every thread of QEMU to the server's CPUs, like the threads of other servers."""
    cpus = ",".join(map(str, guest.cpus))
    _add(domain, "vcpu", guest.vcpus, placement="static", cpuset=cpus)
    tune = _add(domain, "cputune")
    for number in range(guest.vcpus):
        _add(tune, "vcpupin", vcpu=str(number), cpuset=cpus)
    _add(tune, "emulatorpin", cpuset=cpus)
    _add(domain, "cpu", mode=CPU_MODES[guest.accelerator])


def _life(domain: ET.Element) -> None:
    """Destroy a guest that ends, by itself or by a panic."""
    _add(_add(domain, "features"), "acpi")
    for event in ("on_poweroff", "on_reboot", "on_crash"):
        _add(domain, event, "destroy")


def _disk(devices: ET.Element, disk: DomainDisk, name: str) -> None:
    element = _add(devices, "disk", type="file", device="disk")
    _add(element, "driver", name="qemu", type=disk.format, cache=disk.cache)
    _add(element, "source", file=str(disk.file))
    _add(element, "target", dev=name, bus="virtio")
    _add(element, "serial", disk.serial)
    if disk.readonly:
        _add(element, "readonly")


def _network_card(devices: ET.Element, nic: DomainNic) -> None:
    element = _add(devices, "interface", type="bridge")
    _add(element, "source", bridge=nic.bridge)
    _add(element, "mac", address=nic.mac)
    _add(element, "model", type="virtio")
    _add(element, "driver", name="vhost" if nic.vhost else "qemu")
    _add(element, "rom", enabled="no")


def _devices(domain: ET.Element, guest: DomainDefinition) -> None:
    devices = _add(domain, "devices")
    for disk, letter in zip(guest.disks, "abcdefgh", strict=False):
        _disk(devices, disk, f"vd{letter}")
    _network_card(devices, guest.nic)
    for port, file in enumerate((guest.console, guest.report)):
        serial = _add(devices, "serial", type="file")
        _add(serial, "source", path=str(file))
        _add(serial, "target", port=str(port))
    _add(devices, "controller", type="usb", model="none")
    _add(_add(devices, "memballoon", model="virtio"), "stats", period="1")


def domain_xml(guest: DomainDefinition) -> str:
    """Return the domain's XML for `virDomainCreateXML`.

    QEMU runs as root and the files keep their owner, because results may be in a home folder that
    only its owner may enter. Other confinement (AppArmor, SELinux, seccomp) is libvirt's default.
    """
    domain = ET.Element("domain", {"type": DOMAIN_TYPES[guest.accelerator]})
    _add(domain, "name", guest.name)
    _metadata(domain, guest)
    _add(domain, "memory", guest.memory_mib, unit="MiB")
    _processors(domain, guest)
    _boot(domain, guest)
    _life(domain)
    _devices(domain, guest)
    label = _add(domain, "seclabel", type="static", model="dac", relabel="no")
    _add(label, "label", "+0:+0")
    return ET.tostring(domain, encoding="unicode")
