# SPDX-License-Identifier: Apache-2.0
"""Windows of load of one metric: each is observed, judged and recorded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from featherbench.measuring.load_runner import LoadRun, minimum_s, rescaled, run_load
from featherbench.measuring.window import Observation
from featherbench.measuring.window_verdict import MINIMUM_CLOCK_TICKS
from featherbench.records.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.load_generator import Load
    from featherbench.measuring.window_verdict import WindowFacts
    from featherbench.records.cell import Measure, Window

LATENCY_STATISTICS = ("mean", "p50", "p90", "p95", "p99", "max")


def load_metrics(
    prefix: str, *, service: str, panel: str = "", operation: str = ""
) -> dict[str, Metric]:
    """Return the metrics of a load: `throughput`, `latency_<statistic>` and `transfer`."""

    def metric(
        aspect: str, unit: str, better: Literal["higher", "lower"], statistic: str = ""
    ) -> Metric:
        name = "_".join(filter(None, (prefix, aspect, statistic)))
        main = aspect == "throughput"
        return Metric(
            name=name,
            service=service,
            aspect=aspect,
            unit=unit,
            better=better,
            label=f"{panel} {aspect}" if main else "",
            panel=panel if main else "",
            operation=operation,
            statistic=statistic,
        )

    return {
        "throughput": metric("throughput", "requests/s", "higher"),
        **{
            f"latency_{name}": metric("latency", "us", "lower", name) for name in LATENCY_STATISTICS
        },
        "transfer": metric("transfer", "bytes/s", "higher"),
    }


def no_failures() -> Mapping[str, int]:
    """Count nothing: for servers that do not count their own failures."""
    return {}


@dataclass(kw_only=True)
class WindowSeries:
    """The windows of one cell's metric, taken one after the other.

    `load` has an end, see `load_runner.sized`; `metrics` are those of `load_metrics`.
    `server_failures` reads the server's own counts of failures since its start, by kind.
    """

    bench: Bench
    service: str
    metrics: Mapping[str, Metric]
    load: Load
    window_s: float
    server_failures: Callable[[], Mapping[str, int]] = no_failures
    windows: list[Window] = field(default_factory=list)
    may_resize: bool = True

    def take(self) -> None:
        """Take a window.

        If a counted load ends too early (for the workload or for its own clock), the count is
        wrong. It is corrected, once, and another window is taken; the short one stays, as invalid.
        """
        window = self._take()
        shortest_s = max(self._minimum_s, MINIMUM_CLOCK_TICKS * window.notes["clock_tick_s"])
        if self.load.requests and self.may_resize and window.duration_s < shortest_s:
            self.may_resize = False
            self.load = rescaled(self.load, window.duration_s, self.window_s)
            self._take()

    @property
    def _minimum_s(self) -> float:
        return minimum_s(self.bench, self.service, self.load, window_s=self.window_s)

    def _take(self) -> Window:
        expected_s = self.load.duration_s or self.window_s
        failed_before = self.server_failures()
        with Observation(self.bench) as observation:
            run = run_load(self.bench, self.service, self.load, expected_s=expected_s)
        failed = {
            kind: count - failed_before[kind] for kind, count in self.server_failures().items()
        }
        failures = {kind: n for kind, n in {**run.result.failures, **failed}.items() if n}
        window = observation.window(
            self.metrics["throughput"],
            run.result.requests_per_s,
            index=len(self.windows) + 1,
            duration_s=run.result.duration_s,
            facts=self._facts(run, observation, failures),
            secondary=self._secondary(run),
            client_cpu_s=run.completed.cpu_s,
            client_cpus=len(self.bench.client.cpus),
            command=run.completed.argv,
            notes={
                "threads": run.threads,
                "clock_tick_s": run.result.clock_tick_s,
                "server_cpus_busy_fraction": observation.machine.server_busy_fraction,
            },
        )
        self.windows.append(window)
        return window

    def _facts(
        self, run: LoadRun, observation: Observation, failures: Mapping[str, int]
    ) -> WindowFacts:
        result = run.result
        return replace(
            observation.facts,
            failures=failures,
            answered=result.requests,
            duration_s=result.duration_s,
            minimum_s=self._minimum_s,
            requested_s=run.load.duration_s,
            clock_tick_s=result.clock_tick_s,
            server_cpu_s=observation.usage.cpu_s,
            client_busy_fraction=observation.machine.client_busy_fraction,
            client_threads_busy_fraction=run.completed.cpu_s / (run.threads * result.duration_s),
            server_busy_fraction=_server_busy_fraction(observation, result.duration_s),
        )

    def _secondary(self, run: LoadRun) -> Iterator[Measure]:
        for statistic, value_us in run.result.latency_us.items():
            yield self.metrics[f"latency_{statistic}"].measure(value_us)
        if run.result.transferred_bytes is not None:
            rate = run.result.transferred_bytes / run.result.duration_s
            yield self.metrics["transfer"].measure(rate)


def _server_busy_fraction(observation: Observation, duration_s: float) -> float | None:
    """Return how busy the server was, of the one CPU that it can use.

    nginx has one worker and Redis one thread. What the kernel does for the server outside any
    process is visible on the busiest CPU.
    """
    cpu_s = observation.usage.cpu_s
    instance = None if cpu_s is None else cpu_s / duration_s
    fractions = (instance, observation.machine.server_busiest_fraction)
    return max((fraction for fraction in fractions if fraction is not None), default=None)
