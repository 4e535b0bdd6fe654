# SPDX-License-Identifier: Apache-2.0
"""A virtual machine that is the server under test: the paper's whole-system virtualization.

The same root file system as everywhere else, with a kernel and systemd, on a disk of its own. It
serves at its own address, which the client reaches by way of this machine.
"""

from __future__ import annotations

import time
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, create_model

from featherbench.clock import now_utc
from featherbench.contracts import vm_runner
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import Technology
from featherbench.errors import TestbedError
from featherbench.records.image import Image
from featherbench.records.instance import Endpoint, Instance
from featherbench.vm.boot import boot_report
from featherbench.vm.boot import seed as seeds
from featherbench.vm.image import disk
from featherbench.vm.network.addresses import lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.technology import BuildRequest, StartRequest
    from featherbench.contracts.vm_runner import VmRunner
    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.requirement import MissingRequirement
    from featherbench.records.tuning import Tuning
    from featherbench.vm.network.addresses import Layout
    from featherbench.vm.settings import WholeSystemSettings

NAME = "linux"
ROOT = "guest"
"""The root file system's name."""
INITS = {"systemd": "/sbin/init", "minimal": "/usr/local/lib/featherbench/minimal-init"}


@cache
def _with_guest(whole: type[WholeSystemSettings]) -> type[DriverSettings]:
    """Give the keys: a process inside has none, the machine has."""
    guest = (whole, Field(whole(), description="The virtual machine."))
    return create_model(f"Settings of {whole.__name__}", __base__=DriverSettings, guest=guest)


def _seed(request: StartRequest, layout: Layout) -> dict[str, str]:
    nofile = request.tuning.nofile
    return {
        "network": seeds.network(layout),
        "sysctls": seeds.sysctls(request.tuning),
        "service": seeds.service(request.command, address=layout.guest, nofile=nofile),
    }


class WholeSystem(Technology):
    """See `contracts/technology.py`."""

    networks = ("bridge",)
    root_filesystems = (ROOT,)
    fixed_memory = True

    def __init__(self, *, hypervisor: VmRunner) -> None:
        self.hypervisor = hypervisor
        self.Settings = _with_guest(hypervisor.WholeSystemSettings)

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Name what the hypervisor lacks."""
        return self.hypervisor.missing_requirements()

    def build_image(self, request: BuildRequest) -> Image:
        """Make a disk of the root file system and the app's files."""
        root = request.root_filesystems[ROOT]
        parts, digest = disk.build(root, request.files, request.into)
        return Image(
            technology=NAME,
            service=request.service,
            digest=digest,
            reference=parts.reference,
            size=disk.size_of(parts),
            versions=dict(root.versions),
            built_utc=now_utc(),
            build_log=f"made a disk of {root.tar} and {len(request.files)} files",
        )

    def prepare(self, request: StartRequest) -> None:
        """Have the hypervisor prepare itself, the bridge, and the image."""
        placement, parts = request.placement, disk.parts_of(request.image.reference)
        self.hypervisor.prepare(
            placement.guest_subnet,
            parts,
            state=str(placement.state),
            callback_address=placement.callback_address,
        )

    def _machine(self, request: StartRequest, layout: Layout) -> vm_runner.VmRequest:
        settings: WholeSystemSettings = request.settings.guest
        return vm_runner.VmRequest(
            instance_id=request.instance_id,
            state=str(request.placement.state),
            settings=settings,
            cpus=request.placement.cpus,
            parts=disk.parts_of(request.image.reference),
            init=INITS[settings.init],
            seed=partial(_seed, request, layout),
            console=request.log,
            memory_mib=request.memory_mib,
        )

    def start(self, request: StartRequest) -> Instance:
        """Start a machine over the image's disk, which stays as it is."""
        layout = lay_out(request.placement.guest_subnet)
        began_s = time.monotonic()
        self.hypervisor.start(self._machine(request, layout))
        created_ns, took_s = time.time_ns(), time.monotonic() - began_s
        return Instance(
            id=request.instance_id,
            technology=NAME,
            service=request.service,
            handle={"console": str(request.log.resolve()), "created_ns": created_ns},
            endpoint=Endpoint(
                address=layout.guest, port=request.port or 0, ping_address=layout.guest
            ),
            started_utc=now_utc(),
            start_phases_s={"definition": took_s},
        )

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Add to what `start` recorded what the guest tells: its kernel's, its user space's."""
        after = self.hypervisor.phases_s(instance.id, instance.handle["created_ns"])
        return {**instance.start_phases_s, **after}

    def is_running(self, instance: Instance) -> bool:
        """Ask the hypervisor: a guest that panicked or powered itself off is gone."""
        return self.hypervisor.is_running(instance.id)

    def diagnosis(self, instance: Instance) -> str:
        """Say how far it got, and what its console said last."""
        at, console = instance.endpoint, Path(instance.handle["console"])
        return self.hypervisor.diagnosis(instance.id, console, at.address, at.port)

    def stop(self, instance: Instance) -> None:
        """End the machine as by pulling its plug, and remove its disk."""
        self.hypervisor.stop(instance.id)

    def usage(self, instance: Instance) -> Usage:
        """Read what the hypervisor accounts for it."""
        return self.hypervisor.usage(instance.id)

    def reset_peak(self, instance: Instance) -> bool:
        """Reset what the hypervisor accounts, where it can."""
        return self.hypervisor.reset_peak(instance.id)

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Give what the guest has read back inside, and told us. Raises TestbedError."""
        found = boot_report.tuning(self.hypervisor.told(instance.id), tuning)
        if missing := set(tuning.net_sysctls) - set(found):
            raise TestbedError(
                f"guest {instance.id} does not tell {', '.join(sorted(missing))}",
                remedy="take sysctls that it does not have out of tuning.net_sysctls",
            )
        return found

    def leftovers(self) -> Sequence[Leftover]:
        """Find the hypervisor's guests, and the bridge."""
        return list(self.hypervisor.leftovers())

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        self.hypervisor.remove(leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell the hypervisor's."""
        return self.hypervisor.facts()
