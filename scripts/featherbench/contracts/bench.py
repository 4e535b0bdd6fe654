# SPDX-License-Identifier: Apache-2.0
"""What a workload works with: the platform, the client, and the settings of one deployment."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from featherbench.contracts.technology import StartRequest
from featherbench.errors import InstanceDiedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from featherbench.contracts.load_generator import LoadGenerator
    from featherbench.contracts.settings import DriverSettings
    from featherbench.contracts.technology import Placement, Probe, Technology
    from featherbench.records.cell import Coordinates
    from featherbench.records.image import Image
    from featherbench.records.instance import Instance
    from featherbench.records.tuning import Tuning
    from featherbench.system.subprocesses import Completed


class Client(Protocol):
    """Where the load comes from: never the server's side. See `testbed/client.py`."""

    @property
    def address(self) -> str:
        """The client's address on the testbed."""
        ...

    @property
    def cpus(self) -> tuple[int, ...]:
        """The CPUs that the client's programs may use."""
        ...

    def command(self, argv: Sequence[str]) -> list[str]:
        """Wrap `argv` so that it runs at the client: its network, CPUs and limits."""
        ...

    def run(self, argv: Sequence[str], *, timeout_s: float, check: bool = True) -> Completed:
        """Run a program at the client to its end; see `shell.run`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One deployment's surroundings. `instance` is None until one is leased or started."""

    coordinates: Coordinates
    technology: Technology
    technology_settings: DriverSettings
    settings: DriverSettings
    load_generators: Mapping[str, LoadGenerator]
    """By app."""
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
        """Prepare the start of an instance; nothing is started yet."""
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

    def with_instance(self, instance: Instance) -> Bench:
        """Give the same bench with that instance under test."""
        return replace(self, instance=instance)

    @property
    def under_test(self) -> Instance:
        """The instance under test, which must be there."""
        assert self.instance is not None, "the workload has neither leased nor started an instance"
        return self.instance

    def require_running(self) -> None:
        """Raise InstanceDiedError, with the platform's diagnosis, when the instance is not up."""
        if not self.technology.is_running(self.under_test):
            raise InstanceDiedError(
                f"the server under test ({self.coordinates.platform}, {self.under_test.service})"
                f" died: {self.technology.diagnosis(self.under_test)}"
            )

    def apply_runtime_settings(self) -> Mapping[str, str]:
        """Set what can be set in the instance only while it serves; return the values then."""
        return self.technology.apply_runtime_settings(self.under_test)
