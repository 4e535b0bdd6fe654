# SPDX-License-Identifier: Apache-2.0
"""weighttp: the paper's HTTP load generator, over keep-alive connections, for a count of requests.

It prints its summary as text in versions up to 0.4, and as JSON since. Its own rate counts failed
requests, so only counts and time are read. It reports no latencies.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from featherbench.contracts import load_generator
from featherbench.contracts.load_generator import Load, LoadResult
from featherbench.system.programs import Versions

CLOCK_TICK_S = 1e-6

FINISHED = re.compile(r"^finished in (\d+) sec, (\d+) millisec and (\d+) microsec", re.MULTILINE)
REQUESTS = re.compile(
    r"^requests: (?P<total>\d+) total, (?P<started>\d+) started, (?P<done>\d+) done, "
    r"(?P<succeeded>\d+) succeeded, (?P<failed>\d+) failed, (?P<errored>\d+) errored",
    re.MULTILINE,
)
STATUSES = re.compile(
    r"^status codes: (?P<s2xx>\d+) 2xx, (?P<s3xx>\d+) 3xx, (?P<s4xx>\d+) 4xx, (?P<s5xx>\d+) 5xx",
    re.MULTILINE,
)
TRAFFIC = re.compile(r"^traffic: (\d+) bytes total", re.MULTILINE)
JSON_SUMMARY = re.compile(r"^\{\n.*^\}", re.MULTILINE | re.DOTALL)


class LoadGenerator(load_generator.LoadGenerator):
    """Runs weighttp with keep-alive."""

    program = "weighttp"
    install = "build it from https://github.com/lighttpd/weighttp"
    versions = Versions(ask=("weighttp", "-V"), says="weighttp", tested=("0.4", "0.5"))

    def command(self, load: Load) -> Sequence[str]:
        """Return its command."""
        assert load.requests is not None, "weighttp stops by requests"
        return [
            "weighttp",
            "-k",
            *("-n", str(load.requests)),
            *("-c", str(load.connections)),
            *("-t", str(min(load.threads, load.connections))),
            load.url,
        ]

    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read its summary, text or JSON."""
        assert load.requests is not None
        summary = _from_json(stdout) or _from_text(stdout)
        if summary is None:
            raise self.no_result(stdout, stderr)
        return LoadResult(
            requests=summary["s2xx"],
            duration_s=summary["duration_s"],
            clock_tick_s=CLOCK_TICK_S,
            failures=_failures(summary, load.requests),
            transferred_bytes=summary["bytes"],
        )


def _failures(summary: Mapping[str, Any], requested: int) -> Mapping[str, int]:
    statuses = {kind: summary[f"s{kind}"] for kind in ("3xx", "4xx", "5xx")}
    unanswered = requested - summary["s2xx"] - sum(statuses.values())
    return {kind: n for kind, n in {**statuses, "failed": unanswered}.items() if n > 0}


def _from_text(stdout: str) -> dict[str, Any] | None:
    finished, requests = FINISHED.search(stdout), REQUESTS.search(stdout)
    statuses, traffic = STATUSES.search(stdout), TRAFFIC.search(stdout)
    if finished is None or requests is None or statuses is None:
        return None
    seconds, milliseconds, microseconds = map(int, finished.groups())
    return {
        **{kind: int(count) for kind, count in statuses.groupdict().items()},
        "duration_s": seconds + milliseconds / 1e3 + microseconds / 1e6,
        "bytes": int(traffic[1]) if traffic else None,
    }


def _from_json(stdout: str) -> dict[str, Any] | None:
    summary = JSON_SUMMARY.search(stdout)
    if summary is None:
        return None
    report = json.loads(summary[0])
    return {
        **{f"s{kind}": count for kind, count in report["status_codes"].items()},
        "duration_s": report["secs_elapsed"],
        "bytes": report["traffic"]["bytes_total"],
    }
