# SPDX-License-Identifier: Apache-2.0
"""A virtual machine that is the server under test: the paper's whole-system virtualization.

The same root file system as everywhere else, with a kernel and systemd, on a disk of its own. It
serves at its own address, which the client reaches through this machine.
"""

from __future__ import annotations

import time
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, create_model

from featherbench.clock import now_utc
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import Technology
from featherbench.contracts.vm_runner import SystemBoot, Vm, VmRequest, addresses_in
from featherbench.errors import TestbedError
from featherbench.records.image import Image
from featherbench.records.instance import Endpoint, Instance
from featherbench.vm import instance_dir
from featherbench.vm.boot import boot_report
from featherbench.vm.boot import seed as seeds
from featherbench.vm.image import disk
from featherbench.vm.libvirt import requirements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.technology import BuildRequest, StartRequest
    from featherbench.contracts.vm_runner import GuestAddresses, VmRunner, WholeSystemSettings
    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.requirement import MissingRequirement
    from featherbench.records.tuning import Tuning

NAME = "linux"
ROOT = "guest"
"""The root file system's name."""
INITS = {"systemd": "/sbin/init", "minimal": "/usr/local/lib/featherbench/minimal-init"}


@cache
def _settings_of(system: type[WholeSystemSettings]) -> type[DriverSettings]:
    """Return the platform's keys: a process in it has none, the virtual machine has."""
    guest = (system, Field(system(), description="The virtual machine."))
    return create_model(f"Settings of {system.__name__}", __base__=DriverSettings, guest=guest)


def _seed(request: StartRequest, addresses: GuestAddresses) -> dict[str, str]:
    return {
        "network": seeds.network(addresses),
        "sysctls": seeds.sysctls(request.tuning),
        "service": seeds.service(
            request.command, address=addresses.guest, nofile=request.tuning.nofile
        ),
    }


def vm_of(instance: Instance) -> Vm:
    """Return the virtual machine that an instance is, or is in."""
    return Vm(
        instance_id=instance.id,
        console=Path(instance.handle["console"]),
        address=instance.endpoint.address,
        port=instance.endpoint.port,
    )


class VirtualMachine(Technology):
    """See `contracts/technology.py`."""

    networks = ("bridge",)
    root_filesystems = (ROOT,)
    fixed_memory = True

    def __init__(self, *, runner: VmRunner) -> None:
        self.runner = runner
        self.Settings = _settings_of(runner.system_settings)

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return what is missing to make disk images, and to run virtual machines."""
        return requirements.with_images(self.runner)

    def build_image(self, request: BuildRequest) -> Image:
        """Make a disk of the root file system and the service's files."""
        root = request.root_filesystems[ROOT]
        files, digest = disk.build(root, request.files, request.into)
        return Image(
            technology=NAME,
            service=request.service,
            digest=digest,
            reference={"folder": str(files.folder)},
            size=disk.size_of_files(files.paths, counted=disk.COUNTED),
            versions=dict(root.versions),
            built_utc=now_utc(),
            build_log=f"made a disk of {root.tar} and {len(request.files)} files",
        )

    def prepare(self, request: StartRequest) -> None:
        """Have the runner prepare itself, the bridge, and the image."""
        self.runner.prepare(
            request.placement.guest_subnet,
            disk.boot_files(request.image.reference).paths,
            state=str(request.placement.state),
            callback_address=request.placement.callback_address,
        )

    def start(self, request: StartRequest) -> Instance:
        """Start a virtual machine over the image's disk, which does not change."""
        settings: WholeSystemSettings = request.settings.guest
        addresses = addresses_in(request.placement.guest_subnet)
        boot = SystemBoot(
            files=disk.boot_files(request.image.reference),
            settings=settings,
            init=INITS[settings.init],
            seed=partial(_seed, request, addresses),
        )
        phases_s = self.runner.start(
            VmRequest(
                instance_id=request.instance_id,
                state=str(request.placement.state),
                cpus=request.placement.cpus,
                memory_mib=request.memory_mib or settings.memory_mib,
                console=request.log,
                boot=boot,
            )
        )
        created_ns = time.time_ns()
        return Instance(
            id=request.instance_id,
            technology=NAME,
            service=request.service,
            handle={"console": str(request.log.resolve()), "created_ns": created_ns},
            endpoint=Endpoint(
                address=addresses.guest, port=request.port or 0, ping_address=addresses.guest
            ),
            started_utc=now_utc(),
            start_phases_s=phases_s,
        )

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Add the times of kernel and user space, which the guest reports."""
        boot_s = self.runner.boot_phases_s(instance.id, instance.handle["created_ns"])
        return {**instance.start_phases_s, **boot_s}

    def is_running(self, instance: Instance) -> bool:
        """Ask the runner."""
        return self.runner.is_running(vm_of(instance))

    def diagnosis(self, instance: Instance) -> str:
        """Return how far it got, and the last lines of its console."""
        return self.runner.diagnosis(vm_of(instance))

    def stop(self, instance: Instance) -> None:
        """End it at once, and remove its disk."""
        self.runner.stop(vm_of(instance))

    def usage(self, instance: Instance) -> Usage:
        """Return what the hypervisor accounts for it."""
        return self.runner.usage(vm_of(instance))

    def reset_peak(self, instance: Instance) -> bool:
        """Reset what the hypervisor accounts, if it can."""
        return self.runner.reset_peak(vm_of(instance))

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

    def leftovers(self) -> Sequence[Leftover]:
        """Return the runner's virtual machines, and the bridge."""
        return list(self.runner.leftovers())

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        self.runner.remove(leftover)

    def facts(self) -> Mapping[str, str]:
        """Return the runner's facts."""
        return self.runner.facts()
