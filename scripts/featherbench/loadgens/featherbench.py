# SPDX-License-Identifier: Apache-2.0
"""featherbench's own: HTTP/1.1 and RESP over warm keep-alive connections, for a given time.

Its program is compiled from `resources/loadgen` when a job needs it. docs/load.md says what it
measures. Properties of its figures:
- A request counts in the rate if its whole response was there before the window's end; its latency
  counts even if it came later.
- Status, length and kind of every response are checked; a failure is in no rate and no latency.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from featherbench.contracts import load_generator
from featherbench.contracts.load_generator import Load, LoadResult
from featherbench.errors import RESULTS_DISK, LoadError
from featherbench.files import folder_digest
from featherbench.paths import resource
from featherbench.records.requirement import MissingRequirement
from featherbench.services.kv import BENCHMARK_KEY
from featherbench.system import programs, subprocesses

SOURCES = resource("loadgen")
FOLDER = Path("results/programs")
COMPILER = {"gcc": "gcc libc6-dev"}
COMPILE = ("gcc", "-std=c11", "-O2", "-static", "-s")
COMPILE_WITHIN_S = 120.0
SPIN_US = 100
"""In an open loop it does not sleep for so long before a request is due: it would wake up late by
some 50 us. SCHED_FIFO is no help: what spins at its priority is held by the kernel for 50 ms in a
second."""
CLOCK_TICK_S = 1e-9
FORMAT = 1
"""Of its output."""
SHOWN_STATISTICS = ("mean", "p50", "p90", "p95", "p99", "p999", "max")


class LoadGenerator(load_generator.LoadGenerator):
    """Runs windows, in a closed or an open loop."""

    program, install = "featherbench-load", "apt-get install gcc libc6-dev"
    services = ("http", "kv")
    duration_step_s = 0.01
    has_rates = True

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return the compiler, if it is missing."""
        return programs.missing(COMPILER)

    def prepare(self) -> None:
        """Compile it, unless it has been compiled from the same sources."""
        program = _path()
        if program.exists():
            return
        program.parent.mkdir(parents=True, exist_ok=True)
        partial = program.with_suffix(f".{os.getpid()}")
        sources = map(str, sorted(SOURCES.glob("*.c")))
        argv = [*COMPILE, "-o", str(partial), *sources, "-lm", "-pthread"]
        failed, remedy = "the load generator cannot be compiled", self.install
        with subprocesses.failure_as(LoadError, failed, remedy=remedy, place=RESULTS_DISK):
            subprocesses.run(argv, timeout_s=COMPILE_WITHIN_S)
        partial.replace(program)

    def command(self, load: Load) -> Sequence[str]:
        """Return the command of a single window."""
        return [*self.session_command([load]), *(f"--{option}" for option in _window(load))]

    def session_command(self, loads: Sequence[Load]) -> Sequence[str]:
        """Return its command; the operations are its kinds of requests."""
        load = loads[0]
        kinds = _http if load.service == "http" else _kv
        cpus = ",".join(map(str, load.cpus[: load.threads]))
        return [
            str(_path()),
            f"--protocol={'http' if load.service == 'http' else 'resp'}",
            f"--address={load.endpoint.address}",
            f"--port={load.endpoint.port}",
            f"--connections={load.connections}",
            f"--depth={load.pipeline}",
            *([f"--cpus={cpus}"] if cpus else []),
            f"--spin={SPIN_US}",
            f"--seed={load.seed}",
            *(f"--line={line}" for each in loads for line in kinds(each)),
        ]

    def window_request(self, load: Load) -> str:
        """Return the line that asks for a window."""
        return " ".join(("window", *_window(load)))

    def parse(self, stdout: str, stderr: str, load: Load) -> LoadResult:
        """Read its line of JSON."""
        try:
            window = json.loads(stdout)
            assert window["format"] == FORMAT
        except (ValueError, TypeError, KeyError, AssertionError):
            raise self.no_result(stdout, stderr) from None
        latency, is_open = window["latency_us"], window["loop"] == "open"
        due = window["sent"] + window["unsent"]
        return LoadResult(
            requests=window["answered"],
            duration_s=window["seconds"],
            clock_tick_s=CLOCK_TICK_S,
            failures=window["failures"],
            latency_us=_statistics(latency),
            transferred_bytes=window["bytes_in"],
            threads=window["threads"],
            late_s=max(window["begin_late_ns"], window["loop_late_ns"]) / 1e9,
            cpu_s=window["cpu_ns"] / 1e9,
            histogram=tuple((least_ns, count) for least_ns, count in latency["buckets"]),
            offered=due if is_open else None,
            unsent=window["unsent"],
            waited=window["waited"],
            lateness_us=_statistics(window["lateness_us"]) if is_open else {},
        )


def _path() -> Path:
    return (FOLDER / f"featherbench-load-{folder_digest(SOURCES)[:12]}").absolute()


def _window(load: Load) -> list[str]:
    """Return the options of a window."""
    assert load.duration_s is not None, "it stops by duration"
    rate = load.rate_per_s
    loop = [] if rate is None else [f"rate={rate:.9g}", f"arrivals={load.arrivals}"]
    return [f"seconds={load.duration_s:g}", f"only={load.operation}", *loop]


def _statistics(times_us: Mapping[str, float]) -> dict[str, float]:
    return {name: times_us[name] for name in SHOWN_STATISTICS if name in times_us}


def _http(load: Load) -> list[str]:
    length = [] if load.response_bytes is None else [f"length {load.response_bytes}"]
    return [_kind(load), f"method {load.operation}", f"path {load.path}", *length]


def _kind(load: Load) -> str:
    return f"request {load.operation} 1"


def _kv(load: Load) -> list[str]:
    key = [_kind(load), f"argument {load.operation}", f"argument {BENCHMARK_KEY}"]
    if load.operation == "SET":
        return [*key, f"value {load.value_bytes}"]
    return [*key, f"length {load.value_bytes}"]
