# SPDX-License-Identifier: Apache-2.0
"""What a host must be able to do: have technologies run on it.

One file a host; its class is always called `Host`. Heavy libraries are imported inside the methods
that need them, as in drivers of technologies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from featherbench.contracts.settings import DriverSettings
    from featherbench.contracts.technology import Technology
    from featherbench.ownership import Leftover


class Hypervisor(Protocol):
    """The contract. Drivers are stateless: every method gets all that it needs."""

    virtualized: ClassVar[bool]
    """Whether its platforms belong into the figures of virtualized ones."""
    emulated: ClassVar[bool]
    """Whether it runs code in software that stands in for a processor: its figures are no measure
    of virtualization, and stand in no table or figure beside those of one."""
    image_family: ClassVar[str]
    """Hosts of one family share their images; empty where they are the technology's own."""

    Settings: ClassVar[type[DriverSettings]]
    """What a user may set of it: `hosts` in the configuration. All of it has defaults."""

    def platform(
        self, name: str, technology: Technology, settings: DriverSettings
    ) -> Technology | None:
        """Say how the technology of that name runs on this host; None when it cannot.

        That is the technology itself, or one that wraps it: in a guest, or as one. Its `lacks` say
        what this machine lacks for the two together.
        """
        ...

    def leftovers(self) -> Iterable[Leftover]:
        """Find what broken runs left of the host's own: only what bears our label.

        What was given before an error counts.
        """
        ...

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        ...

    def facts(self, settings: DriverSettings) -> Mapping[str, str]:
        """Versions and settings of the host, for the record; empty where it cannot be used."""
        ...
