# SPDX-License-Identifier: Apache-2.0
"""A virtual machine that is the server under test: the paper's whole-system virtualization.

The same root file system as everywhere else, with a kernel and systemd, on a disk of its own. It
serves at its own address, which the client reaches through this machine.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from featherbench.clock import now_utc
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.vm_runner import SystemBoot, VmRunner, WholeSystemSettings, addresses_in
from featherbench.errors import TestbedError
from featherbench.records.image import Image
from featherbench.vm import boot_report, disk_image, instance_dir
from featherbench.vm import seed as seeds
from featherbench.vm.libvirt import requirements
from featherbench.vm.vm_technology import VmTechnology, settings_with_guest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.technology import BuildRequest, StartRequest
    from featherbench.records.instance import Instance
    from featherbench.records.requirement import MissingRequirement
    from featherbench.records.tuning import Tuning

ROOT = "guest"
"""The root file system's name."""
INITS = {"systemd": "/sbin/init", "minimal": "/usr/local/lib/featherbench/minimal-init"}


def _seed(request: StartRequest) -> dict[str, str]:
    addresses, nofile = addresses_in(request.placement.guest_subnet), request.tuning.nofile
    return {
        "network": seeds.network(addresses),
        "sysctls": seeds.sysctls(request.tuning),
        "service": seeds.service(request.command, address=addresses.guest, nofile=nofile),
    }


class VirtualMachine(VmTechnology):
    """See `contracts/technology.py`."""

    name = "linux"
    networks = ("bridge",)
    root_filesystems = (ROOT,)
    fixed_memory = True

    def __init__(self, *, runner: VmRunner) -> None:
        super().__init__(runner=runner)
        system = runner.system_settings
        self.Settings = settings_with_guest(system.__name__, DriverSettings, system)

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return what is missing to make disk images, and to run virtual machines."""
        return requirements.with_images(self.runner)

    def build_image(self, request: BuildRequest) -> Image:
        """Make a disk of the root file system and the service's files."""
        root = request.root_filesystems[ROOT]
        files, digest = disk_image.build(root, request.files, request.into)
        return Image(
            technology=self.name,
            service=request.service,
            digest=digest,
            reference={"folder": str(files.folder)},
            size=disk_image.size_of_files(files.paths, counted=disk_image.COUNTED),
            versions=dict(root.versions),
            built_utc=now_utc(),
            build_log=f"made a disk of {root.tar} and {len(request.files)} files",
        )

    def prepare(self, request: StartRequest) -> None:
        """Have the runner prepare itself, the bridge, and the image."""
        files = disk_image.boot_files(request.image.reference)
        self.runner.prepare(request.placement, files.paths)

    def start(self, request: StartRequest) -> Instance:
        """Start a virtual machine over the image's disk, which does not change."""
        settings: WholeSystemSettings = request.settings.guest
        boot = SystemBoot(
            files=disk_image.boot_files(request.image.reference),
            settings=settings,
            init=INITS[settings.init],
            seed=partial(_seed, request),
        )
        return self.start_vm(request, boot, memory_mib=settings.memory_mib)

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Add the times of kernel and user space, which the guest reports."""
        boot_s = self.runner.boot_phases_s(instance.id, instance.handle["created_ns"])
        return {**instance.start_phases_s, **boot_s}

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Return what the guest read back inside and reported. Raise TestbedError."""
        report = boot_report.read(instance_dir.of(instance.id).report)
        in_force = boot_report.tuning(report, tuning)
        if missing := set(tuning.net_sysctls) - set(in_force):
            raise TestbedError(
                f"guest {instance.id} does not report {', '.join(sorted(missing))}",
                remedy="take sysctls that it does not have out of tuning.net_sysctls",
            )
        return in_force
