# SPDX-License-Identifier: Apache-2.0
"""The machine itself, with nothing between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import OwnImages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.technology import Technology
    from featherbench.ownership import Leftover


class Hypervisor:
    """The bare machine: nothing lies between the technology and its kernel."""

    virtualized = False
    emulated = False
    image_family = ""
    Settings = DriverSettings

    def platform(
        self, name: str, technology: Technology, settings: DriverSettings
    ) -> Technology | None:
        """Give the technology itself; None for a unikernel that only a hypervisor can run."""
        is_guest = isinstance(technology, OwnImages) and not technology.runs_natively
        return None if is_guest else technology

    def leftovers(self) -> Sequence[Leftover]:
        """Leave nothing: technologies look for their own."""
        return ()

    def remove(self, leftover: Leftover) -> None:
        """Have nothing to remove."""

    def facts(self, settings: DriverSettings) -> Mapping[str, str]:
        """Say nothing that the host's record does not say."""
        return {}
