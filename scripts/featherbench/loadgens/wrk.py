# SPDX-License-Identifier: Apache-2.0
"""wrk: HTTP/1.1 over keep-alive connections, for a given time.

Properties of its figures (wrk 4.1, from its source and by trial):
- Its count of requests includes responses with a status above 399 and those after its timeout; both
  are also counted as errors, and subtracted here. 2xx and 3xx count as success.
- It reads its clock every 100 ms, so it may run that much longer than requested; its rate is over
  the real time.
- It corrects its latencies for coordinated omission: the mean is not the plain mean.
- A server that accepts connections and never answers causes neither requests nor errors.
"""

import json
import math
from collections.abc import Sequence

from featherbench.contracts import load_generator
from featherbench.contracts.load_generator import Load, LoadResult, even_threads
from featherbench.paths import resource
from featherbench.system.programs import Versions

REPORT_SCRIPT = resource("loadgens/wrk_report.lua")
REPORT_MARK = "featherbench "
TIMEOUT_S = 2
CLOCK_TICK_S = 1e-6


class LoadGenerator(load_generator.LoadGenerator):
    """Runs wrk, which reports through a Lua script that runs only at the end."""

    program, install = "wrk", "apt install wrk"
    duration_step_s = 1.0
    versions = Versions(ask=("wrk", "-v"), says="wrk", tested=("4.1",))

    def command(self, load: Load) -> Sequence[str]:
        """Return its command; it takes whole seconds only, so a duration is rounded up."""
        assert load.duration_s is not None, "wrk stops by duration"
        return [
            "wrk",
            f"--threads={even_threads(load.connections, load.threads)}",
            f"--connections={load.connections}",
            f"--duration={math.ceil(load.duration_s)}s",
            f"--timeout={TIMEOUT_S}s",
            f"--script={REPORT_SCRIPT}",
            load.url,
        ]

    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read the script's line."""
        lines = [line for line in stdout.splitlines() if line.startswith(REPORT_MARK)]
        if not lines:
            raise self.no_result(stdout, stderr)
        report = json.loads(lines[0].removeprefix(REPORT_MARK))
        errors = report["errors"]
        return LoadResult(
            requests=report["requests"] - errors["status"] - errors["timeout"],
            duration_s=report["duration_us"] / 1e6,
            clock_tick_s=CLOCK_TICK_S,
            failures={kind: count for kind, count in errors.items() if count},
            latency_us=report["latency_us"],
            transferred_bytes=report["bytes"],
        )
