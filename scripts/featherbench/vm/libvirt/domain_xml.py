# SPDX-License-Identifier: Apache-2.0
"""The settings of a virtual machine, and its XML for libvirt: virtio devices, none unused.

See https://libvirt.org/formatdomain.html for the elements.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from xml.etree import ElementTree as ET

from pydantic import field_validator

from featherbench.contracts.vm_runner import (
    GuestSettings,
    SystemBoot,
    VmRequest,
    WholeSystemSettings,
    mac_of,
)
from featherbench.ownership import LABEL
from featherbench.vm.instance_dir import InstanceDir

Accelerator = Literal["kvm", "tcg"]
MachineType = Literal["q35", "pc"]
DiskCache = Literal["writeback", "none", "writethrough", "unsafe"]

DOMAIN_TYPES: dict[Accelerator, str] = {"kvm": "kvm", "tcg": "qemu"}
CPU_MODES: dict[Accelerator, str] = {"kvm": "host-passthrough", "tcg": "maximum"}
CMDLINE = "console=ttyS0 quiet panic=-1 net.ifnames=0"
"""Every kernel's command line; `panic=-1` restarts at once, which ends the virtual machine."""
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
class DomainDefinition:
    """A request for a guest of our disk images, and this machine's part; see `has_vhost`."""

    request: VmRequest
    folder: InstanceDir
    accelerator: Accelerator
    bridge: str
    vhost: bool

    @property
    def boot(self) -> SystemBoot:
        """The disk image that it boots from."""
        return cast("SystemBoot", self.request.boot)

    @property
    def settings(self) -> QemuSettings:
        """What the user has set of it."""
        return cast("QemuSettings", self.boot.settings)


def _add(
    parent: ET.Element, tag: str, text: str | int | None = None, **attributes: str
) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = None if text is None else str(text)
    return element


def _boot(domain: ET.Element, guest: DomainDefinition) -> None:
    boot, os = guest.boot, _add(domain, "os")
    _add(os, "type", "hvm", arch="x86_64", machine=guest.settings.machine)
    _add(os, "kernel", str(boot.files.kernel))
    _add(os, "initrd", str(boot.files.initrd))
    _add(os, "cmdline", f"{CMDLINE} fb_init={boot.init} {boot.kernel_words}".strip())


def _processors(domain: ET.Element, guest: DomainDefinition) -> None:
    """Pin every thread of QEMU to the server's CPUs, like the threads of other servers."""
    cpus, vcpus = guest.request.cpus, guest.settings.vcpus_on(guest.request.cpus)
    cpuset = ",".join(map(str, cpus))
    _add(domain, "vcpu", vcpus, placement="static", cpuset=cpuset)
    tune = _add(domain, "cputune")
    for number in range(vcpus):
        _add(tune, "vcpupin", vcpu=str(number), cpuset=cpuset)
    _add(tune, "emulatorpin", cpuset=cpuset)
    _add(domain, "cpu", mode=CPU_MODES[guest.accelerator])


def _disk(devices: ET.Element, file: Path, target: str, serial: str, **driver: str) -> ET.Element:
    disk = _add(devices, "disk", type="file", device="disk")
    _add(disk, "driver", name="qemu", **driver)
    _add(disk, "source", file=str(file))
    _add(disk, "target", dev=target, bus="virtio")
    _add(disk, "serial", serial)
    return disk


def _network_card(devices: ET.Element, guest: DomainDefinition) -> None:
    card = _add(devices, "interface", type="bridge")
    _add(card, "source", bridge=guest.bridge)
    _add(card, "mac", address=mac_of(guest.request.instance_id))
    _add(card, "model", type="virtio")
    _add(card, "driver", name="vhost" if guest.vhost else "qemu")
    _add(card, "rom", enabled="no")


def _devices(domain: ET.Element, guest: DomainDefinition) -> None:
    devices, folder, cache = _add(domain, "devices"), guest.folder, guest.settings.disk_cache
    _disk(devices, folder.overlay, "vda", ROOT_DISK, type="qcow2", cache=cache)
    seed = _disk(devices, folder.seed, "vdb", SEED_DISK, type="raw", cache="writeback")
    _add(seed, "readonly")
    _network_card(devices, guest)
    for port, file in enumerate((guest.request.console.resolve(), folder.report)):
        serial = _add(devices, "serial", type="file")
        _add(serial, "source", path=str(file))
        _add(serial, "target", port=str(port))
    _add(devices, "controller", type="usb", model="none")
    _add(_add(devices, "memballoon", model="virtio"), "stats", period="1")


def domain_xml(guest: DomainDefinition) -> str:
    """Return the domain's XML for `virDomainCreateXML`.

    QEMU runs as root and the files keep their owner, because results may be in a home folder that
    only its owner may enter. Other confinement (AppArmor, SELinux, seccomp) is libvirt's default.
    The first serial port is the console, the second takes the report.
    """
    request, domain = guest.request, ET.Element("domain", type=DOMAIN_TYPES[guest.accelerator])
    _add(domain, "name", request.name)
    owner = {"instance": request.instance_id, "state": request.state}
    owner["accelerator"] = guest.accelerator
    ET.SubElement(_add(domain, "metadata"), f"{{{METADATA}}}guest", owner)
    _add(domain, "memory", request.memory_mib, unit="MiB")
    _processors(domain, guest)
    _boot(domain, guest)
    _add(_add(domain, "features"), "acpi")
    for event in ("on_poweroff", "on_reboot", "on_crash"):  # by itself or by a panic
        _add(domain, event, "destroy")
    _devices(domain, guest)
    label = _add(domain, "seclabel", type="static", model="dac", relabel="no")
    _add(label, "label", "+0:+0")
    return ET.tostring(domain, encoding="unicode")
