# SPDX-License-Identifier: Apache-2.0
"""What a runner of virtual machines must implement.

Virtual machines boot from one of our disk images (`SystemBoot`), or from an image that the user
brings (`ImageBoot`). These differ in the request only.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from featherbench.contracts.image_description import Backend, Description
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import Placement
from featherbench.ownership import LABEL, Leftover
from featherbench.records.cell import Usage
from featherbench.records.requirement import MissingRequirement
from featherbench.user_input import MOST_MIB

NAME_PREFIX = f"{LABEL}-"


def name_of(instance_id: str) -> str:
    """Return the name by which hypervisors know an instance's virtual machine."""
    return f"{NAME_PREFIX}{instance_id}"


MAC_PREFIX = "52:54:00"
"""QEMU's own."""


def mac_of(instance_id: str) -> str:
    """Return an instance's MAC address: a new one, so that no neighbour table has an old entry."""
    digest = hashlib.sha256(instance_id.encode()).hexdigest()
    return ":".join([MAC_PREFIX, *(digest[at : at + 2] for at in (0, 2, 4))])


class GuestSettings(DriverSettings):
    """A virtual machine, whatever runs it and in it."""

    memory_mib: Annotated[int, Field(ge=64, le=MOST_MIB)] = 1024
    """Its memory."""
    vcpus: Annotated[int, Field(ge=1, le=512)] | Literal["auto"] = "auto"
    """Its processors; `auto`: as many as the server has CPUs."""

    def vcpus_on(self, cpus: Sequence[int]) -> int:
        """Return its number of processors, where the server has `cpus`."""
        return len(cpus) if self.vcpus == "auto" else self.vcpus


class WholeSystemSettings(GuestSettings):
    """A virtual machine that is the server under test."""

    init: Literal["systemd", "minimal"] = "systemd"
    """Process 1: `systemd` boots a whole Debian to the service; `minimal` does what the service
    needs and no more."""


class GuestAddresses(NamedTuple):
    """The addresses in the virtual machines' `subnet`.

    The first half is `bridged`: this machine, the `gateway`, has its first address, the `guest` the
    second. The other half is for `containers` inside the virtual machine, and is routed to it.
    """

    subnet: IPv4Network
    bridged: IPv4Network
    containers: IPv4Network
    gateway: str
    guest: str

    def with_prefix(self, address: str) -> str:
        """Return an address on the bridge as `ip` expects it."""
        return f"{address}/{self.bridged.prefixlen}"


def addresses_in(guest_subnet: str) -> GuestAddresses:
    """Return the addresses in a subnet; the configuration ensures that it is large enough."""
    subnet = IPv4Network(guest_subnet)
    bridged, containers = subnet.subnets()
    return GuestAddresses(subnet, bridged, containers, str(bridged[1]), str(bridged[2]))


class BootFiles(NamedTuple):
    """The files of a disk image: the root file system is a raw disk without partitions."""

    folder: Path
    kernel: Path
    initrd: Path
    disk: Path

    @property
    def paths(self) -> tuple[Path, Path, Path]:
        """All files that a virtual machine boots from."""
        return (self.kernel, self.initrd, self.disk)


def boot_files_in(folder: Path) -> BootFiles:
    """Return the files of an image. AppArmor's profile for libvirt knows their suffixes."""
    return BootFiles(folder, folder / "vmlinuz", folder / "initrd.img", folder / "disk.raw")


@dataclass(frozen=True, kw_only=True)
class SystemBoot:
    """Boot one of our disk images, which does not change: what the guest writes is discarded.

    `init` is the first program of the root file system. `seed` returns what the guest is given for
    this start (file → content); it is called once the instance's folder exists. `kernel_words` are
    added to the kernel's command line.
    """

    files: BootFiles
    settings: GuestSettings
    init: str
    seed: Callable[[], Mapping[str, str]]
    kernel_words: str = ""


@dataclass(frozen=True, kw_only=True)
class ImageBoot:
    """Boot an image that the user brings, as its description says.

    `kernel` is None if it boots from its first disk. `arguments` have no placeholders any more.
    """

    description: Description
    kernel: Path | None
    arguments: str
    mac: str


@dataclass(frozen=True, kw_only=True)
class VmRequest:
    """What to start. `state` is the Placement's; `console` is the file for the console's output."""

    instance_id: str
    state: str
    cpus: tuple[int, ...]
    memory_mib: int
    console: Path
    boot: SystemBoot | ImageBoot

    @property
    def name(self) -> str:
        """The name by which hypervisors know it."""
        return name_of(self.instance_id)


@dataclass(frozen=True, kw_only=True)
class Vm:
    """A virtual machine that was started: what its runner needs to find and to diagnose it.

    `port` is 0 if it serves nothing. `description` is the one that it was booted by, if any.
    """

    instance_id: str
    console: Path
    address: str
    port: int = 0
    description: Description | None = None
    service: str = ""

    @property
    def name(self) -> str:
        """The name by which hypervisors know it."""
        return name_of(self.instance_id)


class VmRunner(ABC):
    """What runs virtual machines. It is stateless, and may be asked for one that is gone."""

    guest_settings: type[GuestSettings] = GuestSettings
    """What a user may set of a virtual machine with an engine in it."""
    system_settings: type[WholeSystemSettings] = WholeSystemSettings
    """What a user may set of a virtual machine that is the server under test."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The hypervisor's name in the configuration."""

    @property
    def backends(self) -> tuple[Backend, ...]:
        """The backends of users' images that it can boot; the first is their default."""
        return ()

    @property
    def boot_slowdown(self) -> int:
        """How many times longer a boot may take than on a real processor."""
        return 1

    @abstractmethod
    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return what this machine lacks to run virtual machines. Cheap: starts no daemon."""

    def missing_requirements_of(self, backend: Backend) -> Sequence[MissingRequirement]:
        """Return what this machine lacks in addition for the images of one of its backends."""
        return ()

    @abstractmethod
    def prepare(self, placement: Placement, files: Sequence[Path]) -> None:
        """Make the bridge, and take `files` to where they boot. Raise TestbedError."""

    @abstractmethod
    def start(self, request: VmRequest) -> Mapping[str, float]:
        """Start one; return how long each step took, in s. Raise InstanceError, leaving nothing."""

    @abstractmethod
    def stop(self, vm: Vm) -> None:
        """End it and remove everything that was made for it; no error if it is gone."""

    @abstractmethod
    def is_running(self, vm: Vm) -> bool:
        """Return whether it runs: not if it panicked or powered itself off."""

    def boot_phases_s(self, instance_id: str, created_ns: int) -> Mapping[str, float]:
        """Return how long a boot's steps took since `created_ns` (wall clock), once it serves."""
        return {}

    @abstractmethod
    def usage(self, vm: Vm) -> Usage:
        """Return what it has used, as far as is known. Raise InstanceDiedError if it is gone."""

    def processes(self, vm: Vm) -> Sequence[int]:
        """Return the pids of its processes on this machine, if it has any."""
        return ()

    def reset_peak(self, vm: Vm) -> bool:
        """Reset its peak memory; return False if that is impossible."""
        return False

    @abstractmethod
    def diagnosis(self, vm: Vm) -> str:
        """Return its state, what that means, and the last lines of its console."""

    @abstractmethod
    def leftovers(self) -> Iterable[Leftover]:
        """Return what broken runs left of its virtual machines."""

    @abstractmethod
    def remove(self, leftover: Leftover) -> None:
        """Remove one leftover; no error if it is gone already."""

    def facts(self) -> Mapping[str, str]:
        """Return the hypervisor's versions and settings, for the record."""
        return {}
