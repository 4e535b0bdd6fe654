# SPDX-License-Identifier: Apache-2.0
"""connect: how long the client takes to open a connection to the http server."""

from __future__ import annotations

from pydantic import Field

from featherbench.contracts import workload
from featherbench.contracts.bench import Bench
from featherbench.contracts.settings import DriverSettings
from featherbench.measuring.window import Observation
from featherbench.records.cell import Metric, Window
from featherbench.records.load_point import OfferedLoad
from featherbench.services import http

CONNECT_TIME = Metric(
    name="connect_time", service="http", aspect="connect", unit="us", better="lower"
)


class Settings(DriverSettings):
    """The keys of `connect`."""

    timeout_s: float = Field(2.0, gt=0, description="Time limit of a connection, in seconds.")


class Workload(workload.Workload[Settings]):
    """Measures the deployed http server, which the workload `http` describes."""

    services = ("http",)

    def metrics(self, settings: Settings) -> tuple[Metric, ...]:
        """Return the connect time."""
        return (CONNECT_TIME,)

    def verify(self, bench: Bench[Settings]) -> str:
        """Check that the http server serves its file."""
        return http.verify(bench)

    def measure(self, bench: Bench[Settings], load: OfferedLoad, windows: int) -> list[Window]:
        """Connect `windows` times."""
        return [_window(bench, index) for index in range(1, windows + 1)]


def _window(bench: Bench[Settings], index: int) -> Window:
    endpoint, timeout_s = bench.under_test.endpoint, bench.settings.timeout_s
    url = f"http://{endpoint.address}:{endpoint.port}{http.PATH}"
    curl = ["curl", "-sS", "--noproxy", "*", "-o", "/dev/null", "--connect-timeout", str(timeout_s)]
    with Observation(bench) as observation:
        done = bench.client.run([*curl, "-w", "%{time_connect}", url], timeout_s=timeout_s + 5)
    connect_s = float(done.stdout)
    return observation.window(CONNECT_TIME, connect_s * 1e6, index=index, duration_s=connect_s)
