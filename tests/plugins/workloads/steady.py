# SPDX-License-Identifier: Apache-2.0
"""A workload for tests whose figures are known beforehand: it starts nothing, and takes no time.

Its deployments give 99 and 101 in turns: the interval of eight to ten is about 1 % to either side.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from featherbench.clock import now_utc
from featherbench.contracts.settings import DriverSettings
from featherbench.records.cell import Window
from featherbench.records.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.bench import Bench

FIGURES = (99.0, 101.0)
STEADINESS = Metric(
    name="steadiness",
    service="startup",
    aspect="steadiness",
    unit="units",
    better="higher",
    label="steadiness",
)


class Settings(DriverSettings):
    """`steady` has no keys."""


class Workload:
    """See `contracts/workload.py`."""

    Settings: ClassVar[type[DriverSettings]] = Settings
    services: ClassVar[tuple[str, ...]] = ("startup",)
    uses_lease: ClassVar[bool] = False
    without_server: ClassVar[str] = "no"
    sweeps: ClassVar[bool] = False
    in_image: ClassVar[tuple[str, ...]] = ()
    loads: ClassVar[tuple[str, ...]] = ()

    def metrics(self, settings: DriverSettings) -> tuple[Metric, ...]:
        return (STEADINESS,)

    def files(self, settings: DriverSettings) -> Mapping[str, bytes]:
        return {}

    def verify(self, bench: Bench) -> str:
        return "no server is started"

    def warm_up(self, bench: Bench) -> Mapping[str, object]:
        return {}

    def measure(self, bench: Bench, concurrency: int, windows: int) -> Sequence[Window]:
        value = FIGURES[bench.coordinates.deployment % len(FIGURES)]
        return [
            Window(
                index=index,
                metric="steadiness",
                value=value,
                unit="units",
                started_utc=now_utc(),
                started_monotonic_s=time.monotonic(),
                duration_s=0.0,
            )
            for index in range(1, windows + 1)
        ]

    def nominal_duration_s(self, settings: DriverSettings, windows: int) -> float:
        return 0.01 * windows
