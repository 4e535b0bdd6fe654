# SPDX-License-Identifier: Apache-2.0
"""image_size: the bytes of the images that the other workloads start, counted in three ways."""

from collections.abc import Iterator, Sequence

from featherbench.contracts import workload
from featherbench.contracts.bench import Bench
from featherbench.contracts.settings import DriverSettings
from featherbench.measuring.window import Moment, build_window
from featherbench.records.cell import Metric, Window
from featherbench.records.instance import Image
from featherbench.records.load_point import OfferedLoad
from featherbench.records.plan import PlannedPlatform
from featherbench.units import MIB

PANELS = {"http": "http", "kv": "key-value", "startup": "startup"}
"""By service; `startup` stands in for both others on a platform that has neither."""


class Workload(workload.Workload):
    """Size of images."""

    services = ("http", "kv")
    uses_lease = False
    without_server = "image"

    def metrics(self, settings: DriverSettings) -> tuple[Metric, ...]:
        """Return the three sizes of each service's image."""
        return tuple(metric for service in PANELS for metric in _metrics(service))

    def measure(self, bench: Bench, load: OfferedLoad, windows: int) -> Sequence[Window]:
        """Return one window per image, for any number of `windows`: a size does not vary."""
        return [_window(service, image) for service, image in bench.images.items()]

    def nominal_duration_s(
        self, settings: DriverSettings, windows: int, platform: PlannedPlatform
    ) -> float:
        """Return almost nothing."""
        return 0.01


def _metrics(service: str) -> Iterator[Metric]:
    """Yield the allocated, the apparent and the compressed size."""
    for statistic in ("", "apparent", "compressed"):
        subject = f"{service}_{statistic}".rstrip("_")
        yield Metric(
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
    allocated, apparent, compressed = _metrics(service)
    return build_window(
        allocated,
        size.allocated_bytes / MIB,
        index=1,
        started=Moment.now(),
        duration_s=0.0,
        secondary=(
            apparent.measure(size.apparent_bytes / MIB),
            compressed.measure(size.compressed_bytes / MIB),
        ),
        notes={"counted": size.counted, "digest": image.digest},
    )
