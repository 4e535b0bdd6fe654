# SPDX-License-Identifier: Apache-2.0
"""What hosts that run guests share, and what `kvm` and `tcg` do beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from featherbench import variants
from featherbench.guest import domains, lacks, nested, whole_system
from featherbench.guest.qemu import Qemu
from featherbench.platforms.contract import OwnImages
from featherbench.settings import DriverSettings
from featherbench.unikernel import leftovers as unikernels
from featherbench.unikernel.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.guest.contract import Hypervisor
    from featherbench.guest.definition import Accelerator
    from featherbench.platforms.contract import Leftover, Technology
    from featherbench.unikernel.contract import Runner

IMAGES = "guest"
"""The family of images that guests share, whatever runs them."""


def platform(
    name: str, technology: Technology, hypervisor: Hypervisor, runner: Runner
) -> Technology | None:
    """Give the guest itself for `linux`; for what has an engine, that in a guest.

    A unikernel is a guest by itself. None where no root file system has the engine of that name.
    """
    if isinstance(technology, OwnImages):
        return cast("Technology", technology.run_by(runner))
    if name == whole_system.NAME:
        return cast("Technology", whole_system.WholeSystem(hypervisor=hypervisor))
    if nested.root_for(name) not in variants.names():
        return None
    inside = nested.Nested(name=name, inner=technology, hypervisor=hypervisor)
    return cast("Technology", inside)  # its facts are the inner one's, not its class's


class GuestHost:
    """Virtual machines on this machine, by libvirt, and unikernels by QEMU and tenders.

    See `hosts/contract.py`.
    """

    accelerator: ClassVar[Accelerator]
    virtualized: ClassVar[bool] = True
    image_family: ClassVar[str] = IMAGES
    Settings: ClassVar[type[DriverSettings]] = DriverSettings

    @property
    def _hypervisor(self) -> Qemu:
        return Qemu(accelerator=self.accelerator)

    def platform(
        self, name: str, technology: Technology, settings: DriverSettings
    ) -> Technology | None:
        """Give the technology in a guest, or as one; see above."""
        return platform(name, technology, self._hypervisor, Processes(accelerator=self.accelerator))

    def leftovers(self) -> Iterator[Leftover]:
        """Find unikernels, machines, their folders, and the bridge."""
        yield from unikernels.find(self.accelerator)
        yield from self._hypervisor.leftovers()

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        if leftover.kind == unikernels.KIND:
            unikernels.remove(leftover)
        else:
            self._hypervisor.remove(leftover)

    def facts(self, settings: DriverSettings) -> Mapping[str, str]:
        """Tell the hypervisor's versions; nothing where guests cannot run."""
        return {} if lacks.of_accelerator(self.accelerator) else domains.facts()
