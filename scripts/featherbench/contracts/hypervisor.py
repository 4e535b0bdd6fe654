# SPDX-License-Identifier: Apache-2.0
"""What a hypervisor driver must implement: run technologies in, or as, virtual machines.

One file per hypervisor. Its class is always called `Hypervisor` and derives from `Hypervisor`
below. Import heavy libraries inside the methods that need them, as in drivers of technologies.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from featherbench.contracts.settings import Configurable, SettingsT
from featherbench.contracts.technology import Technology
from featherbench.ownership import Leftover


class Hypervisor(ABC, Configurable[SettingsT]):
    """What technologies run on. Drivers are stateless: every method gets all that it needs.

    The keys of `Settings`, which a user may set below `hypervisors`, all have defaults.
    """

    virtualized: bool = True
    """Whether its platforms belong to the figures of virtualized ones."""
    emulated: bool = False
    """Whether software emulates the processor: then its figures do not measure virtualization, and
    are reported apart."""
    image_family: str = ""
    """Hypervisors of one family share their images; empty: images are the technology's own."""

    @abstractmethod
    def platform(self, name: str, technology: Technology, settings: SettingsT) -> Technology | None:
        """Return how the technology of that name runs here; None if it cannot.

        That is the technology itself, or one that wraps it. Its `missing_requirements` are those of
        the two together.
        """

    def leftovers(self) -> Iterable[Leftover]:
        """Yield what broken runs left with our label; what comes before an error counts."""
        return ()

    def remove(self, leftover: Leftover) -> None:
        """Remove one leftover; no error if it is gone already."""

    def facts(self, settings: SettingsT) -> Mapping[str, str]:
        """Return versions and settings, for the record; empty if it cannot be used."""
        return {}
