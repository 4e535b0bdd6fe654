# SPDX-License-Identifier: Apache-2.0
"""http: how many requests for a static file nginx answers, over keep-alive connections."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from featherbench.contracts import workload
from featherbench.contracts.bench import Bench
from featherbench.contracts.load_generator import Load
from featherbench.contracts.settings import DriverSettings
from featherbench.measuring.load_windows import (
    WARM_UP_CONNECTIONS,
    WindowSeries,
    load_for,
    load_metrics,
    opened,
    sized,
    warm_up,
)
from featherbench.records.cell import Metric, Window
from featherbench.records.load_point import OfferedLoad
from featherbench.records.plan import PlannedPlatform
from featherbench.services import http

WINDOW_OVERHEAD_S = 0.1
METRICS = load_metrics("http", service="http", panel="HTTP")
METRICS_AT_RATE = load_metrics("http", service="http", panel="HTTP", at_rate=True)


class Settings(DriverSettings):
    """The keys of `http`."""

    file_bytes: Annotated[int, Field(ge=1, le=http.MOST_BYTES)] = Field(
        1150, description="Size of the file that is served, in bytes; the default is a favicon's."
    )
    window_s: Annotated[float, Field(ge=0.01, le=3600)] = Field(
        0.5,
        description="Length of a window in seconds. wrk takes whole seconds only, and rounds up.",
    )
    warm_up_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        1.0, description="How long a fresh server is loaded before it is measured, in seconds."
    )


class Workload(workload.Workload[Settings]):
    """Throughput of nginx."""

    services = ("http",)
    sweeps = True
    in_image = ("file_bytes",)
    loads = ("http",)

    def metrics(self, settings: Settings) -> tuple[Metric, ...]:
        """Return the metrics of a load of GETs."""
        return (*METRICS.values(), *METRICS_AT_RATE.values())

    def files(self, settings: Settings) -> Mapping[str, bytes]:
        """Return nginx's configuration and the file to serve."""
        return http.files(settings.file_bytes)

    def verify(self, bench: Bench[Settings]) -> str:
        """Check that exactly the file is served."""
        return http.verify(bench, bench.settings.file_bytes)

    def warm_up(self, bench: Bench[Settings]) -> Mapping[str, object]:
        """Fetch the file for a while."""
        load = _load(bench, WARM_UP_CONNECTIONS)
        return warm_up(bench, "http", load, duration_s=bench.settings.warm_up_s)

    def measure(self, bench: Bench[Settings], load: OfferedLoad, windows: int) -> Sequence[Window]:
        """Measure the throughput or, at a rate, the latency."""
        self.verify(bench)
        window_s = bench.settings.window_s
        rate_per_s = load.rate_per_s(METRICS["throughput"].name)
        sent = sized(bench, "http", _load(bench, load.connections, rate_per_s), window_s=window_s)
        with opened(bench, "http", [sent]) as generator:
            series = WindowSeries(
                bench=bench,
                service="http",
                metrics=METRICS if rate_per_s is None else METRICS_AT_RATE,
                load=sent,
                window_s=window_s,
                session=generator,
                verify=self.verify,
            )
            for _ in range(windows):
                series.take()
        return series.windows

    def nominal_duration_s(
        self, settings: Settings, windows: int, platform: PlannedPlatform
    ) -> float:
        """Return the windows' length plus an overhead."""
        return platform.slowdown * windows * (settings.window_s + WINDOW_OVERHEAD_S)


def _load(bench: Bench[Settings], connections: int, rate_per_s: float | None = None) -> Load:
    size = bench.settings.file_bytes
    load = load_for(bench, connections, path=http.PATH, response_bytes=size)
    return replace(load, rate_per_s=rate_per_s)
