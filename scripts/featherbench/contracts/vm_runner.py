# SPDX-License-Identifier: Apache-2.0
"""What a hypervisor must be able to do: run guests that are made of our images.

Whole systems (`whole_system.py`) and technologies inside guests (`nested.py`) are told which one
runs them, and know no other difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.requirement import MissingRequirement
    from featherbench.vm.image.disk import Parts
    from featherbench.vm.network.addresses import Layout
    from featherbench.vm.settings import GuestSettings, WholeSystemSettings


@dataclass(frozen=True, kw_only=True)
class VmRequest:
    """What to start. `init` is the first program of the root file system.

    `seed` gives what the guest is told, and is called once the guest's folder is there.
    `kernel_words` are further words for the kernel's command line. `state` is the Place.state that
    it is for. The image stays as it is: what the guest writes is forgotten.
    """

    instance_id: str
    state: str
    settings: GuestSettings
    cpus: tuple[int, ...]
    parts: Parts
    init: str
    seed: Callable[[], Mapping[str, str]]
    console: Path
    memory_mib: int | None = None
    kernel_words: str = ""


class VmRunner(Protocol):
    """The contract. Guests are known by their instance; what is asked of one that is gone, too."""

    Settings: ClassVar[type[GuestSettings]]
    """What a user may set of a guest with an engine in it."""
    WholeSystemSettings: ClassVar[type[WholeSystemSettings]]
    """What a user may set of a guest that is the server under test."""

    @property
    def name(self) -> str:
        """The host's name in the configuration."""
        ...

    @property
    def booted_within_s(self) -> float:
        """How long a guest has until its kernel has started the first program."""
        ...

    @property
    def ready_within_s(self) -> float:
        """How long a guest has, after that, until the engine in it has started."""
        ...

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Name what this host lacks to run guests. Cheap: no daemon is started."""
        ...

    def prepare(
        self, guest_subnet: str, parts: Parts, *, state: str, callback_address: str
    ) -> Layout:
        """See to it that the bridge is there, and the image where the hypervisor finds it.

        Raises TestbedError, InstanceError.
        """
        ...

    def start(self, request: VmRequest) -> None:
        """Start a guest; it runs when this returns. The hypervisor is prepared.

        Raises InstanceError, having removed whatever was made.
        """
        ...

    def stop(self, instance_id: str) -> None:
        """End a guest at once, and remove what was made for it; no error when it is gone."""
        ...

    def is_running(self, instance_id: str) -> bool:
        """Ask whether it runs: one that panicked, or powered itself off, does not."""
        ...

    def told(self, instance_id: str) -> Mapping[str, str]:
        """Give what the guest has told so far: see `report.py`."""
        ...

    def phases_s(self, instance_id: str, created_ns: int) -> Mapping[str, float]:
        """Tell how long each step of its boot took, once its service has begun.

        `created_ns` is when it was created, by this machine's wall clock.
        """
        ...

    def usage(self, instance_id: str) -> Usage:
        """Tell what it has used so far. Raises InstanceDiedError when it is gone."""
        ...

    def reset_peak(self, instance_id: str) -> bool:
        """Have its peak memory start anew; False where that cannot be."""
        ...

    def diagnosis(self, instance_id: str, console: Path, address: str, port: int) -> str:
        """Say what became of a guest, how far it got, and what its console said last."""
        ...

    def facts(self) -> Mapping[str, str]:
        """Tell the hypervisor's versions and settings, for the record."""
        ...

    def leftovers(self) -> Iterator[Leftover]:
        """Find what broken runs left of its guests."""
        ...

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them; no error when it is gone already."""
        ...
