# SPDX-License-Identifier: Apache-2.0
"""kv: how many GETs and SETs Redis answers, over pipelined keep-alive connections."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

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
    no_failures,
    opened,
    sized,
    warm_up,
)
from featherbench.records.cell import Metric, Window
from featherbench.records.load_point import OfferedLoad
from featherbench.records.plan import PlannedPlatform
from featherbench.services import kv
from featherbench.system.subprocesses import Conversation
from featherbench.user_input import EACH_ONCE

WINDOW_OVERHEAD_S = 0.1


class Settings(DriverSettings):
    """The keys of `kv`."""

    pipeline: Annotated[int, Field(ge=1, le=10_000)] = Field(
        16, description="Requests in flight on each connection."
    )
    value_bytes: Annotated[int, Field(ge=1, le=1 << 20)] = Field(
        3, description="Size of the value that is read and written, in bytes."
    )
    window_s: Annotated[float, Field(ge=0.01, le=3600)] = Field(
        0.5,
        description="Length of a window in seconds. redis-benchmark needs 1 or more: its clock "
        "ticks in milliseconds, and fewer than a thousand are too few.",
    )
    warm_up_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        1.0,
        description="How long a fresh server is loaded with each operation before it is measured, "
        "in seconds.",
    )
    operations: Annotated[tuple[Literal["GET", "SET"], ...], Field(min_length=1), EACH_ONCE] = (
        Field(
            ("GET", "SET"),
            description="What is measured, in turns; each is named once.",
        )
    )


class Workload(workload.Workload[Settings]):
    """Throughput of Redis."""

    services = ("kv",)
    sweeps = True
    loads = ("kv",)

    def metrics(self, settings: Settings) -> tuple[Metric, ...]:
        """Return the metrics of each operation's load."""
        return tuple(
            metric
            for operation in settings.operations
            for at_rate in (False, True)
            for metric in _metrics(operation, at_rate=at_rate).values()
        )

    def files(self, settings: Settings) -> Mapping[str, bytes]:
        """Return Redis's configuration."""
        return kv.files()

    def verify(self, bench: Bench[Settings]) -> str:
        """Check that it keeps a value, and writes nothing to a disk."""
        return kv.verify(bench)

    def warm_up(self, bench: Bench[Settings]) -> Mapping[str, object]:
        """Read and write for a while."""
        kv.fill(bench, bench.settings.value_bytes)
        return {
            operation: warm_up(
                bench,
                "kv",
                _load(bench, WARM_UP_CONNECTIONS, operation),
                duration_s=bench.settings.warm_up_s,
            )
            for operation in bench.settings.operations
        }

    def measure(self, bench: Bench[Settings], load: OfferedLoad, windows: int) -> Sequence[Window]:
        """Measure the operations in turns, so that a drift affects all of them equally.

        It measures the throughput or, at a rate, the latency.
        """
        kv.require_kept_value(bench)
        kv.fill(bench, bench.settings.value_bytes)
        operations = bench.settings.operations
        loads = [_sized(bench, load, operation) for operation in operations]
        with opened(bench, "kv", loads) as generator:
            all_series = [_series(bench, sent, generator) for sent in loads]
            for _ in range(windows):
                for series in all_series:
                    series.take()
        return [window for series in all_series for window in series.windows]

    def nominal_duration_s(
        self, settings: Settings, windows: int, platform: PlannedPlatform
    ) -> float:
        """Return the windows' length plus overheads, for all operations."""
        operation_s = windows * (settings.window_s + WINDOW_OVERHEAD_S)
        return platform.slowdown * len(settings.operations) * operation_s


def _metrics(operation: str, *, at_rate: bool = False) -> Mapping[str, Metric]:
    return load_metrics(
        f"kv_{operation.lower()}",
        service="kv",
        panel=f"Redis {operation}",
        operation=operation,
        at_rate=at_rate,
    )


def _load(bench: Bench[Settings], connections: int, operation: str) -> Load:
    settings = bench.settings
    return load_for(
        bench, connections, operation, pipeline=settings.pipeline, value_bytes=settings.value_bytes
    )


def _sized(bench: Bench[Settings], load: OfferedLoad, operation: str) -> Load:
    rate_per_s = load.rate_per_s(_metrics(operation)["throughput"].name)
    sent = replace(_load(bench, load.connections, operation), rate_per_s=rate_per_s)
    return sized(bench, "kv", sent, window_s=bench.settings.window_s)


def _series(bench: Bench[Settings], load: Load, generator: Conversation | None) -> WindowSeries:
    return WindowSeries(
        bench=bench,
        service="kv",
        metrics=_metrics(load.operation, at_rate=load.rate_per_s is not None),
        load=load,
        window_s=bench.settings.window_s,
        session=generator,
        server_failures=partial(kv.misses, bench) if load.operation == "GET" else no_failures,
        verify=kv.require_kept_value,
    )
