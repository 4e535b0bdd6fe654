# SPDX-License-Identifier: Apache-2.0
"""latency: round trips from the client to the instance by ping, each reply a window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from pydantic import Field

from featherbench.contracts.settings import DriverSettings
from featherbench.errors import LoadError
from featherbench.measuring.machine_counters import between, circumstances, snapshot
from featherbench.measuring.window_verdict import judge
from featherbench.records.cell import Window
from featherbench.records.metric import Metric
from featherbench.services import http, ping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.workload import WithoutServer
    from featherbench.measuring.machine_counters import Observed

LEAD_IN = 3
"""The first replies of every run also time the look-up of the link's address and ping's own first
steps; they are left out."""
WARM_UP_REPLIES = 5
SPARE_S = 10.0
ROUND_TRIP = Metric(
    name="round_trip_time",
    service="http",
    aspect="round_trip",
    unit="ms",
    better="lower",
    label="network round-trip time",
    panel="round-trip time",
)


class Settings(DriverSettings):
    """The keys of `latency`."""

    interval_ms: Annotated[int, Field(ge=2, le=60_000)] = Field(
        200,
        description="Time from one ping to the next, in milliseconds. It matters: the longer it "
        "is, the deeper the CPUs sleep in between.",
    )


class Workload:
    """See `contracts/workload.py`."""

    Settings: ClassVar[type[DriverSettings]] = Settings
    services: ClassVar[tuple[str, ...]] = ("http",)
    uses_lease: ClassVar[bool] = True
    without_server: ClassVar[WithoutServer] = "pings"
    sweeps: ClassVar[bool] = False
    in_image: ClassVar[tuple[str, ...]] = ()
    loads: ClassVar[tuple[str, ...]] = ()

    def metrics(self, settings: DriverSettings) -> tuple[Metric, ...]:
        """Return the round-trip time."""
        return (ROUND_TRIP,)

    def files(self, settings: DriverSettings) -> Mapping[str, bytes]:
        """Give nothing: it has no app of its own."""
        return {}

    def verify(self, bench: Bench) -> str:
        """Check that the instance under test is the right one."""
        if bench.under_test.service == "startup":
            return ping.verify(bench)
        return http.verify(bench)

    def warm_up(self, bench: Bench) -> Mapping[str, object]:
        """Ping a few times."""
        trips_ms = _ping(bench, WARM_UP_REPLIES).values()
        return {"pings": len(trips_ms), "lost": sum(trip_ms is None for trip_ms in trips_ms)}

    def measure(self, bench: Bench, concurrency: int, windows: int) -> Sequence[Window]:
        """Ping `windows` times, after the lead-in."""
        before = snapshot(bench)
        trips_ms = _ping(bench, LEAD_IN + windows)
        observed = between(before, snapshot(bench), bench)
        return [
            _window(bench, number - LEAD_IN, trip_ms, observed)
            for number, trip_ms in trips_ms.items()
            if number > LEAD_IN
        ]

    def nominal_duration_s(self, settings: DriverSettings, windows: int) -> float:
        """Give the pings' intervals."""
        return (LEAD_IN + windows) * cast("Settings", settings).interval_ms / 1000


def _ping(bench: Bench, count: int) -> Mapping[int, float | None]:
    """Ping `count` times; every request has an entry, see `ping.parse`."""
    interval_ms = cast("Settings", bench.settings).interval_ms
    address = bench.under_test.endpoint.ping_address
    done = bench.client.run(
        ping.command(address, count=count, interval_ms=interval_ms),
        timeout_s=count * interval_ms / 1000 + SPARE_S,
        check=False,
    )
    bench.require_running()
    trips_ms = ping.parse(done.stdout + done.stderr)
    if all(trip_ms is None for trip_ms in trips_ms.values()):
        raise LoadError(
            f"{address} answered none of {count} pings: {done.tail}",
            remedy="see whether a firewall drops ICMP echo requests",
        )
    return trips_ms


def _pinged(bench: Bench) -> str:
    """Say what was pinged: a published port forwards no pings, so it may not be the service's."""
    endpoint = bench.under_test.endpoint
    if endpoint.ping_address == endpoint.address:
        return f"{endpoint.address}, the service's address"
    return f"{endpoint.ping_address}, reached by route, not by the service's {endpoint.address}"


def _window(bench: Bench, index: int, trip_ms: float | None, observed: Observed) -> Window:
    """Give a reply's window.

    For a lost one the value is the time after which it was given up: it took at least that long.
    The window is invalid, so that this never enters a mean.
    """
    interval_ms = cast("Settings", bench.settings).interval_ms
    value_ms = ping.LOST_AFTER_S * 1000 if trip_ms is None else trip_ms
    failures = {"lost reply": 1} if trip_ms is None else {}
    verdict, reasons = judge(replace(circumstances(observed, bench), failures=failures))
    return Window(
        index=index,
        metric="round_trip_time",
        value=value_ms,
        unit="ms",
        started_utc=observed.started_utc,
        started_monotonic_s=observed.started_monotonic_s
        + (LEAD_IN + index - 1) * interval_ms / 1e3,
        duration_s=value_ms / 1000,
        failures=failures,
        notes={"interval_ms": interval_ms, "lead_in": LEAD_IN, "pinged": _pinged(bench)},
        verdict=verdict,
        reasons=reasons,
    )
