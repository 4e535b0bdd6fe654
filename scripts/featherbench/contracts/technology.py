# SPDX-License-Identifier: Apache-2.0
"""What a technology driver must implement.

One file or folder per technology. Its name is the technology's name in the configuration, and its
class is always called `Technology` and derives from `Technology` below. It may also be in
`<plugin folder>/technologies/`. The tests in `tests/contract` run on every driver that they find.

A driver does not know which hypervisor it runs on: it is given a Placement. It imports no other
driver and nothing of the testbed. Import heavy libraries inside the methods that need them: every
`snakemake` start loads the drivers to validate the configuration.
"""

from __future__ import annotations

import ipaddress
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self

from featherbench.clock import now_utc
from featherbench.contracts.settings import Configurable, SettingsT
from featherbench.ownership import Leftover
from featherbench.records.cell import Usage
from featherbench.records.instance import Endpoint, Image, Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.records.tuning import Tuning
from featherbench.system.machine import LOCAL, Machine
from featherbench.system.sysctls import HIDDEN

if TYPE_CHECKING:
    from featherbench.contracts.vm_runner import VmRunner


LISTEN_ADDRESS = "{address}"
"""In a command: the driver replaces it by the address that the service must listen on."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a technology runs: chosen by the hypervisor, used by the technology.

    `address` is the server's side of the testbed: the client reaches it, and it is the only address
    of `machine` that instances may listen on. Instances report to `callback_address`, an address of
    this machine. `container_subnet` is the 198.18.x subnet for the technology's networks,
    `guest_subnet` the one for virtual machines.
    """

    hypervisor: str
    address: str
    callback_address: str
    cpus: tuple[int, ...]
    container_subnet: str
    state: Path
    guest_subnet: str = ""
    machine: Machine = LOCAL

    def with_share(self, share: int | None) -> Placement:
        """Return the placement with one eighth of the container subnet; see `subnet_share`."""
        if share is None:
            return self
        shares = ipaddress.IPv4Network(self.container_subnet).subnets(prefixlen_diff=3)
        return replace(self, container_subnet=str(list(shares)[share]))


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
    """What to build: an image of `service` with `files` (path in the image → content).

    `into` is a folder for this image, emptied before; the driver keeps its files there.
    `root_filesystems` are those that the technology names, by name. `state` is as in Placement.
    The technology's engine runs on `machine`. `build_inputs` is what `Technology.build_inputs`
    returned for the image.
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
    """How to recognize an instance's first packet: the interface and the sender's MAC address."""

    interface: str
    mac: str


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What the startup probe sends: one UDP packet with `nonce`, to `address`:`port`."""

    address: str
    port: int
    nonce: str


@dataclass(frozen=True, kw_only=True)
class StartRequest(Generic[SettingsT]):
    """What to start. `command` runs inside the instance; see LISTEN_ADDRESS.

    `port` is where the service listens; None for the startup probe, which serves nothing. `probe`
    is what that probe sends; None for services. `memory_mib` is the instance's memory, where the
    technology has `fixed_memory` and the workload needs another amount than the settings have.
    """

    instance_id: str
    service: str
    image: Image
    command: Sequence[str]
    port: int | None
    network: str
    settings: SettingsT
    tuning: Tuning
    placement: Placement
    log: Path
    probe: Probe | None = None
    memory_mib: int | None = None

    def started(
        self,
        technology: str,
        address: str,
        *,
        handle: Mapping[str, Any],
        phases_s: Mapping[str, float] | None = None,
        port: int | None = None,
        ping_address: str = "",
    ) -> Instance:
        """Return the record of the instance, started just now; pings go to its address, too."""
        endpoint = Endpoint(
            address=address, port=port or self.port or 0, ping_address=ping_address or address
        )
        return Instance(
            id=self.instance_id,
            technology=technology,
            service=self.service,
            handle=dict(handle),
            endpoint=endpoint,
            started_utc=now_utc(),
            start_phases_s=dict(phases_s or {}),
        )


