# SPDX-License-Identifier: Apache-2.0
"""What the hosts `xen` and `xentcg` share: domains of a dom0, here or elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from featherbench.guest import host
from featherbench.xen import guests, lacks
from featherbench.xen.guests import Guests
from featherbench.xen.hypervisor import Xen, facts_of
from featherbench.xen.settings import HostSettings
from featherbench.xen.unikernels import XlDomains

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.platforms.contract import Leftover, Technology
    from featherbench.settings import DriverSettings


class XenHost:
    """See `hosts/contract.py`."""

    name: ClassVar[str]
    emulated: ClassVar[bool]
    virtualized: ClassVar[bool] = True
    image_family: ClassVar[str] = host.IMAGES
    Settings: ClassVar[type[DriverSettings]] = HostSettings

    def platform(
        self, name: str, technology: Technology, settings: DriverSettings
    ) -> Technology | None:
        """Give the technology in a domain, or as one."""
        where = cast("HostSettings", settings)
        return host.platform(
            name,
            technology,
            Xen(host=self.name, emulated=self.emulated, settings=where),
            XlDomains(host=self.name, emulated=self.emulated, settings=where),
        )

    def leftovers(self) -> Sequence[Leftover]:
        """Find domains by their folders here."""
        return list(Guests(host=self.name, settings=HostSettings()).leftovers())

    def remove(self, leftover: Leftover) -> None:
        """End one, wherever its dom0 is."""
        guests.remove(self.name, leftover)

    def facts(self, settings: DriverSettings) -> Mapping[str, str]:
        """Tell of Xen, and of dom0; nothing where there is none."""
        where = cast("HostSettings", settings)
        return {} if any(lacks.of(where, emulated=self.emulated)) else facts_of(where)
