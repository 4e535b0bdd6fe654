# SPDX-License-Identifier: Apache-2.0
"""What a workload works with: the platform, the client, and the settings of one deployment."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from featherbench.errors import InstanceDiedError
from featherbench.platforms.contract import OwnImages, Place, StartOrder, Tuning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from featherbench.loadgens.contract import LoadGenerator
    from featherbench.platforms.contract import Technology
    from featherbench.record import Coordinates, Image, Instance
    from featherbench.settings import DriverSettings
    from featherbench.shell import Completed


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
    place: Place
    tuning: Tuning
    logs: Path
    instance: Instance | None = None

    def order(
        self,
        app: str,
        command: Sequence[str],
        port: int | None,
        *,
        memory_mib: int | None = None,
    ) -> StartOrder:
        """Prepare the start of an instance; nothing is started yet."""
        instance_id = uuid.uuid4().hex[:12]
        return StartOrder(
            instance_id=instance_id,
            app=app,
            image=self.images[app],
            command=command,
            port=port,
            network=self.coordinates.network,
            settings=self.technology_settings,
            tuning=self.tuning,
            place=self.place,
            log=self.logs / f"{instance_id}.log",
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
                f"the server under test ({self.coordinates.platform}, {self.under_test.app}) died: "
                f"{self.technology.diagnosis(self.under_test)}"
            )

    def tune(self) -> Mapping[str, str]:
        """Set what can be set in the instance only while it serves; give what it then is."""
        technology = self.technology
        return technology.tune(self.under_test) if isinstance(technology, OwnImages) else {}
