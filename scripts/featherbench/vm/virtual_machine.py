# SPDX-License-Identifier: Apache-2.0
"""Technologies whose instances are virtual machines; and the one that is the server under test.

That is the paper's whole-system virtualization: the same root file system as everywhere else, with
a kernel and systemd, on a disk of its own. It serves at its own address, which the client reaches
through this machine.
"""

import time
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from pydantic import Field, create_model

from featherbench.clock import now_utc
from featherbench.contracts.image_description import description_in
from featherbench.contracts.settings import DriverSettings, SettingsT
from featherbench.contracts.technology import BuildRequest, StartRequest, Technology
from featherbench.contracts.vm_runner import (
    GuestSettings,
    ImageBoot,
    SystemBoot,
    Vm,
    VmRequest,
    VmRunner,
    WholeSystemSettings,
    addresses_in,
)
from featherbench.errors import TestbedError
from featherbench.ownership import Leftover
from featherbench.records.cell import Usage
from featherbench.records.instance import Image, Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.records.tuning import Tuning
from featherbench.vm import boot_report, disk_image, instance_dir
from featherbench.vm.libvirt import requirements

ROOT = "guest"
"""The root file system's name."""
INITS = {"systemd": "/sbin/init", "minimal": "/usr/local/lib/featherbench/minimal-init"}


@cache
def settings_with_guest(
    title: str, base: type[DriverSettings], guest: type[GuestSettings]
) -> type[DriverSettings]:
    """Return a technology's own keys, and those of the virtual machine."""
    field = (guest, Field(guest(), description="The virtual machine."))
    return create_model(f"Settings of {title}", __base__=base, guest=field)


def vm_of(instance: Instance) -> Vm:
    """Return the virtual machine that an instance is, or is in."""
    return Vm(
        instance_id=instance.id,
        console=Path(instance.handle["console"]),
        address=instance.endpoint.address,
        port=instance.endpoint.port,
        description=description_in(instance.handle) if "description" in instance.handle else None,
        service=instance.service,
    )


class VmTechnology(Technology[SettingsT]):
    """See `contracts/technology.py`. The runner does what is asked of the virtual machine."""

    name: str
    """The technology's name in the configuration."""

    def __init__(self, *, runner: VmRunner) -> None:
        self.runner = runner

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return what this machine lacks to run virtual machines."""
        return self.runner.missing_requirements()

    def start_vm(
        self,
        request: StartRequest[SettingsT],
        boot: SystemBoot | ImageBoot,
        *,
        memory_mib: int,
        port: int | None = None,
        handle: Mapping[str, object] | None = None,
    ) -> Instance:
        """Start a virtual machine that is the instance; `handle` is added to its handle.

        `memory_mib` is for a request that names none; `port` overrides the request's.
        """
        placement, console = request.placement, request.log.resolve()
        phases_s = self.runner.start(
            VmRequest(
                instance_id=request.instance_id,
                state=str(placement.state),
                cpus=placement.cpus,
                memory_mib=request.memory_mib or memory_mib,
                console=console,
                boot=boot,
            )
        )
        created = {"console": str(console), "created_ns": time.time_ns()}
        address = addresses_in(placement.guest_subnet).guest
        given = {**created, **(handle or {})}
        return request.started(self.name, address, handle=given, phases_s=phases_s, port=port)

    def is_running(self, instance: Instance) -> bool:
        """Ask the runner."""
        return self.runner.is_running(vm_of(instance))

    def diagnosis(self, instance: Instance) -> str:
        """Return the runner's, with the last lines of the console."""
        return self.runner.diagnosis(vm_of(instance))

    def stop(self, instance: Instance) -> None:
        """End it, and remove what was made for it."""
        self.runner.stop(vm_of(instance))

    def usage(self, instance: Instance) -> Usage:
        """Return what the hypervisor accounts for it."""
        return self.runner.usage(vm_of(instance))

    def processes(self, instance: Instance) -> Sequence[int]:
        """Return the runner's process for it."""
        return self.runner.processes(vm_of(instance))

    def reset_peak(self, instance: Instance) -> bool:
        """Reset what the hypervisor accounts, if it can."""
        return self.runner.reset_peak(vm_of(instance))

    def leftovers(self) -> Sequence[Leftover]:
        """Return the runner's virtual machines, with everything in them, and the bridge."""
        return list(self.runner.leftovers())

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        self.runner.remove(leftover)

    def facts(self) -> Mapping[str, str]:
        """Return the runner's facts."""
        return self.runner.facts()


def _seed(request: StartRequest) -> dict[str, str]:
    addresses, nofile = addresses_in(request.placement.guest_subnet), request.tuning.nofile
    return {
        "network": disk_image.seed_network(addresses),
        "sysctls": disk_image.seed_sysctls(request.tuning),
        "service": disk_image.seed_service(request.command, address=addresses.guest, nofile=nofile),
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
