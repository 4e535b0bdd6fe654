# SPDX-License-Identifier: Apache-2.0
"""The machine without a hypervisor."""

from featherbench.contracts import hypervisor
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import Technology


class Hypervisor(hypervisor.Hypervisor):
    """No hypervisor: nothing is between the technology and this machine's kernel."""

    virtualized = False

    def platform(
        self, name: str, technology: Technology, settings: DriverSettings
    ) -> Technology | None:
        """Return the technology itself; None if only a hypervisor can run it."""
        return technology if technology.runs_natively else None
