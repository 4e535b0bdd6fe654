# SPDX-License-Identifier: Apache-2.0
"""A virtual machine that is the server under test: the paper's whole-system virtualization.

The same root file system as everywhere else, with a kernel and systemd, on a disk of its own. It
serves at its own address, which the client reaches by way of this machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, create_model

from featherbench.clock import now_utc
from featherbench.errors import TestbedError
from featherbench.guest import contract, image, report
from featherbench.guest import seed as seeds
from featherbench.guest.layout import lay_out
from featherbench.record import Endpoint, Image, Instance
from featherbench.settings import DriverSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.guest.contract import Hypervisor
    from featherbench.guest.layout import Layout
    from featherbench.guest.settings import WholeSystemSettings
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


@cache
def _with_guest(whole: type[WholeSystemSettings]) -> type[DriverSettings]:
    """Give the keys: a process inside has none, the machine has."""
    guest = (whole, Field(whole(), description="The virtual machine."))
    return create_model(f"Settings of {whole.__name__}", __base__=DriverSettings, guest=guest)


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

    hypervisor: Hypervisor

    networks: ClassVar[tuple[str, ...]] = ("bridge",)
    root_filesystems: ClassVar[tuple[str, ...]] = (ROOT,)
    subnet_share: ClassVar[int | None] = None
    fixed_memory: ClassVar[bool] = True

    @property
    def Settings(self) -> type[DriverSettings]:  # noqa: N802 - the contract's name
        """The machine's keys, which depend on what runs it."""
        return _with_guest(self.hypervisor.WholeSystemSettings)

    def lacks(self) -> Sequence[Lack]:
        """Name what the hypervisor lacks."""
        return self.hypervisor.lacks()

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
        """Have the hypervisor prepare itself, the bridge, and the image."""
        place, parts = order.place, image.parts_of(order.image.reference)
        self.hypervisor.prepare(place.guest_subnet, parts, state=str(place.state), home=place.home)

    def _machine(self, order: StartOrder, layout: Layout) -> contract.Order:
        settings: WholeSystemSettings = order.settings.guest  # type: ignore[attr-defined]
        return contract.Order(
            instance_id=order.instance_id,
            state=str(order.place.state),
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
        self.hypervisor.start(self._machine(order, layout))
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
        found = report.tuning(self.hypervisor.told(instance.id), tuning)
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
