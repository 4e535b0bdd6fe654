# SPDX-License-Identifier: Apache-2.0
"""Domains of Xen's dom0, on this machine or another one: what `xen` and `xentcg` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from featherbench.contracts.hypervisor import Hypervisor
from featherbench.hypervisors import _qemu
from featherbench.xen.runner import XenRunner
from featherbench.xen.settings import Dom0Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.contracts.technology import Technology
    from featherbench.ownership import Leftover


class XenHypervisor(Hypervisor[Dom0Settings]):
    """See `contracts/hypervisor.py`."""

    name: ClassVar[str]
    image_family = _qemu.IMAGE_FAMILY

    def _runner(self, settings: Dom0Settings) -> XenRunner:
        return XenRunner(hypervisor=self.name, emulated=self.emulated, settings=settings)

    def platform(
        self, name: str, technology: Technology, settings: Dom0Settings
    ) -> Technology | None:
        """Return the technology as, or in, a domain."""
        runner = self._runner(settings)
        return technology.with_runner(runner) or _qemu.platform_in_vm(name, technology, runner)

    def leftovers(self) -> Iterator[Leftover]:
        """Return domains by their folders on this machine."""
        return self._runner(Dom0Settings()).leftovers()

    def remove(self, leftover: Leftover) -> None:
        """End one, in the dom0 that its folder names."""
        self._runner(Dom0Settings()).remove(leftover)

    def facts(self, settings: Dom0Settings) -> Mapping[str, str]:
        """Return the facts of Xen and dom0; empty if Xen cannot be used."""
        runner = self._runner(settings)
        return {} if runner.missing_requirements() else runner.facts()
