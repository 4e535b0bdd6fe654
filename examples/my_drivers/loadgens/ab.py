# SPDX-License-Identifier: Apache-2.0
"""ab, ApacheBench: HTTP/1.0 over keep-alive connections, for a count of requests.

A connection that is refused or lost ends it without figures.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from featherbench.contracts.load_generator import LoadResult, needs
from featherbench.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.contracts.load_generator import Load
    from featherbench.records.requirement import MissingRequirement

CLOCK_TICK_S = 1e-3
"""It prints its duration in milliseconds."""
FIGURES = {
    "duration_s": r"^Time taken for tests: +([\d.]+) seconds",
    "complete": r"^Complete requests: +(\d+)",
    "failed": r"^Failed requests: +(\d+)",
    "bytes": r"^Total transferred: +(\d+) bytes",
    "mean_ms": r"^Time per request: +([\d.]+) \[ms\] \(mean\)",
}
BAD_STATUS = re.compile(r"^Non-2xx responses: +(\d+)", re.MULTILINE)


class LoadGenerator:
    """Drives ab."""

    service: ClassVar[str] = "http"
    stops_by: ClassVar[str] = "requests"
    duration_step_s: ClassVar[float | None] = None

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Say whether ab is missing."""
        return needs("ab", "apt install apache2-utils")

    def command(self, load: Load) -> Sequence[str]:
        """Give its command."""
        assert load.requests is not None, "ab stops by requests"
        return [
            "ab",
            *("-k", "-q"),
            *("-n", str(load.requests)),
            *("-c", str(load.connections)),
            f"http://{load.endpoint.address}:{load.endpoint.port}{load.path}",
        ]

    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read its summary, in which a bad status is no failure. Raises LoadError without one."""
        found = {name: re.search(line, stdout, re.MULTILINE) for name, line in FIGURES.items()}
        figures = {name: float(match[1]) for name, match in found.items() if match}
        if len(figures) < len(FIGURES):
            said = (stderr.strip() or stdout.strip())[-500:]
            raise LoadError(f"ab made no summary; it said: {said}")
        bad_status = BAD_STATUS.search(stdout)
        failures = {"failed": int(figures["failed"]), "status": int((bad_status or "00")[1])}
        return LoadResult(
            requests=int(figures["complete"]) - sum(failures.values()),
            duration_s=figures["duration_s"],
            clock_tick_s=CLOCK_TICK_S,
            failures={kind: count for kind, count in failures.items() if count},
            latency_us={"mean": figures["mean_ms"] * 1e3},
            transferred_bytes=int(figures["bytes"]),
            threads=1,
        )
