# SPDX-License-Identifier: Apache-2.0
"""ab (ApacheBench): HTTP/1.0 over keep-alive connections, for a count of requests."""

from __future__ import annotations

import re

from featherbench.contracts import load_generator
from featherbench.contracts.load_generator import Load, LoadResult

FIGURES = {
    "duration_s": r"^Time taken for tests: +([\d.]+) seconds",
    "complete": r"^Complete requests: +(\d+)",
    "failed": r"^Failed requests: +(\d+)",
    "status": r"^Non-2xx responses: +(\d+)",
    "bytes": r"^Total transferred: +(\d+) bytes",
    "mean_ms": r"^Time per request: +([\d.]+) \[ms\] \(mean\)",
}


class LoadGenerator(load_generator.LoadGenerator):
    """Runs ab, which counts a response with a bad status as successful."""

    program, install = "ab", "apt install apache2-utils"

    def command(self, load: Load) -> list[str]:
        """Return its command."""
        return ["ab", "-kq", f"-n{load.requests}", f"-c{load.connections}", load.url]

    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read its summary; a refused or lost connection ends ab without one."""
        lines = {name: re.search(line, stdout, re.MULTILINE) for name, line in FIGURES.items()}
        figures = {name: float(match[1]) for name, match in lines.items() if match}
        if not figures.keys() >= FIGURES.keys() - {"status"}:
            raise self.no_result(stdout, stderr)
        failures = {name: int(figures.get(name, 0)) for name in ("failed", "status")}
        return LoadResult(
            requests=int(figures["complete"]) - sum(failures.values()),
            duration_s=figures["duration_s"],
            clock_tick_s=1e-3,
            failures={name: count for name, count in failures.items() if count},
            latency_us={"mean": figures["mean_ms"] * 1e3},
            transferred_bytes=int(figures["bytes"]),
            threads=1,
        )
