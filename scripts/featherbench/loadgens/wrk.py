# SPDX-License-Identifier: Apache-2.0
"""wrk: HTTP/1.1 over keep-alive connections, for a given time.

What to know of its figures (wrk 4.1, by its source and by trial):
- Its count of requests includes responses with a status above 399, and those that came after its
  timeout; both are also counted as errors, and taken off here. 2xx and 3xx are good to it.
- It looks at its clock every 100 ms, so that it may run that much longer than told; its rate is
  over the time that it really ran.
- It corrects its latencies for coordinated omission: the mean is not the plain mean.
- A server that accepts and never answers gives neither requests nor errors.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, ClassVar

from featherbench.contracts.load_generator import LoadResult, even_threads, needs
from featherbench.errors import LoadError
from featherbench.paths import resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.contracts.load_generator import Load
    from featherbench.records.requirement import MissingRequirement

REPORT_SCRIPT = resource("loadgens/wrk_report.lua")
REPORT_MARK = "featherbench "
TIMEOUT_S = 2
CLOCK_TICK_S = 1e-6


class LoadGenerator:
    """Drives wrk, which reports through a Lua script that only runs at the end."""

    service: ClassVar[str] = "http"
    stops_by: ClassVar[str] = "duration"
    duration_step_s: ClassVar[float | None] = 1.0

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Say whether wrk is missing."""
        return needs("wrk", "apt install wrk")

    def command(self, load: Load) -> Sequence[str]:
        """Give its command; it takes whole seconds only, so that a duration is rounded up."""
        assert load.duration_s is not None, "wrk stops by duration"
        return [
            "wrk",
            f"--threads={even_threads(load.connections, load.threads)}",
            f"--connections={load.connections}",
            f"--duration={math.ceil(load.duration_s)}s",
            f"--timeout={TIMEOUT_S}s",
            f"--script={REPORT_SCRIPT}",
            f"http://{load.endpoint.address}:{load.endpoint.port}{load.path}",
        ]

    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read the script's line. Raises LoadError when it is not there."""
        report = _report(stdout, stderr)
        errors = report["errors"]
        return LoadResult(
            requests=report["requests"] - errors["status"] - errors["timeout"],
            duration_s=report["duration_us"] / 1e6,
            clock_tick_s=CLOCK_TICK_S,
            failures={kind: count for kind, count in errors.items() if count},
            latency_us=report["latency_us"],
            transferred_bytes=report["bytes"],
        )


def _report(stdout: str, stderr: str) -> Any:  # noqa: ANN401 - JSON
    for line in stdout.splitlines():
        if line.startswith(REPORT_MARK):
            return json.loads(line.removeprefix(REPORT_MARK))
    said = (stderr.strip() or stdout.strip())[-500:]
    raise LoadError(f"wrk made no report; it said: {said}")
