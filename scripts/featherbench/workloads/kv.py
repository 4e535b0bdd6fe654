# SPDX-License-Identifier: Apache-2.0
"""kv: how many GETs and SETs Redis answers, over pipelined connections that stay open."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast

from pydantic import Field, field_validator

from featherbench.contracts.settings import DriverSettings
from featherbench.measuring.load_runner import WARM_UP_CONNECTIONS, kv_load, sized, warm_up
from featherbench.measuring.window_series import Series, load_metrics, no_failures
from featherbench.services import kv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.load_generator import Load
    from featherbench.contracts.workload import WithoutServer
    from featherbench.records.cell import Window
    from featherbench.records.metric import Metric

WINDOW_OVERHEAD_S = 0.2
CALIBRATION_S = 0.5


class Settings(DriverSettings):
    """The keys of `kv`."""

    pipeline: Annotated[int, Field(ge=1, le=10_000)] = Field(
        16, description="Requests in flight on each connection."
    )
    value_bytes: Annotated[int, Field(ge=1, le=1 << 20)] = Field(
        3, description="Size of the value that is read and written, in bytes."
    )
    window_s: Annotated[float, Field(ge=1, le=3600)] = Field(
        2.0,
        description="Length of a window in seconds; the count of requests is found to match it. "
        "redis-benchmark's clock ticks in milliseconds, and fewer than a thousand are too few.",
    )
    warm_up_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        1.0,
        description="How long a fresh server is loaded with each operation before it is measured, "
        "in seconds.",
    )
    operations: Annotated[tuple[Literal["GET", "SET"], ...], Field(min_length=1)] = Field(
        ("GET", "SET"),
        description="What is measured, in turns; each is named once.",
        json_schema_extra={"uniqueItems": True},
    )

    @field_validator("operations")
    @classmethod
    def _each_once(cls, operations: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(operations)) < len(operations):
            raise ValueError("an operation is named twice")
        return operations


class Workload:
    """See `contracts/workload.py`."""

    Settings: ClassVar[type[DriverSettings]] = Settings
    services: ClassVar[tuple[str, ...]] = ("kv",)
    uses_lease: ClassVar[bool] = True
    without_server: ClassVar[WithoutServer] = "no"
    sweeps: ClassVar[bool] = True
    in_image: ClassVar[tuple[str, ...]] = ()
    loads: ClassVar[tuple[str, ...]] = ("kv",)

    def metrics(self, settings: DriverSettings) -> tuple[Metric, ...]:
        """Return the metrics of each operation's load."""
        return tuple(
            metric
            for operation in cast("Settings", settings).operations
            for metric in load_metrics(
                f"kv_{operation.lower()}",
                service="kv",
                panel=f"Redis {operation}",
                operation=operation,
            )
        )

    def files(self, settings: DriverSettings) -> Mapping[str, bytes]:
        """Give Redis's configuration."""
        return kv.files()

    def verify(self, bench: Bench) -> str:
        """Check that it keeps what it is given, and nothing on disk."""
        return kv.verify(bench)

    def warm_up(self, bench: Bench) -> Mapping[str, object]:
        """Read and write for a while."""
        settings = cast("Settings", bench.settings)
        kv.fill(bench, settings.value_bytes)
        return {
            operation: warm_up(
                bench,
                "kv",
                _load(bench, WARM_UP_CONNECTIONS, operation),
                duration_s=settings.warm_up_s,
            )
            for operation in settings.operations
        }

    def measure(self, bench: Bench, concurrency: int, windows: int) -> Sequence[Window]:
        """Measure the operations in turns, so that whatever drifts touches them alike."""
        settings = cast("Settings", bench.settings)
        kv.fill(bench, settings.value_bytes)
        all_series = [_series(bench, concurrency, operation) for operation in settings.operations]
        for _ in range(windows):
            for series in all_series:
                series.take()
        return [window for series in all_series for window in series.windows]

    def nominal_duration_s(self, settings: DriverSettings, windows: int) -> float:
        """Give the windows' length and what surrounds them, for all operations."""
        own = cast("Settings", settings)
        one_s = CALIBRATION_S + windows * (own.window_s + WINDOW_OVERHEAD_S)
        return len(own.operations) * one_s


def _load(bench: Bench, connections: int, operation: str) -> Load:
    settings = cast("Settings", bench.settings)
    return kv_load(
        bench,
        connections,
        operation,
        pipeline=settings.pipeline,
        value_bytes=settings.value_bytes,
    )


def _series(bench: Bench, concurrency: int, operation: str) -> Series:
    window_s = cast("Settings", bench.settings).window_s
    load = _load(bench, concurrency, operation)
    return Series(
        bench=bench,
        service="kv",
        prefix=f"kv_{operation.lower()}",
        load=sized(bench, "kv", load, window_s=window_s),
        window_s=window_s,
        server_failures=partial(kv.misses, bench) if operation == "GET" else no_failures,
    )
