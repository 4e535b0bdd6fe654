# SPDX-License-Identifier: Apache-2.0
"""http: how many requests for a static file nginx answers, over connections that stay open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from pydantic import Field

from featherbench.contracts.settings import DriverSettings
from featherbench.measuring.load_runner import WARM_UP_CONNECTIONS, http_load, sized, warm_up
from featherbench.measuring.window_series import Series, load_metrics
from featherbench.services import http

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.workload import WithoutServer
    from featherbench.records.cell import Window
    from featherbench.records.metric import Metric

WINDOW_OVERHEAD_S = 0.2


class Settings(DriverSettings):
    """The keys of `http`."""

    file_bytes: Annotated[int, Field(ge=1, le=100 << 20)] = Field(
        1150, description="Size of the file that is served, in bytes; the default is a favicon's."
    )
    window_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        2.0,
        description="Length of a window in seconds. wrk takes whole seconds only, and rounds up.",
    )
    warm_up_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        1.0, description="How long a fresh server is loaded before it is measured, in seconds."
    )


class Workload:
    """See `contracts/workload.py`."""

    Settings: ClassVar[type[DriverSettings]] = Settings
    services: ClassVar[tuple[str, ...]] = ("http",)
    uses_lease: ClassVar[bool] = True
    without_server: ClassVar[WithoutServer] = "no"
    sweeps: ClassVar[bool] = True
    in_image: ClassVar[tuple[str, ...]] = ("file_bytes",)
    loads: ClassVar[tuple[str, ...]] = ("http",)

    def metrics(self, settings: DriverSettings) -> tuple[Metric, ...]:
        """Return the metrics of a load of GETs."""
        return load_metrics("http", service="http", panel="HTTP")

    def files(self, settings: DriverSettings) -> Mapping[str, bytes]:
        """Give nginx's configuration and the file to serve."""
        return http.files(cast("Settings", settings).file_bytes)

    def verify(self, bench: Bench) -> str:
        """Check that exactly the file is served."""
        return http.verify(bench, cast("Settings", bench.settings).file_bytes)

    def warm_up(self, bench: Bench) -> Mapping[str, object]:
        """Fetch the file for a while."""
        load = http_load(bench, WARM_UP_CONNECTIONS, http.PATH)
        duration_s = cast("Settings", bench.settings).warm_up_s
        return warm_up(bench, "http", load, duration_s=duration_s)

    def measure(self, bench: Bench, concurrency: int, windows: int) -> Sequence[Window]:
        """Measure the throughput of `concurrency` connections."""
        window_s = cast("Settings", bench.settings).window_s
        load = http_load(bench, concurrency, http.PATH)
        series = Series(
            bench=bench,
            service="http",
            prefix="http",
            load=sized(bench, "http", load, window_s=window_s),
            window_s=window_s,
        )
        for _ in range(windows):
            series.take()
        return series.windows

    def nominal_duration_s(self, settings: DriverSettings, windows: int) -> float:
        """Give the windows' length and what surrounds them."""
        return windows * (cast("Settings", settings).window_s + WINDOW_OVERHEAD_S)
