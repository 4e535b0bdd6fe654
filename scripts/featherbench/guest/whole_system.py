# SPDX-License-Identifier: Apache-2.0
"""A virtual machine that is the server under test: the paper's whole-system virtualization.

The same root file system as everywhere else, with a kernel and systemd, on a disk of its own. It
serves at its own address, which the client reaches by way of this machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from featherbench.clock import now_utc
from featherbench.errors import TestbedError
from featherbench.guest import bridge, folder, hypervisor, image, lacks, leftovers, machine, report
from featherbench.guest import seed as seeds
from featherbench.guest.layout import lay_out
from featherbench.guest.settings import WholeSystemSettings
from featherbench.record import Endpoint, Image, Instance
from featherbench.settings import DriverSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.guest.definition import Accelerator
    from featherbench.guest.layout import Layout
    from featherbench.platforms.contract import (
        BuildOrder,
        Lack,
        Leftover,
        StartOrder,
        Tuning,
    )
    from featherbench.record import Usage

NAME = "linux"
ROOT = "guest"
"""The root file system's name."""
INITS = {"systemd": "/sbin/init", "minimal": "/usr/local/lib/featherbench/minimal-init"}


class Settings(DriverSettings):
    """A process inside has no settings; the machine has."""

    guest: WholeSystemSettings = WholeSystemSettings()
    """The virtual machine."""


def _seed(order: StartOrder, layout: Layout) -> dict[str, str]:
    nofile = order.tuning.nofile
    return {
        "network": seeds.network(layout),
        "sysctls": seeds.sysctls(order.tuning),
        "service": seeds.service(order.command, address=layout.guest, nofile=nofile),
    }


@dataclass(frozen=True, kw_only=True)
class WholeSystem:
    """See `platforms/contract.py`."""

    accelerator: Accelerator

    Settings: ClassVar[type[DriverSettings]] = Settings
    networks: ClassVar[tuple[str, ...]] = ("bridge",)
    root_filesystems: ClassVar[tuple[str, ...]] = (ROOT,)
    subnet_share: ClassVar[int | None] = None
    fixed_memory: ClassVar[bool] = True

    def lacks(self) -> Sequence[Lack]:
        """Name missing programs, rights, and why KVM cannot be used."""
        return lacks.of_accelerator(self.accelerator)

    def build_image(self, order: BuildOrder) -> Image:
        """Make a disk of the root file system and the app's files."""
        root = order.roots[ROOT]
        parts, digest = image.build(root, order.files, order.into)
        return Image(
            technology=NAME,
            app=order.app,
            digest=digest,
            reference=parts.reference,
            size=image.size_of(parts),
            versions=dict(root.versions),
            built_utc=now_utc(),
            build_log=f"made a disk of {root.tar} and {len(order.files)} files",
        )

    def prepare(self, order: StartOrder) -> None:
        """Connect to libvirt; make the bridge, and let the client's packets pass to it."""
        hypervisor.facts()
        place = order.place
        bridge.prepare(place.guest_subnet, state=str(place.state), home=place.home)

    def _machine(self, order: StartOrder, layout: Layout) -> machine.Order:
        settings = cast("Settings", order.settings).guest
        return machine.Order(
            instance_id=order.instance_id,
            state=str(order.place.state),
            accelerator=self.accelerator,
            settings=settings,
            cpus=order.place.cpus,
            parts=image.parts_of(order.image.reference),
            init=INITS[settings.init],
            seed=partial(_seed, order, layout),
            console=order.log,
            memory_mib=order.memory_mib,
        )

    def start(self, order: StartOrder) -> Instance:
        """Start a machine over the image's disk, which stays as it is."""
        layout = lay_out(order.place.guest_subnet)
        began_s = time.monotonic()
        machine.start(self._machine(order, layout))
        created_ns, took_s = time.time_ns(), time.monotonic() - began_s
        return Instance(
            id=order.instance_id,
            technology=NAME,
            app=order.app,
            handle={"console": str(order.log.resolve()), "created_ns": created_ns},
            endpoint=Endpoint(
                address=layout.guest, port=order.port or 0, ping_address=layout.guest
            ),
            started_utc=now_utc(),
            start_phases_s={"definition": took_s},
        )

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Add to what `start` recorded what the guest tells: firmware and kernel, user space."""
        boot = report.boot(folder.of(instance.id).report)
        after = boot.phases_s(instance.handle["created_ns"]) if boot else {}
        return {**instance.start_phases_s, **after}

    def is_running(self, instance: Instance) -> bool:
        """Ask libvirt: a guest that panicked or powered itself off is gone."""
        return hypervisor.is_running(instance.id)

    def diagnosis(self, instance: Instance) -> str:
        """Say how far it got, and what its console said last."""
        at = instance.endpoint
        return machine.diagnosis(instance.id, Path(instance.handle["console"]), at.address, at.port)

    def stop(self, instance: Instance) -> None:
        """End the machine as by pulling its plug, and remove its disk."""
        machine.stop(instance.id)

    def usage(self, instance: Instance) -> Usage:
        """Read what QEMU has used, and what the guest's kernel holds."""
        return machine.usage(instance.id)

    def reset_peak(self, instance: Instance) -> bool:
        """Reset QEMU's."""
        return machine.reset_peak(instance.id)

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Give what the guest has read back inside, and told us. Raises TestbedError."""
        told = report.read(folder.of(instance.id).report)
        found = report.tuning(told, tuning)
        if missing := set(tuning.net_sysctls) - set(found):
            raise TestbedError(
                f"guest {instance.id} does not tell {', '.join(sorted(missing))}",
                remedy="take sysctls that it does not have out of tuning.net_sysctls",
            )
        return found

    def leftovers(self) -> Sequence[Leftover]:
        """Find machines, their folders, and the bridge."""
        return list(leftovers.find(self.accelerator))

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        leftovers.remove(leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell the hypervisor's versions, and whether packets pass in the kernel."""
        return machine.facts(self.accelerator)
