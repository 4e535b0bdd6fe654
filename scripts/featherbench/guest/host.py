# SPDX-License-Identifier: Apache-2.0
"""What the hosts `kvm` and `tcg` share: virtual machines on this machine, by libvirt."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from featherbench import variants
from featherbench.guest import hypervisor, lacks, leftovers, nested, whole_system
from featherbench.platforms.contract import OwnImages
from featherbench.unikernel import leftovers as unikernels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.guest.definition import Accelerator
    from featherbench.platforms.contract import Leftover, Technology


class GuestHost:
    """See `hosts/contract.py`."""

    accelerator: ClassVar[Accelerator]
    virtualized: ClassVar[bool] = True
    image_family: ClassVar[str] = "guest"

    def platform(self, name: str, technology: Technology) -> Technology | None:
        """Give the guest itself for `linux`; for what has an engine, that in a guest.

        A unikernel is a guest by itself. None where no root file system has the engine of that
        name.
        """
        if isinstance(technology, OwnImages):
            return cast("Technology", technology.in_guest(self.accelerator))
        if name == whole_system.NAME:
            return whole_system.WholeSystem(accelerator=self.accelerator)
        if nested.root_for(name) not in variants.names():
            return None
        inside = nested.Nested(name=name, inner=technology, accelerator=self.accelerator)
        return cast("Technology", inside)  # its facts are the inner one's, not its class's

    def leftovers(self) -> Sequence[Leftover]:
        """Find unikernels, machines, their folders, and the bridge."""
        return [*unikernels.find(self.accelerator), *leftovers.find(self.accelerator)]

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        if leftover.kind == unikernels.KIND:
            unikernels.remove(leftover)
        else:
            leftovers.remove(leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell the hypervisor's versions; nothing where guests cannot run."""
        return {} if lacks.of_accelerator(self.accelerator) else hypervisor.facts()
