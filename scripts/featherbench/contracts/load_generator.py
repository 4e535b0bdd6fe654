# SPDX-License-Identifier: Apache-2.0
"""What a load generator must be able to do: its command, and how to read what it prints.

One file a load generator; its name is its name in the configuration, its class is always called
`LoadGenerator`. Both methods are pure: the measuring core runs the command.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from featherbench.records.requirement import MissingRequirement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.records.instance import Endpoint


@dataclass(frozen=True, kw_only=True)
class Load:
    """What load to make. Exactly one of `duration_s` and `requests` is set.

    `operation` is what to do: `GET` for http; `GET` or `SET` for kv. `path` is for http,
    `pipeline` (requests in flight a connection) and `value_bytes` for kv. `threads` is the most
    that it may use.
    """

    endpoint: Endpoint
    connections: int
    threads: int
    operation: str
    duration_s: float | None = None
    requests: int | None = None
    path: str = "/"
    pipeline: int = 1
    value_bytes: int = 3


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """What the load generator says of one run.

    `duration_s` is its own clock's, of resolution `clock_tick_s`. `requests` counts the good
    responses only; the others are in `failures`, by kind. `latency_us` maps `mean`, `p50`, `p90`,
    `p95`, `p99`, `max` to microseconds, as far as it tells. `transferred_bytes` is None where it
    does not tell. `threads` is how many made the load; None when as many as were asked for.
    """

    requests: int
    duration_s: float
    clock_tick_s: float
    failures: Mapping[str, int] = field(default_factory=dict)
    latency_us: Mapping[str, float] = field(default_factory=dict)
    transferred_bytes: int | None = None
    threads: int | None = None

    @property
    def requests_per_s(self) -> float:
        """Good responses per second."""
        return self.requests / self.duration_s


class LoadGenerator(Protocol):
    """The contract."""

    service: ClassVar[str]
    """The app whose protocol it speaks: `http` or `kv`."""
    stops_by: ClassVar[str]
    """`duration` or `requests`: which of the two a Load for it must give."""
    duration_step_s: ClassVar[float | None]
    """It can be told multiples of this only; None for one that stops by requests."""

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Say what this host lacks to run it."""
        ...

    def command(self, load: Load) -> Sequence[str]:
        """Give the argument list that makes `load`."""
        ...

    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read its output. Raises LoadError when it cannot be read."""
        ...


def needs(program: str, remedy: str) -> Sequence[MissingRequirement]:
    """Say what is lacking when `program` is not installed."""
    found = shutil.which(program) is not None
    return () if found else (MissingRequirement(what=f"{program} is not installed", remedy=remedy),)


def even_threads(connections: int, most: int) -> int:
    """Give the largest number of threads, at most `most`, that divides `connections` evenly.

    wrk gives every thread `connections / threads` rounded down: 100 connections on 3 threads would
    be 99, and no load generator's threads should bear unequal loads.
    """
    return next(n for n in range(min(connections, most), 0, -1) if connections % n == 0)
