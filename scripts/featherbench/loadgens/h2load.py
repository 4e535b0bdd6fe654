# SPDX-License-Identifier: Apache-2.0
"""h2load: HTTP/1.1 over keep-alive connections, for a given time.

Properties of its figures (nghttp2 1.52, found by trial):
- Its rate is over the requested duration, not over the printed one.
- `failed` includes bad statuses and `errored`; `errored` includes `timeout`; 3xx count as success.
- It does not report a connection that was refused or that the server closed: it continues with the
  others. An open connection has one request in flight at the end, so refused connections are
  missing from `started - done`. Connections lost during the run make the mean rate of single
  connections too high for the total.
"""

import math
import re
from collections.abc import Mapping, Sequence

from featherbench.contracts import load_generator
from featherbench.contracts.load_generator import Load, LoadResult
from featherbench.system.programs import Versions

CLOCK_TICK_S = 1e-3
"""Its event loop's timers, which end the run, tick in milliseconds."""
CONNECTIONS_KEPT = 0.75
"""Below this share of the single connections' rates, some were lost. Making the connections takes
a part of the run too, which must not count as a loss."""

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
FINISHED = re.compile(r"^finished in ([\d.]+)(us|ms|s), ([\d.]+) req/s", re.MULTILINE)
REQUESTS = re.compile(
    r"^requests: (?P<total>\d+) total, (?P<started>\d+) started, (?P<done>\d+) done, "
    r"(?P<succeeded>\d+) succeeded, (?P<failed>\d+) failed, (?P<errored>\d+) errored, "
    r"(?P<timeout>\d+) timeout",
    re.MULTILINE,
)
STATUSES = re.compile(
    r"^status codes: \d+ 2xx, (?P<s3xx>\d+) 3xx, (?P<s4xx>\d+) 4xx, (?P<s5xx>\d+) 5xx",
    re.MULTILINE,
)
TRAFFIC = re.compile(r"^traffic: \S+ \((\d+)\) total", re.MULTILINE)
LATENCY_ROW = re.compile(r"^(?:time for request|request +):(.*)$", re.MULTILINE)
RATE_ROW = re.compile(r"^req/s +:(.*)$", re.MULTILINE)
COLUMNS = {
    5: ("min", "max", "mean", "sd", "within_sd"),
    8: ("min", "max", "p50", "p95", "p99", "mean", "sd", "within_sd"),
}
"""What the rows of its table have, by the number of fields: eight since nghttp2 1.69."""
SHOWN_STATISTICS = ("mean", "p50", "p95", "p99", "max")
TIME = re.compile(r"([\d.]+)(us|ms|s)")


class LoadGenerator(load_generator.LoadGenerator):
    """Runs h2load with HTTP/1.1."""

    program, install = "h2load", "apt install nghttp2-client"
    duration_step_s = 1e-3
    versions = Versions(
        ask=("h2load", "--version"), says="nghttp2", tested=("1.52", "1.69", "1.70")
    )

    def command(self, load: Load) -> Sequence[str]:
        """Return its command; it takes milliseconds."""
        assert load.duration_s is not None, "h2load stops by duration"
        return [
            "h2load",
            "--h1",
            f"--threads={min(load.threads, load.connections)}",
            f"--clients={load.connections}",
            f"--duration={round(load.duration_s * 1000)}ms",
            load.url,
        ]

    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read its summary."""
        finished, requests = FINISHED.search(stdout), REQUESTS.search(stdout)
        statuses = STATUSES.search(stdout)
        latencies, rates = _row(LATENCY_ROW, stdout), _row(RATE_ROW, stdout)
        if not (finished and requests and statuses and latencies and rates):
            raise self.no_result(stdout, stderr)
        counts = {kind: int(n) for kind, n in (requests.groupdict() | statuses.groupdict()).items()}
        rate_per_s = float(finished[3])
        traffic = TRAFFIC.search(stdout)
        return LoadResult(
            requests=counts["succeeded"] - counts["s3xx"],
            duration_s=(
                counts["done"] / rate_per_s if rate_per_s else _seconds(*finished.group(1, 2))
            ),
            clock_tick_s=CLOCK_TICK_S,
            failures=_failures(
                counts, load.connections, _kept(float(rates["mean"]), rate_per_s, load)
            ),
            latency_us={
                name: _us(latencies[name]) for name in SHOWN_STATISTICS if name in latencies
            },
            transferred_bytes=int(traffic[1]) if traffic else None,
        )


def _seconds(number: str, unit: str) -> float:
    return float(number) * SECONDS[unit]


def _failures(counts: Mapping[str, int], connections: int, kept: int) -> Mapping[str, int]:
    http_level = counts["s4xx"] + counts["s5xx"]
    kinds = {
        "3xx": counts["s3xx"],
        "4xx": counts["s4xx"],
        "5xx": counts["s5xx"],
        "timeout": counts["timeout"],
        "errored": counts["errored"] - counts["timeout"],
        "failed": counts["failed"] - counts["errored"] - http_level,
        "connect": connections - (counts["started"] - counts["done"]),
        "lost connection": connections - kept,
    }
    return {kind: count for kind, count in kinds.items() if count > 0}


def _kept(single_per_s: float, rate_per_s: float, load: Load) -> int:
    """Return how many connections' mean rates the total rate equals."""
    if not single_per_s or rate_per_s >= CONNECTIONS_KEPT * single_per_s * load.connections:
        return load.connections
    return int(rate_per_s / single_per_s)


def _row(row: re.Pattern[str], stdout: str) -> Mapping[str, str]:
    """Return a row of its table by columns; empty if it has none that we know."""
    match = row.search(stdout)
    fields = match[1].split() if match else []
    return dict(zip(COLUMNS.get(len(fields), ()), fields, strict=False))


def _us(time: str) -> float:
    match = TIME.fullmatch(time)
    return _seconds(*match.groups()) * 1e6 if match else math.nan
