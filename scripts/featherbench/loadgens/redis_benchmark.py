# SPDX-License-Identifier: Apache-2.0
"""redis-benchmark: GET or SET of one key over keep-alive, pipelined connections, for a count.

Properties of its figures (Redis 7.0, found by trial; 6.0 as its sources say):
- Its clock is in milliseconds. With more than one thread it notices the end only every 250 ms, so
  20,000 requests and 100,000 both "take" 0.25 s. Hence one thread.
- An error reply or a lost connection ends it with a message and without figures. A refused
  connection does not end it: it needs a time limit. Before 7.0 an error reply does not end it, and
  is printed only with -e, once a second.
- Before 6.2 it prints the rate alone, without latencies and without a header.
- It may send up to one pipeline more than requested; request a multiple of the pipeline.
"""

import csv
from collections.abc import Mapping, Sequence

from featherbench.contracts import load_generator
from featherbench.contracts.load_generator import Load, LoadResult
from featherbench.system.programs import Versions

CLOCK_TICK_S = 1e-3
SERVER_ERROR = "Error from server"
FIRST_COLUMN = '"test"'
WITHOUT_HEADER = ("test", "rps")
COLUMNS = {
    "mean": "avg_latency_ms",
    "p50": "p50_latency_ms",
    "p95": "p95_latency_ms",
    "p99": "p99_latency_ms",
    "max": "max_latency_ms",
}


class LoadGenerator(load_generator.LoadGenerator):
    """Runs redis-benchmark with CSV output."""

    program, install = "redis-benchmark", "apt install redis-tools"
    services = ("kv",)
    shortest_window_s = 1000 * CLOCK_TICK_S
    versions = Versions(
        ask=("redis-benchmark", "--version"), says="redis-benchmark", tested=("6.0", "7.0")
    )

    def command(self, load: Load) -> Sequence[str]:
        """Return its command."""
        assert load.requests is not None, "redis-benchmark stops by requests"
        return [
            "redis-benchmark",
            *("-h", load.endpoint.address),
            *("-p", str(load.endpoint.port)),
            *("-c", str(load.connections)),
            *("-n", str(load.requests)),
            *("-P", str(load.pipeline)),
            *("-d", str(load.value_bytes)),
            *("-t", load.operation.lower()),
            "-e",
            "--csv",
        ]

    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read its CSV; any error reply ends redis-benchmark without one."""
        assert load.requests is not None
        row = _row(stdout, load.operation)
        if row is None:
            raise self.no_result(stdout, stderr)
        error_replies = (stdout + stderr).count(SERVER_ERROR)
        return LoadResult(
            requests=max(0, load.requests - error_replies),
            duration_s=load.requests / float(row["rps"]),
            clock_tick_s=CLOCK_TICK_S,
            failures={"error reply": error_replies} if error_replies else {},
            latency_us={
                name: float(row[column]) * 1e3 for name, column in COLUMNS.items() if column in row
            },
            threads=1,
        )


def _row(stdout: str, operation: str) -> Mapping[str, str] | None:
    lines = [line for line in stdout.splitlines() if line.startswith('"')]
    header = None if lines and lines[0].startswith(FIRST_COLUMN) else WITHOUT_HEADER
    rows = [row for row in csv.DictReader(lines, header) if row["test"] == operation]
    complete = [
        row
        for row in rows
        if None not in row and None not in row.values() and float(row["rps"]) > 0
    ]
    return complete[0] if complete else None
