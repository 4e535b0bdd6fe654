# SPDX-License-Identifier: Apache-2.0
"""What runs unikernels: processes of this machine (QEMU, Solo5's tenders), or Xen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.instance import Instance
    from featherbench.records.requirement import MissingRequirement
    from featherbench.unikernels.guest_spec import Guest
    from featherbench.unikernels.image_description import Backend, Description
    from featherbench.vm.libvirt.domain_xml import Accelerator


class UnikernelRunner(Protocol):
    """The contract. Guests are known by their instance; what is asked of one that is gone, too."""

    @property
    def name(self) -> str:
        """The host's name in the configuration."""
        ...

    @property
    def accelerator(self) -> Accelerator | None:
        """What QEMU runs under; None where no QEMU is."""
        ...

    @property
    def vhost(self) -> bool:
        """Whether packets can pass in the kernel."""
        ...

    @property
    def backends(self) -> tuple[Backend, ...]:
        """Name those that it has; the first is what images are for unless they say another."""
        ...

    def missing_requirements(self) -> Iterable[MissingRequirement]:
        """Name what this host lacks for any image. Cheap: no daemon is started."""
        ...

    def missing_requirements_for(self, backend: Backend) -> Iterator[MissingRequirement]:
        """Name what this host lacks for the images of a backend that it has."""
        ...

    def prepare(
        self, guest_subnet: str, files: Sequence[Path], *, state: str, callback_address: str
    ) -> None:
        """See to it that the bridge is there, and the files where guests can boot from them."""
        ...

    def start(self, guest: Guest, *, state: str, cpus: Sequence[int]) -> dict[str, float]:
        """Start a guest; it is there when this returns. Gives how long each step took.

        Raises InstanceError, having removed whatever was made.
        """
        ...

    def number_of(self, instance_id: str) -> int | None:
        """Give the pid or the domain's number; None when it has ended."""
        ...

    def ended_with(self, number: int) -> int | None:
        """Give the status with which a guest of this process ended; None where nobody can tell."""
        ...

    def responds(self, guest_name: str, backend: Backend) -> bool:
        """Whether one that has not ended runs, as far as its hypervisor can tell."""
        ...

    def diagnosis(self, instance: Instance, wanted: Description, answers: Callable[[], str]) -> str:
        """Say what became of a guest, what that means, and what it said last.

        `wanted` is its description; `answers` says of one that runs what it does with connections.
        """
        ...

    def power_down(self, instance_id: str, guest_name: str) -> None:
        """Press the power button, and give the guest a while to heed it."""
        ...

    def end(self, instance_id: str) -> None:
        """End a guest, and remove what was made for it; no error when it is gone already."""
        ...

    def usage(self, instance_id: str) -> Usage:
        """Tell what it has used. Raises InstanceDiedError when it is gone."""
        ...

    def reset_peak(self, instance_id: str) -> bool:
        """Reset its peak memory; False where that cannot be."""
        ...

    def leftovers(self) -> Iterator[Leftover]:
        """Find its guests of broken runs."""
        ...

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them; no error when it is gone already."""
        ...

    def facts(self) -> Mapping[str, str]:
        """Tell the hypervisor's version and settings, for the record."""
        ...
