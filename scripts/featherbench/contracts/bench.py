# SPDX-License-Identifier: Apache-2.0
"""What a workload works with: the platform, the client, and the settings of one deployment."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Self

from featherbench.contracts.settings import DriverSettings, SettingsT
from featherbench.contracts.technology import Placement, Probe, StartRequest, Technology
from featherbench.errors import InstanceDiedError
from featherbench.records.cell import Coordinates
from featherbench.records.instance import Image, Instance
from featherbench.records.tuning import Tuning
from featherbench.system.machine import LOCAL, Machine
from featherbench.system.subprocesses import Completed

if TYPE_CHECKING:
    from featherbench.contracts.load_generator import LoadGenerator


@dataclass(frozen=True, kw_only=True)
class Client(Machine):
    """Where the load comes from: a machine, with a network, CPUs and limits for its programs.

    `address` is on the testbed. `namespace` is the network namespace's file; None on loopback.
    `nofile` is the limit of open files; None leaves the machine's. Files, sockets and counters are
    those of `machine`.
    """

    address: str
    cpus: tuple[int, ...]
    namespace: Path | None
    nofile: int | None
    machine: Machine = LOCAL

    @property
    def name(self) -> str:  # type: ignore[override]  # follows from the machine
        """The machine's name."""
        return self.machine.name

    @property
    def description(self) -> str:  # type: ignore[override]  # follows from the machine
        """The machine's description."""
        return f"the client on {self.machine.description}"

    def _wrapped(self, argv: Sequence[str]) -> list[str]:
        """Wrap `argv` in programs that each replace themselves by the next.

        nsenter, and not `ip netns exec`, which also makes a mount namespace each time.
        """
        network = [] if self.namespace is None else ["nsenter", f"--net={self.namespace}"]
        limit = [] if self.nofile is None else ["prlimit", f"--nofile={self.nofile}:{self.nofile}"]
        pinned = ["taskset", "-c", ",".join(map(str, self.cpus))]
        return [*network, *limit, *pinned, *argv]

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs `argv` at the client: its network, CPUs and limits."""
        return self.machine.command(self._wrapped(argv))

    def run(
        self, argv: Sequence[str], *, timeout_s: float, check: bool = True, stdin: str | None = None
    ) -> Completed:
        """Run a program at the client to its end; see `subprocesses.run`."""
        return self.machine.run(self._wrapped(argv), timeout_s=timeout_s, check=check, stdin=stdin)

    def read(self, paths: Sequence[Path]) -> Mapping[Path, str]:
        """Read files of the machine."""
        return self.machine.read(paths)

    def write(self, path: Path, text: str) -> None:
        """Write to a file of the machine."""
        self.machine.write(path, text)

    def put(self, file: Path, to: Path) -> None:
        """Copy a file to the machine."""
        self.machine.put(file, to)

    def socket(self, path: Path) -> Path:
        """Return the way to a socket of the machine."""
        return self.machine.socket(path)


@dataclass(frozen=True, kw_only=True)
class Bench(Generic[SettingsT]):
    """What a workload works with in one deployment; `load_generators` are by service."""

    coordinates: Coordinates
    technology: Technology
    technology_settings: DriverSettings
    settings: SettingsT
    load_generators: Mapping[str, LoadGenerator]
    images: Mapping[str, Image]
    client: Client
    placement: Placement
    tuning: Tuning
    logs: Path
    instance: Instance | None = None

    def request(
        self,
        service: str,
        command: Sequence[str],
        port: int | None,
        *,
        probe: Probe | None = None,
        memory_mib: int | None = None,
    ) -> StartRequest:
        """Return the request to start an instance; nothing is started yet."""
        instance_id = uuid.uuid4().hex[:12]
        return StartRequest(
            instance_id=instance_id,
            service=service,
            image=self.images[service],
            command=command,
            port=port,
            network=self.coordinates.network,
            settings=self.technology_settings,
            tuning=self.tuning,
            placement=self.placement,
            log=self.logs / f"{instance_id}.log",
            probe=probe,
            memory_mib=memory_mib,
        )

    def with_instance(self, instance: Instance) -> Self:
        """Return the same bench with that instance under test."""
        return replace(self, instance=instance)

    @property
    def under_test(self) -> Instance:
        """The instance under test, which must exist."""
        assert self.instance is not None, "the workload has neither leased nor started an instance"
        return self.instance

    def require_running(self) -> None:
        """Raise InstanceDiedError, with the platform's diagnosis, if the instance does not run."""
        if not self.technology.is_running(self.under_test):
            raise InstanceDiedError(
                f"the server under test ({self.coordinates.platform}, {self.under_test.service})"
                f" died: {self.technology.diagnosis(self.under_test)}"
            )

    def apply_runtime_settings(self) -> Mapping[str, str]:
        """Set what can be set in the instance only while it serves; return the values then."""
        return self.technology.apply_runtime_settings(self.under_test)
