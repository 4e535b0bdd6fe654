# SPDX-License-Identifier: Apache-2.0
"""redis-benchmark: GET or SET of one key over keep-alive, pipelined connections, for a count.

What to know of its figures (Redis 7.0, by trial):
- Its clock is in milliseconds. With more than one thread it only notices the end every 250 ms,
  so that 20,000 requests and 100,000 both "take" 0.25 s: hence one thread.
- An error reply or a lost connection ends it with a message and without figures. A refused
  connection does not end it at all: it must be given a time limit.
- It may send up to a pipeline more than it was asked for; ask for a multiple of it.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, ClassVar

from featherbench.contracts.load_generator import LoadResult, needs
from featherbench.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.load_generator import Load
    from featherbench.records.requirement import MissingRequirement

CLOCK_TICK_S = 1e-3
SERVER_ERROR = "Error from server"
COLUMNS = {
    "mean": "avg_latency_ms",
    "p50": "p50_latency_ms",
    "p95": "p95_latency_ms",
    "p99": "p99_latency_ms",
    "max": "max_latency_ms",
}


class LoadGenerator:
    """Drives redis-benchmark with its CSV output."""

    service: ClassVar[str] = "kv"
    stops_by: ClassVar[str] = "requests"
    duration_step_s: ClassVar[float | None] = None

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Say whether redis-benchmark is missing."""
        return needs("redis-benchmark", "apt install redis-tools")

    def command(self, load: Load) -> Sequence[str]:
        """Give its command."""
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
            "--csv",
        ]

    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read its CSV. Raises LoadError when it gave up, which any error reply makes it do."""
        assert load.requests is not None
        row = _row(stdout, load.operation)
        if row is None:
            said = (stderr.strip() or stdout.strip())[-500:]
            raise LoadError(f"redis-benchmark gave up; it said: {said}")
        error_replies = (stdout + stderr).count(SERVER_ERROR)
        return LoadResult(
            requests=max(0, load.requests - error_replies),
            duration_s=load.requests / float(row["rps"]),
            clock_tick_s=CLOCK_TICK_S,
            failures={"error reply": error_replies} if error_replies else {},
            latency_us={name: float(row[column]) * 1e3 for name, column in COLUMNS.items()},
            threads=1,
        )


def _row(stdout: str, operation: str) -> Mapping[str, str] | None:
    lines = [line for line in stdout.splitlines() if line.startswith('"')]
    rows = [row for row in csv.DictReader(lines) if row.get("test") == operation]
    complete = [row for row in rows if None not in row.values() and float(row["rps"]) > 0]
    return complete[0] if complete else None
