# SPDX-License-Identifier: Apache-2.0
"""What the hosts `xen` and `xentcg` share: domains of a dom0, here or elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from featherbench.contracts.hypervisor import Hypervisor
from featherbench.hypervisors import _qemu
from featherbench.xen import domain_lifecycle, requirements
from featherbench.xen.domain_lifecycle import Guests
from featherbench.xen.hypervisor import Xen, facts_of
from featherbench.xen.settings import Dom0Settings
from featherbench.xen.unikernel_runner import XlDomains

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.technology import Technology
    from featherbench.ownership import Leftover


class XenHypervisor(Hypervisor[Dom0Settings]):
    """See `contracts/hypervisor.py`."""

    name: ClassVar[str]
    image_family = _qemu.IMAGES
    Settings = Dom0Settings

    def platform(
        self, name: str, technology: Technology, settings: Dom0Settings
    ) -> Technology | None:
        """Give the technology in a domain, or as one."""
        return _qemu.platform(
            name,
            technology,
            Xen(hypervisor=self.name, emulated=self.emulated, settings=settings),
            XlDomains(hypervisor=self.name, emulated=self.emulated, settings=settings),
        )

    def leftovers(self) -> Sequence[Leftover]:
        """Find domains by their folders here."""
        return list(Guests(hypervisor=self.name, settings=Dom0Settings()).leftovers())

    def remove(self, leftover: Leftover) -> None:
        """End one, wherever its dom0 is."""
        domain_lifecycle.remove(self.name, leftover)

    def facts(self, settings: Dom0Settings) -> Mapping[str, str]:
        """Tell of Xen, and of dom0; nothing where there is none."""
        return {} if any(requirements.of(settings, emulated=self.emulated)) else facts_of(settings)
