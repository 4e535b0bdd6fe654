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
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from featherbench.record import Image, Instance, Usage
    from featherbench.settings import DriverSettings

LABEL = "featherbench"
"""Marks everything we create, so that leftovers can be found, and only ours."""

LISTEN_ADDRESS = "{address}"
"""In a command: replaced by the driver with the address that the service must listen on."""


@dataclass(frozen=True, kw_only=True)
class Lack:
    """Something this host lacks, and what the user can do about it."""

    what: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a host lets a technology run: given by the host, used by the technology.

    `address` is the server's side of the testbed: an address that the client reaches, and the
    only one of the host on which anything of ours may listen. `container_subnet` is the 198.18.x
    subnet for networks that the technology makes. `docker_url` is where a Docker engine listens.
    """

    host: str
    address: str
    cpus: tuple[int, ...]
    container_subnet: str
    state: Path
    docker_url: str = "unix:///var/run/docker.sock"


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Sysctls of the server's side that belong to a network namespace, and its limits."""

    net_sysctls: Mapping[str, str]
    nofile: int | None


@dataclass(frozen=True, kw_only=True)
class BuildOrder:
    """What to build: an image of `app` with `files` (path in the image → content) on `root_tar`.

    `into` is a folder of the image's own, emptied before; what the driver keeps on disk goes there.
    `root_digest` and `root_versions` describe the root file system; None for technologies that
    do not need one.
    """

    app: str
    into: Path
    root_tar: Path | None
    root_digest: str
    root_versions: Mapping[str, str]
    root_compressed_bytes: int | None = None
    """Counted when the root file system was built; None: the driver counts, which takes seconds."""
    files: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class StartOrder:
    """What to start. `command` runs inside the instance; see LISTEN_ADDRESS.

    `port` is where the service listens; None for the startup probe, which serves nothing.
    """

    instance_id: str
    app: str
    image: Image
    command: Sequence[str]
    port: int | None
    network: str
    settings: DriverSettings
    tuning: Tuning
    place: Place
    log: Path


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something of ours that a broken run left behind.

    `state` is the Place.state that it was made for, where the driver can tell: another testbed on
    the same machine (a test's, another user's) then leaves it alone. Empty: it is anybody's.
    """

    kind: str
    name: str
    handle: Mapping[str, Any] = field(default_factory=dict)
    state: str = ""


class Technology(Protocol):
    """The contract. Drivers are stateless: every method gets all that it needs."""

    Settings: ClassVar[type[DriverSettings]]
    hosts: ClassVar[tuple[str, ...]]
    """The hosts that it can run on."""
    networks: ClassVar[tuple[str, ...]]
    """How the client may reach it; the first is the default."""
    needs_root_filesystem: ClassVar[bool]
    """Whether its images are made from our Debian root file system."""

    def lacks(self) -> Sequence[Lack]:
        """Name what this host lacks to run it at all. Cheap: no daemon is started, nothing waits.

        A daemon that is installed but does not answer is no lack: it is an error of the job
        that needs it, so that results measured before are kept.
        """
        ...

    def build_image(self, order: BuildOrder) -> Image:
        """Build, or build again, the image. Raises ImageError."""
        ...

    def prepare(self, place: Place, network: str) -> None:
        """Do everything that is not part of a start, since starts are timed: the first one, too.

        That is what instances share (networks, firewall rules), connections, and heavy imports.
        Idempotent.
        """
        ...

    def start(self, order: StartOrder) -> Instance:
        """Start an instance from nothing and return once the platform says that it runs.

        `start_phases_s` tells how long each step took. Raises InstanceError, having removed
        whatever it had made; ImageError when the image is gone.
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
        """Read back, inside the instance, the sysctls and the limit named in `tuning`."""
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