class Technology(ABC, Configurable[SettingsT]):
    """A way of isolating a service. Drivers are stateless: every method gets all that it needs.

    A driver must implement the six abstract methods; everything else has a default. One that has
    settings derives from `Technology[Settings]`.
    """

    networks: tuple[str, ...] = ("host",)
    """The ways in which the client may reach it; the first is the default."""
    root_filesystems: tuple[str, ...] = ()
    """The root file systems that its images are made from, by name; none: it brings its own."""
    subnet_share: int | None = None
    """Which eighth of `testbed.container_subnet` its networks use, from 0, so that the networks of
    two technologies can exist at once; None: it makes no networks."""
    fixed_memory: bool = False
    """Whether an instance gets a fixed amount of memory at its start, as a virtual machine does."""
    runs_natively: bool = True
    """Whether it can run without a hypervisor."""
    user_images: bool = False
    """Whether the user brings the images, so that each platform has its own."""
    try_out_files: tuple[Path, ...] | None = None
    """The files whose change makes an earlier try-out worthless: an engine's program, settings and
    socket. None: it is not tried out, since an image of it needs more than one static program."""
    is_guest: bool = False
    """Whether an instance is on the bridge of the virtual machines even without a hypervisor, with
    an address of their subnet and a MAC address of its own."""

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return what this machine lacks to run it. Cheap: starts no daemon and waits for nothing.

        A daemon that is installed but does not answer is not missing: the job that needs it fails,
        and earlier results are kept.
        """
        return ()

    @abstractmethod
    def build_image(self, request: BuildRequest) -> Image:
        """Build the image, or build it again. Raise ImageError if it cannot be built."""

    def forget_image(self, image: Image) -> None:
        """Remove an image that is not used any more from an engine."""

    def prepare(self, request: StartRequest[SettingsT]) -> None:
        """Do everything that is not part of the start, because starts are timed.

        That is: what instances share (networks, firewall rules), connections, heavy imports, and
        the virtual machine that the instance will run in. Raise InstanceError, after removing what
        was made for this instance only.
        """

    @abstractmethod
    def start(self, request: StartRequest[SettingsT]) -> Instance:
        """Start an instance from nothing and return once the platform reports that it runs.

        `Instance.start_phases_s` is how long each step took. Raise InstanceError, after removing
        everything that was made; raise ImageError if the image is gone.
        """

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Return how long each step of the start took; called once the instance serves.

        The default is what `start` recorded. A virtual machine knows more only after its boot.
        """
        return instance.start_phases_s

    @abstractmethod
    def is_running(self, instance: Instance) -> bool:
        """Return whether the platform reports that it runs."""

    @abstractmethod
    def diagnosis(self, instance: Instance) -> str:
        """Return state and last lines of output, for the message when it does not serve."""

    @abstractmethod
    def stop(self, instance: Instance) -> None:
        """End and remove it, and wait until it is gone. No error if it is gone already."""

    @abstractmethod
    def usage(self, instance: Instance) -> Usage:
        """Return what it has used so far. Raise InstanceDiedError if it is gone."""

    def processes(self, instance: Instance) -> Sequence[int]:
        """Return the pids of its processes on this machine; none if it has none, or is gone.

        A window is checked for stops, other CPUs and other limits of these.
        """
        return ()

    def reset_peak(self, instance: Instance) -> bool:
        """Reset its peak memory; return False if the platform cannot."""
        return False

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Return the sysctls and the limit named in `tuning`, as read back inside the instance.

        HIDDEN is the value of one that can be neither set nor read there; by default all are.
        """
        nofile = {} if tuning.nofile is None else {"nofile": HIDDEN}
        return dict.fromkeys(tuning.net_sysctls, HIDDEN) | nofile

    def apply_runtime_settings(self, instance: Instance) -> Mapping[str, str]:
        """Set what can be set only while it serves; return it, or why not. Raise InstanceError."""
        return {}

    def leftovers(self) -> Sequence[Leftover]:
        """Return what broken runs left: only what has our label."""
        return ()

    def remove(self, leftover: Leftover) -> None:
        """Remove one leftover; no error if it is gone already."""

    def facts(self) -> Mapping[str, str]:
        """Return versions and settings of the platform on this machine, for the record."""
        return {}

    def with_runner(self, runner: VmRunner) -> Self | None:
        """Return it run by `runner`; None: a hypervisor runs it inside a virtual machine."""
        return None

    def available_images(
        self, settings: SettingsT
    ) -> Mapping[str, Sequence[MissingRequirement]] | None:
        """Return what each service's image lacks; a service that is not named has no image.

        None: images of all services can be built. Cheap. Raise ConfigError if the settings describe
        no image.
        """
        return None

    def build_inputs(self, service: str, settings: SettingsT) -> Mapping[str, Any]:
        """Return as plain JSON everything else that the image of `service` is made from."""
        return {}

    def answers_pings(self, settings: SettingsT) -> bool:
        """Return whether its image of `startup` continues to run and answers pings."""
        return True

    def has_probe(self, image: Image) -> bool:
        """Return whether the image of `startup` has a probe that sends the nonce it is given."""
        return True

    def first_frame(self, request: StartRequest[SettingsT]) -> FirstFrame:
        """Return how to recognize a prepared instance's first packet, if it has no probe."""
        raise NotImplementedError
