# SPDX-License-Identifier: Apache-2.0
"""What a load generator driver must implement: a command, and how to read its output.

One file per load generator. Its name is its name in the configuration; its class is always called
`LoadGenerator` and derives from `LoadGenerator` below. `command` and `parse` are pure: featherbench
runs the command at the client, once for each window. A load generator that can be kept open for all
windows of a cell also implements `session_command` and `window_request`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from featherbench.errors import LoadError
from featherbench.records.instance import Endpoint
from featherbench.records.requirement import MissingRequirement
from featherbench.system import programs
from featherbench.system.programs import Versions

SHOWN_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True)
class Load:
    """The load to make. Exactly one of `duration_s` and `requests` is set.

    `operation` is `GET` for http, `GET` or `SET` for kv. `path` and `response_bytes` (of the body;
    None: not known) are for http; `pipeline` (requests in flight per connection) and `value_bytes`
    are for kv. `threads` is the maximum; `cpus` are the client's, to which it is confined.

    With `rate_per_s`, the loop is open: requests are due at that rate, at random times (`poisson`)
    or evenly (`constant`), and only a load generator with `has_rates` is asked for it. Without, it
    is closed. `seed` decides the random times.
    """

    endpoint: Endpoint
    connections: int
    threads: int
    operation: str
    service: str = "http"
    cpus: tuple[int, ...] = ()
    duration_s: float | None = None
    requests: int | None = None
    path: str = "/"
    response_bytes: int | None = None
    pipeline: int = 1
    value_bytes: int = 3
    rate_per_s: float | None = None
    arrivals: Literal["poisson", "constant"] = "poisson"
    seed: int = 1

    @property
    def url(self) -> str:
        """What an HTTP load generator requests."""
        return f"http://{self.endpoint.address}:{self.endpoint.port}{self.path}"


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """What a load generator reports of one run.

    `duration_s` is by its own clock, of resolution `clock_tick_s`. `requests` counts successful
    responses only; `failures` counts the others by kind. `latency_us` maps `mean`, `p50`, `p90`,
    `p95`, `p99`, `p999` and `max` to microseconds, as far as they are reported. `transferred_bytes`
    is None if it is not reported. `threads` made the load; None: as many as the Load allows.
    `late_s` is the longest time for which one of them did not run when it should have, as far as
    the load generator knows. `cpu_s` is the CPU time that it used, which one that is kept open must
    report.

    `histogram` has the latencies behind `latency_us`: the least ns and the count of each bucket
    that is not empty, in ascending order; see docs/load.md. An open loop reports how many requests
    were due (`offered`), how many of them were never sent (`unsent`) or not at once for lack of a
    free connection (`waited`), and quantiles of its own `lateness_us`.
    """

    requests: int
    duration_s: float
    clock_tick_s: float
    failures: Mapping[str, int] = field(default_factory=dict)
    latency_us: Mapping[str, float] = field(default_factory=dict)
    transferred_bytes: int | None = None
    threads: int | None = None
    late_s: float = 0.0
    cpu_s: float | None = None
    histogram: tuple[tuple[int, int], ...] = ()
    offered: int | None = None
    unsent: int = 0
    waited: int = 0
    lateness_us: Mapping[str, float] = field(default_factory=dict)

    @property
    def requests_per_s(self) -> float:
        """Successful responses per second."""
        return self.requests / self.duration_s


class LoadGenerator(ABC):
    """A program that loads a service. A driver must name it and implement two methods."""

    program: str
    """The program's name."""
    install: str
    """How to install it."""
    services: tuple[str, ...] = ("http",)
    """The services whose protocols it speaks: of `http` and `kv`."""
    versions: Versions | None = None
    """The versions that `parse` was tested with; None: unknown."""
    duration_step_s: float | None = None
    """It takes multiples of this duration; None: it takes a count of requests instead."""
    shortest_window_s: float = 0.0
    """Shorter windows have too few ticks of its clock."""
    has_rates: bool = False
    """Whether it can make an open loop."""

    @property
    def stops_by(self) -> Literal["duration", "requests"]:
        """Which of the two a Load for it must set."""
        return "requests" if self.duration_step_s is None else "duration"

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return what this machine lacks to run it."""
        missing = programs.missing_program(self.program, self.install)
        return missing or (self.versions.unreadable(self.install) if self.versions else ())

    def prepare(self) -> None:
        """Make what its command needs, before any load. Raise LoadError."""

    @abstractmethod
    def command(self, load: Load) -> Sequence[str]:
        """Return the argument list that makes `load`."""

    def session_command(self, loads: Sequence[Load]) -> Sequence[str] | None:
        """Return the argument list that keeps connections open for windows of any of these loads.

        They differ in operation, duration and rate only. None: it runs once for each window. The
        program answers each line of its standard input with one line, and ends with its input.
        """
        return None

    def window_request(self, load: Load) -> str:
        """Return the line that asks a session for a window; `parse` reads the answer."""
        raise NotImplementedError

    @abstractmethod
    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read its output. Raise LoadError if there is no result in it."""

    def no_result(self, stdout: str, stderr: str) -> LoadError:
        """Return the error to raise if the output has no result."""
        output = (stderr.strip() or stdout.strip())[-SHOWN_CHARACTERS:]
        return LoadError(f"{self.program} printed no result; its output: {output}")


def even_threads(connections: int, most: int) -> int:
    """Return the largest number of threads, at most `most`, that divides `connections` evenly.

    wrk gives every thread `connections / threads` rounded down: 100 connections on 3 threads would
    be 99. No load generator's threads should have unequal loads.
    """
    return next(n for n in range(min(connections, most), 0, -1) if connections % n == 0)
