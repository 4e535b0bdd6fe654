# SPDX-License-Identifier: Apache-2.0
"""image_size: the bytes of the images that the other workloads start, three ways."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from featherbench.clock import now_utc
from featherbench.contracts.settings import DriverSettings
from featherbench.records.cell import Measure, Window
from featherbench.records.metric import Metric
from featherbench.units import MIB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.workload import WithoutServer
    from featherbench.records.image import Image

NOMINAL_S = 0.01
STATISTICS = ("", "apparent", "compressed")
PANELS = {"http": "http", "kv": "key-value", "startup": "startup"}
"""By service; `startup` stands in for both where a platform has neither."""


class Settings(DriverSettings):
    """`image_size` has no keys."""


class Workload:
    """See `contracts/workload.py`."""

    Settings: ClassVar[type[DriverSettings]] = Settings
    services: ClassVar[tuple[str, ...]] = ("http", "kv")
    uses_lease: ClassVar[bool] = False
    without_server: ClassVar[WithoutServer] = "image"
    sweeps: ClassVar[bool] = False
    in_image: ClassVar[tuple[str, ...]] = ()
    loads: ClassVar[tuple[str, ...]] = ()

    def metrics(self, settings: DriverSettings) -> tuple[Metric, ...]:
        """Return the three sizes of each service's image."""
        return tuple(_metric(service, name) for service in PANELS for name in STATISTICS)

    def files(self, settings: DriverSettings) -> Mapping[str, bytes]:
        """Give nothing: it has no app of its own."""
        return {}

    def verify(self, bench: Bench) -> str:
        """Say that nothing is served."""
        return "no server is started"

    def warm_up(self, bench: Bench) -> Mapping[str, object]:
        """Do nothing."""
        return {}

    def measure(self, bench: Bench, concurrency: int, windows: int) -> Sequence[Window]:
        """Give one window an image, however many were asked for: a size does not vary."""
        return [_window(service, image) for service, image in bench.images.items()]

    def nominal_duration_s(self, settings: DriverSettings, windows: int) -> float:
        """Give next to nothing."""
        return NOMINAL_S


def _metric(service: str, statistic: str) -> Metric:
    subject = "_".join(filter(None, (service, statistic)))
    return Metric(
        name=f"image_size_{subject}",
        service=service,
        aspect="image_size",
        unit="MiB",
        better="lower",
        label=f"image size of {subject}",
        panel="" if statistic else PANELS[service],
        statistic=statistic,
    )


def _window(service: str, image: Image) -> Window:
    size = image.size
    return Window(
        index=1,
        metric=f"image_size_{service}",
        value=size.allocated_bytes / MIB,
        unit="MiB",
        secondary=(
            _measure(f"image_size_{service}_apparent", size.apparent_bytes),
            _measure(f"image_size_{service}_compressed", size.compressed_bytes),
        ),
        started_utc=now_utc(),
        started_monotonic_s=time.monotonic(),
        duration_s=0.0,
        notes={"counted": size.counted, "digest": image.digest},
    )


def _measure(metric: str, size_bytes: int) -> Measure:
    return Measure(metric=metric, value=size_bytes / MIB, unit="MiB")
