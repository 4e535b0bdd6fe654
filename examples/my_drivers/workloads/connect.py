# SPDX-License-Identifier: Apache-2.0
"""connect: how long the client takes to open a connection to the http server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from pydantic import Field

from featherbench.contracts.settings import DriverSettings
from featherbench.measuring.machine_counters import between, circumstances, snapshot
from featherbench.measuring.window_verdict import judge
from featherbench.records.cell import Window
from featherbench.records.metric import Metric
from featherbench.services import http

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.bench import Bench

NOMINAL_S = 0.05
SPARE_S = 5.0
CONNECT_TIME = Metric(
    name="connect_time",
    service="http",
    aspect="connect",
    unit="us",
    better="lower",
    label="connect time",
)


class Settings(DriverSettings):
    """The keys of `connect`."""

    timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(
        2.0, description="After how long a connection is given up, in seconds."
    )


class Workload:
    """See `contracts/workload.py` of featherbench."""

    Settings: ClassVar[type[DriverSettings]] = Settings
    services: ClassVar[tuple[str, ...]] = ("http",)
    uses_lease: ClassVar[bool] = True
    without_server: ClassVar[str] = "no"
    sweeps: ClassVar[bool] = False
    in_image: ClassVar[tuple[str, ...]] = ()
    loads: ClassVar[tuple[str, ...]] = ()

    def metrics(self, settings: DriverSettings) -> tuple[Metric, ...]:
        """Return the time to connect."""
        return (CONNECT_TIME,)

    def files(self, settings: DriverSettings) -> Mapping[str, bytes]:
        """Give nothing: the image is that of the workload `http`."""
        return {}

    def verify(self, bench: Bench) -> str:
        """Check that the http server serves its file."""
        return http.verify(bench)

    def warm_up(self, bench: Bench) -> Mapping[str, object]:
        """Connect once."""
        return {"connect_s": _connect_s(bench)}

    def measure(self, bench: Bench, concurrency: int, windows: int) -> Sequence[Window]:
        """Connect `windows` times."""
        return [_window(bench, index) for index in range(1, windows + 1)]

    def nominal_duration_s(self, settings: DriverSettings, windows: int) -> float:
        """Give the time of as many starts of curl."""
        return windows * NOMINAL_S


def _connect_s(bench: Bench) -> float:
    """Connect once, at the client. Raises CommandError when that fails."""
    endpoint, timeout_s = bench.under_test.endpoint, cast("Settings", bench.settings).timeout_s
    done = bench.client.run(
        [
            "curl",
            *("--silent", "--show-error", "--noproxy", "*", "--output", "/dev/null"),
            *("--connect-timeout", f"{timeout_s:g}"),
            *("--write-out", "%{time_connect}"),
            f"http://{endpoint.address}:{endpoint.port}{http.PATH}",
        ],
        timeout_s=timeout_s + SPARE_S,
    )
    return float(done.stdout)


def _window(bench: Bench, index: int) -> Window:
    before = snapshot(bench)
    connect_s = _connect_s(bench)
    observed = between(before, snapshot(bench), bench)
    verdict, reasons = judge(circumstances(observed, bench))
    return Window(
        index=index,
        metric="connect_time",
        value=connect_s * 1e6,
        unit="us",
        started_utc=observed.started_utc,
        started_monotonic_s=observed.started_monotonic_s,
        duration_s=connect_s,
        verdict=verdict,
        reasons=reasons,
    )
