# SPDX-License-Identifier: Apache-2.0
"""latency: round trips from the client to the instance by ping, each reply a window."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from featherbench.contracts import workload
from featherbench.contracts.bench import Bench
from featherbench.contracts.settings import DriverSettings
from featherbench.errors import ErrorHint, LoadError, find_hint
from featherbench.measuring.window import Moment, Observation, build_window
from featherbench.records.cell import Metric, Window
from featherbench.records.load_point import OfferedLoad
from featherbench.records.plan import PlannedPlatform
from featherbench.records.requirement import MissingRequirement
from featherbench.services import http, ping

LEAD_IN = 3
"""The first replies of every run include the look-up of the link's address and ping's own start;
they are not measured."""
WARM_UP_REPLIES = 5
FIREWALL = "check whether a firewall drops ICMP echo requests: `nft list ruleset`"
HINTS = (
    ErrorHint(r"operation not permitted", "a firewall of this machine rejects them: see nft"),
    ErrorHint(r"host unreachable", "the server's link is down, or its address is another one"),
    ErrorHint(r"net(work is)? unreachable", "no route leads there: see `ip route get`"),
    ErrorHint(r"communication prohibited|port unreachable", "a firewall in between rejects them"),
)
"""What ping says where none is answered."""
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


class Workload(workload.Workload[Settings]):
    """Round-trip time."""

    services = ("http",)
    without_server = "pings"

    def metrics(self, settings: Settings) -> tuple[Metric, ...]:
        """Return the round-trip time."""
        return (ROUND_TRIP,)

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return what ping lacks."""
        return ping.missing_requirements()

    def verify(self, bench: Bench[Settings]) -> str:
        """Check that the instance under test is the right one."""
        if bench.under_test.service == "startup":
            return ping.verify(bench)
        return http.verify(bench)

    def warm_up(self, bench: Bench[Settings]) -> Mapping[str, object]:
        """Ping a few times."""
        trips_ms = _ping(bench, WARM_UP_REPLIES).values()
        return {"pings": len(trips_ms), "lost": sum(trip_ms is None for trip_ms in trips_ms)}

    def measure(self, bench: Bench[Settings], load: OfferedLoad, windows: int) -> Sequence[Window]:
        """Ping `windows` times, after the lead-in."""
        self.verify(bench)
        with Observation(bench, verify=self.verify) as observation:
            trips_ms = _ping(bench, LEAD_IN + windows)
        return [
            _window(bench, number - LEAD_IN, trip_ms, observation)
            for number, trip_ms in trips_ms.items()
            if number > LEAD_IN
        ]

    def nominal_duration_s(
        self, settings: Settings, windows: int, platform: PlannedPlatform
    ) -> float:
        """Return the sum of the intervals."""
        return platform.slowdown * (LEAD_IN + windows) * settings.interval_ms / 1000


def _ping(bench: Bench[Settings], count: int) -> Mapping[int, float | None]:
    """Ping `count` times; every request has an entry, see `ping.parse`."""
    interval_ms = bench.settings.interval_ms
    address = bench.under_test.endpoint.ping_address
    done = bench.client.run(
        ping.command(address, count=count, interval_ms=interval_ms),
        timeout_s=ping.longest_s(count, interval_ms),
        check=False,
    )
    bench.require_running()
    trips_ms = ping.parse(done.stdout + done.stderr)
    if all(trip_ms is None for trip_ms in trips_ms.values()):
        raise LoadError(
            f"{address} answered none of {count} pings: {done.tail}",
            remedy=hint.remedy if (hint := find_hint(HINTS, done.tail)) else FIREWALL,
        )
    return trips_ms


def _pinged(bench: Bench) -> str:
    """Return what was pinged; a published port forwards no pings."""
    endpoint = bench.under_test.endpoint
    if endpoint.ping_address == endpoint.address:
        return f"{endpoint.address}, the service's address"
    return f"{endpoint.ping_address}, reached by route, not by the service's {endpoint.address}"


def _window(
    bench: Bench[Settings], index: int, trip_ms: float | None, observation: Observation
) -> Window:
    """Build the window of one reply; a lost one has the time after which it counted as lost.

    The window is then invalid, so that this never enters a mean. All replies were observed
    together: what instance and client used is not known of a single one.
    """
    interval_ms = bench.settings.interval_ms
    value_ms = ping.LOST_AFTER_S * 1000 if trip_ms is None else trip_ms
    failures = {"lost reply": 1} if trip_ms is None else {}
    sent_s = observation.started.monotonic_s + (LEAD_IN + index - 1) * interval_ms / 1e3
    return build_window(
        ROUND_TRIP,
        value_ms,
        index=index,
        started=Moment(utc=observation.started.utc, monotonic_s=sent_s),
        duration_s=value_ms / 1000,
        facts=replace(observation.facts, failures=failures),
        notes={"interval_ms": interval_ms, "lead_in": LEAD_IN, "pinged": _pinged(bench)},
    )
