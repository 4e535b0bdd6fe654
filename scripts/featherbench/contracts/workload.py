# SPDX-License-Identifier: Apache-2.0
"""What a workload must be able to do.

One file a workload; its name is its name in the configuration, its class is always called
`Workload`. A workload knows no driver: it talks to the platform, the client and the clock through
the Bench that it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.settings import DriverSettings
    from featherbench.records.cell import Window
    from featherbench.records.metric import Metric

WithoutServer = Literal["no", "image", "pings"]
"""What a workload needs of the app `startup` in place of a server: it cannot do with that, its
image will do, or an instance must be there that answers pings."""


class Workload(Protocol):
    """The contract.

    `apps` are the images it needs; the app of a name is described by the workload of that name
    (`http`, `kv`, `startup`). A workload that `uses_lease` is measured against the deployed
    and warmed-up instance of its single app, which lives on between the cells of one deployment;
    the others start their own instances, if any. One that does not `sweeps` has the single
    concurrency 1. `without_server` says whether it can do with the app `startup` where a platform
    has an image of none of its apps.
    """

    Settings: ClassVar[type[DriverSettings]]
    services: ClassVar[tuple[str, ...]]
    uses_lease: ClassVar[bool]
    sweeps: ClassVar[bool]
    without_server: ClassVar[WithoutServer]
    in_image: ClassVar[tuple[str, ...]]
    """Names of the settings that `files` depends on: changing any other builds nothing anew."""
    loads: ClassVar[tuple[str, ...]]
    """The apps that it puts under load, and for which it needs a load generator."""

    def metrics(self, settings: DriverSettings) -> tuple[Metric, ...]:
        """Return every metric, main and secondary, that its windows can have."""
        ...

    def files(self, settings: DriverSettings) -> Mapping[str, bytes]:
        """Give what the image of its own app has beside the packages: path → content."""
        ...

    def verify(self, bench: Bench) -> str:
        """Check, once a deployment, that the right thing is served; say what was checked.

        Raises VerificationError. It is called when the service first answers; `bench.instance`
        is set.
        """
        ...

    def warm_up(self, bench: Bench) -> Mapping[str, object]:
        """Load the fresh instance until it is warm; say what load that was."""
        ...

    def measure(self, bench: Bench, concurrency: int, windows: int) -> Sequence[Window]:
        """Measure `windows` windows at `concurrency`, each already judged."""
        ...

    def nominal_duration_s(self, settings: DriverSettings, windows: int) -> float:
        """About how long one cell takes, for the estimate of the time left."""
        ...
