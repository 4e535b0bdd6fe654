# SPDX-License-Identifier: Apache-2.0
"""What technologies share whose instances are virtual machines, or are inside one."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, create_model

from featherbench.contracts.image_description import description_in
from featherbench.contracts.settings import DriverSettings, SettingsT
from featherbench.contracts.technology import StartRequest, Technology
from featherbench.contracts.vm_runner import (
    GuestSettings,
    ImageBoot,
    SystemBoot,
    Vm,
    VmRequest,
    VmRunner,
    addresses_in,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.instance import Instance
    from featherbench.records.requirement import MissingRequirement


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
