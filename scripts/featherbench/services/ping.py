# SPDX-License-Identifier: Apache-2.0
"""Measure round trips with ping (iputils)."""

import re
from collections.abc import Mapping, Sequence

from featherbench.contracts.bench import Bench
from featherbench.errors import LoadError
from featherbench.records.requirement import MissingRequirement
from featherbench.system import programs

VERSIONS = programs.Versions(ask=("ping", "-V"), says="iputils", tested=("20221126",))
INSTALL = "apt-get install iputils-ping"
LOST_AFTER_S = 1
LATE_AFTER_S = 5
"""Where only the number of replies counts, a late reply is not lost."""
SHORTEST_INTERVAL_MS = 2
TICK_MS = 10
"""The slowest clock of a kernel: between two pings lies at least one tick."""
OVERDUE_FACTOR = 2
OVERDUE_S = 10.0
REPLY = re.compile(
    r"^\[[\d.]+\] \d+ bytes from \S+ icmp_seq=(\d+) ttl=\d+ time=([\d.]+) ms$", re.MULTILINE
)
SUMMARY = re.compile(r"^(\d+) packets transmitted, \d+ received", re.MULTILINE)


def missing_requirements() -> Sequence[MissingRequirement]:
    """Return what this machine lacks to ping."""
    return programs.missing_program("ping", INSTALL) or VERSIONS.unreadable(INSTALL)


def command(
    address: str, *, count: int, interval_ms: int, lost_after_s: int = LOST_AFTER_S
) -> Sequence[str]:
    """Return its command; a reply that does not come within `lost_after_s` seconds is lost."""
    return [
        "ping",
        "-D",
        "-n",
        *("-i", f"{interval_ms / 1000:g}"),
        *("-W", str(lost_after_s)),
        *("-c", str(count)),
        address,
    ]


def longest_s(count: int, interval_ms: int, lost_after_s: int = LOST_AFTER_S) -> float:
    """Return how long ping may take for `count` requests before it hangs."""
    expected_s = count * max(interval_ms, TICK_MS) / 1000 + lost_after_s
    return OVERDUE_FACTOR * expected_s + OVERDUE_S


def parse(output: str) -> Mapping[int, float | None]:
    """Map each request's number to its round trip in milliseconds; None where no reply came.

    Duplicates and errors from routers do not count. Raises LoadError when ping did not finish.
    """
    summary = SUMMARY.search(output)
    if summary is None:
        raise LoadError(f"ping printed no summary; its output: {output.strip()[-500:]}")
    replies = {int(number): float(trip_ms) for number, trip_ms in REPLY.findall(output)}
    return {number: replies.get(number) for number in range(1, int(summary[1]) + 1)}


def answers(bench: Bench) -> bool:
    """Return whether the instance under test answers a ping now."""
    address = bench.under_test.endpoint.ping_address
    argv = command(address, count=1, interval_ms=SHORTEST_INTERVAL_MS)
    done = bench.client.run(argv, timeout_s=longest_s(1, SHORTEST_INTERVAL_MS), check=False)
    return bool(REPLY.search(done.stdout))


def verify(bench: Bench) -> str:
    """Return what is known of an instance that serves nothing: that it answers pings."""
    return f"{bench.under_test.endpoint.ping_address} answers pings; it serves nothing"


def lossless_pings_per_s(bench: Bench, count: int) -> float:
    """Ping `count` times at the highest rate; return pings per second, 0 when any reply is lost."""
    argv = command(
        bench.under_test.endpoint.ping_address,
        count=count,
        interval_ms=SHORTEST_INTERVAL_MS,
        lost_after_s=LATE_AFTER_S,
    )
    within_s = longest_s(count, SHORTEST_INTERVAL_MS, LATE_AFTER_S)
    done = bench.client.run(argv, timeout_s=within_s, check=False)
    trips_ms = parse(done.stdout + done.stderr)
    lost = any(trip_ms is None for trip_ms in trips_ms.values())
    return 0.0 if lost else 1000 / SHORTEST_INTERVAL_MS
