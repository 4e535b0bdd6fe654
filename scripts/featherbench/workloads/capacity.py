# SPDX-License-Identifier: Apache-2.0
"""capacity: the greatest rate at which the p99 of a server's latencies stays below an objective.

The load is an open loop, and latencies count from the moment when a request is due. A search over
rates is one window: see `measuring/capacity_search.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from featherbench.contracts import workload
from featherbench.contracts.bench import Bench
from featherbench.contracts.load_generator import Load
from featherbench.contracts.settings import DriverSettings
from featherbench.measuring.capacity import capacity_metrics, capacity_window
from featherbench.measuring.capacity_search import Rules
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
from featherbench.services import http, kv

VALUE_BYTES = 3
WINDOW_OVERHEAD_S = 0.2
TYPICAL_WINDOWS = 13
OBJECTIVES_IN_WINDOW = 50
"""A window is at least so many times as long as the objective: a backlog that grows by 2 % of the
window then exceeds it, and what is in flight at the end is no more than that."""
VERIFY: Mapping[str, Callable[[Bench], object]] = {
    "http": http.verify,
    "kv": kv.require_kept_value,
}
"""What is checked after each window."""


class Settings(DriverSettings):
    """The keys of `capacity`."""

    service: Literal["http", "kv"] = Field("http", description="What is loaded: nginx or Redis.")
    operation: Literal["GET", "SET"] = Field(
        "GET", description="What is requested; `SET` only of `kv`."
    )
    p99_ms: Annotated[float, Field(ge=0.1, le=10_000)] = Field(
        5.0,
        description="The objective: 99 % of the requests are to be answered within this time, in "
        "milliseconds, from the moment when they are due.",
    )
    connections: Annotated[int, Field(ge=1, le=4_000)] = Field(
        100, description="Open connections; a request that finds none free waits."
    )
    window_s: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        0.5,
        description="How long a rate is offered at a time, in seconds; at least 50 times `p99_ms`.",
    )
    precision_percent: Annotated[float, Field(ge=0.5, le=50)] = Field(
        3.0,
        description="The search ends when the lowest rate that failed is no more than this above "
        "the greatest that passed.",
    )
    most_tries: Annotated[int, Field(ge=4, le=1000)] = Field(
        30,
        description="At most so many times is a rate offered; each rate two or three times.",
    )
    warm_up_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        1.0, description="How long a fresh server is loaded before it is measured, in seconds."
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.service == "http" and self.operation != "GET":
            raise ValueError("'operation' of http is GET")
        if self.window_s < OBJECTIVES_IN_WINDOW * self.p99_ms / 1000:
            raise ValueError(f"'window_s' must be at least {OBJECTIVES_IN_WINDOW} times 'p99_ms'")
        return self

    @property
    def prefix(self) -> str:
        """What the names of its metrics begin with."""
        return "http" if self.service == "http" else f"kv_{self.operation.lower()}"

    @property
    def panel(self) -> str:
        """What is loaded, as figures name it."""
        return "HTTP" if self.service == "http" else f"Redis {self.operation}"

    @property
    def rules(self) -> Rules:
        """The rules of the search."""
        return Rules(
            objective_ms=self.p99_ms,
            window_s=self.window_s,
            precision=self.precision_percent / 100,
            most_windows=self.most_tries,
        )


class Workload(workload.Workload[Settings]):
    """Capacity of nginx or Redis at an objective."""

    services = ("http", "kv")
    loads = ("http", "kv")
    offers_rates = True

    def services_for(self, settings: Settings) -> tuple[str, ...]:
        """Return the service that is loaded."""
        return (settings.service,)

    def metrics(self, settings: Settings) -> tuple[Metric, ...]:
        """Return the capacity, what a closed loop reached, and two figures at the capacity."""
        return tuple(_metrics(settings).values())

    def verify(self, bench: Bench[Settings]) -> str:
        """Check what is served, as the workload of the service does."""
        return http.verify(bench) if bench.settings.service == "http" else kv.verify(bench)

    def warm_up(self, bench: Bench[Settings]) -> Mapping[str, object]:
        """Load it for a while, in a closed loop."""
        _fill(bench)
        load, settings = _load(bench, WARM_UP_CONNECTIONS), bench.settings
        return warm_up(bench, settings.service, load, duration_s=settings.warm_up_s)

    def measure(self, bench: Bench[Settings], load: OfferedLoad, windows: int) -> Sequence[Window]:
        """Search `windows` times."""
        self.verify(bench)
        _fill(bench)
        service, settings = bench.settings.service, bench.settings
        closed = _load(bench, settings.connections)
        closed = sized(bench, service, closed, window_s=settings.window_s)
        with opened(bench, service, [closed]) as generator:
            series = WindowSeries(
                bench=bench,
                service=service,
                metrics=load_metrics(settings.prefix, service=service, at_rate=True),
                load=closed,
                window_s=settings.window_s,
                session=generator,
                server_failures=partial(kv.misses, bench) if _reads_kv(settings) else no_failures,
                verify=VERIFY[service],
            )
            return [
                capacity_window(series, settings.rules, _metrics(settings), index=index)
                for index in range(1, windows + 1)
            ]

    def nominal_duration_s(
        self, settings: Settings, windows: int, platform: PlannedPlatform
    ) -> float:
        """Return the length of a typical search, with overheads."""
        windows_s = (1 + TYPICAL_WINDOWS) * (settings.window_s + WINDOW_OVERHEAD_S)
        return platform.slowdown * windows * windows_s


def _metrics(settings: Settings) -> dict[str, Metric]:
    return capacity_metrics(
        settings.prefix,
        service=settings.service,
        panel=settings.panel,
        operation=settings.operation if settings.service == "kv" else "",
        objective_ms=settings.p99_ms,
    )


def _reads_kv(settings: Settings) -> bool:
    return settings.service == "kv" and settings.operation == "GET"


def _fill(bench: Bench[Settings]) -> None:
    if bench.settings.service == "kv":
        kv.fill(bench, VALUE_BYTES)


def _load(bench: Bench[Settings], connections: int) -> Load:
    operation = bench.settings.operation
    return load_for(bench, connections, operation, path=http.PATH, value_bytes=VALUE_BYTES)
