# SPDX-License-Identifier: Apache-2.0
"""What a technology driver must be able to do.

One file a technology; its name is the technology's name in the configuration, and its class is
always called `Technology`. The file may also lie in `<plugin folder>/platforms/`. The contract
tests in `tests/contract` run on every driver that they find.

A driver does not know which host it runs on: it is given a Place. It imports no other driver,
and nothing of the testbed. Heavy libraries are imported inside the methods that need them, since
every `snakemake` start loads the drivers to validate the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from featherbench.system.machine import LOCAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from featherbench.contracts.settings import DriverSettings
    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.image import Image
    from featherbench.records.instance import Instance
    from featherbench.records.requirement import MissingRequirement
    from featherbench.records.tuning import Tuning
    from featherbench.system.machine import Machine


LISTEN_ADDRESS = "{address}"
"""In a command: replaced by the driver with the address that the service must listen on."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a host lets a technology run: given by the host, used by the technology.

    `address` is the server's side of the testbed: an address that the client reaches, and the
    only one of `node` on which anything of ours may listen. `home` is the address of this machine
    that instances reach, for what they tell us. `container_subnet` is the 198.18.x subnet for
    networks that the technology makes, `guest_subnet` the one for virtual machines on this host.
    """

    hypervisor: str
    address: str
    callback_address: str
    cpus: tuple[int, ...]
    container_subnet: str
    state: Path
    guest_subnet: str = ""
    machine: Machine = LOCAL


BASE = "base"
"""The root file system with only the services. `resources/rootfs/derived.yaml` has the others."""


@dataclass(frozen=True, kw_only=True)
class RootArchive:
    """The archive of a root file system, its SHA-256, its packages' versions, its size in gzip."""

    tar: Path
    digest: str
    versions: Mapping[str, str]
    compressed_bytes: int


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What to build: an image of `app` with `files` (path in the image → content).

    `into` is a folder of the image's own, emptied before; what the driver keeps on disk goes there.
    `root_filesystems` are those that the technology asks for, by name. `state` is as in Placement;
    `machine` is where the technology's engine runs. `build_inputs` are those of an OwnImages
    technology.
    """

    service: str
    into: Path
    root_filesystems: Mapping[str, RootArchive]
    files: Mapping[str, bytes]
    state: Path
    machine: Machine = LOCAL
    build_inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FirstFrame:
    """Where the host sees the first packet of an instance: an interface, and who sends it."""

    interface: str
    mac: str


@dataclass(frozen=True, kw_only=True)
class StartRequest:
    """What to start. `command` runs inside the instance; see LISTEN_ADDRESS.

    `port` is where the service listens; None for the startup probe, which serves nothing.
    `memory_mib` is how much memory the instance gets, where the technology has `fixed_memory` and
    the workload wants another amount than the settings say.
    """

    instance_id: str
    service: str
    image: Image
    command: Sequence[str]
    port: int | None
    network: str
    settings: DriverSettings
    tuning: Tuning
    placement: Placement
    log: Path
    memory_mib: int | None = None


class Technology(Protocol):
    """The contract. Drivers are stateless: every method gets all that it needs."""

    Settings: ClassVar[type[DriverSettings]]
    networks: ClassVar[tuple[str, ...]]
    """How the client may reach it; the first is the default."""
    root_filesystems: ClassVar[tuple[str, ...]]
    """The root file systems that its images are made from, by name; none: it brings its own."""
    subnet_share: ClassVar[int | None]
    """Which eighth of `testbed.container_subnet` its networks use, from 0, so that the networks of
    two technologies can be there at once; None: it makes no networks."""
    fixed_memory: ClassVar[bool]
    """Whether an instance gets a fixed amount of memory when it starts, as a guest does."""

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Name what this host lacks to run it at all. Cheap: no daemon is started, nothing waits.

        A daemon that is installed but does not answer is no lack: it is an error of the job
        that needs it, so that results measured before are kept.
        """
        ...

    def build_image(self, request: BuildRequest) -> Image:
        """Build, or build again, the image. Raises ImageError."""
        ...

    def prepare(self, request: StartRequest) -> None:
        """Do everything that is not part of the start to come, since starts are timed.

        That is what instances share (networks, firewall rules), connections, heavy imports, and the
        guest that the instance is to run in. Raises InstanceError, having removed what was for this
        instance alone.
        """
        ...

    def start(self, request: StartRequest) -> Instance:
        """Start an instance from nothing and return once the platform says that it runs.

        `start_phases_s` tells how long each step took. Raises InstanceError, having removed
        whatever it had made; ImageError when the image is gone.
        """
        ...

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Tell how long each step of its start took: asked once it is up.

        A guest can tell only then; for others it is what `start` has recorded.
        """
        ...

    def is_running(self, instance: Instance) -> bool:
        """Whether the platform says that it runs."""
        ...

    def diagnosis(self, instance: Instance) -> str:
        """State and last lines of output, for the message when it does not serve."""
        ...

    def stop(self, instance: Instance) -> None:
        """End and remove it, and wait until it is gone. No error if it is gone already."""
        ...

    def usage(self, instance: Instance) -> Usage:
        """Tell what it has used so far. Raises InstanceDiedError when it is gone."""
        ...

    def reset_peak(self, instance: Instance) -> bool:
        """Reset its peak memory; False where the platform cannot."""
        ...

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Read back, inside the instance, the sysctls and the limit named in `tuning`.

        `limits.HIDDEN` stands for one that can be neither set nor read there.
        """
        ...

    def leftovers(self) -> Sequence[Leftover]:
        """Find what broken runs left: only what bears our label."""
        ...

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        ...

    def facts(self) -> Mapping[str, str]:
        """Versions and settings of the platform on this host, for the record."""
        ...


@runtime_checkable
class OwnImages(Protocol):
    """What a technology has on top whose images the user brings, and which is a guest itself.

    Such an image may be there for some apps alone. `settings` are the platform's.
    """

    runs_natively: bool
    """Whether it may also run on the bare host."""

    def with_runner(self, runner: Any) -> Self:  # noqa: ANN401 - `unikernel.contract.Runner`
        """Give the same technology, as a host runs it."""
        ...

    def available_images(
        self, settings: DriverSettings
    ) -> Mapping[str, Sequence[MissingRequirement]]:
        """Say, by app, what its image lacks. An app that is not named has none.

        Cheap. Raises ConfigError when the settings describe no image.
        """
        ...

    def answers_pings(self, settings: DriverSettings) -> bool:
        """Whether its image of `startup` goes on, and answers pings."""
        ...

    def build_inputs(self, service: str, settings: DriverSettings) -> Mapping[str, Any]:
        """Give all that the image of `app` is made from, as plain JSON; for BuildOrder."""
        ...

    def has_probe(self, image: Image) -> bool:
        """Whether the image has a probe that sends the nonce that it is told."""
        ...

    def first_frame(self, request: StartRequest) -> FirstFrame:
        """Say where the host sees the first packet of an instance; once `prepare` was called."""
        ...

    def apply_runtime_settings(self, instance: Instance) -> Mapping[str, str]:
        """Set what can be set in it only while it serves; give what it then is, or why not.

        Raises InstanceError when it refuses.
        """
        ...
