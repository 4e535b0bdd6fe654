# SPDX-License-Identifier: Apache-2.0
"""Windows of load: each observed, turned into a record, and judged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from featherbench.measuring.load_runner import LoadRun, least_s, rescaled, run_load
from featherbench.measuring.machine_counters import between, circumstances, snapshot
from featherbench.measuring.window_verdict import LEAST_CLOCK_TICKS, judge
from featherbench.records.cell import Measure, Window
from featherbench.records.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.load_generator import Load
    from featherbench.measuring.machine_counters import Observed
    from featherbench.measuring.window_verdict import Facts


LATENCY_STATISTICS = ("mean", "p50", "p90", "p95", "p99", "max")


def load_metrics(
    prefix: str, *, service: str, panel: str, operation: str = ""
) -> tuple[Metric, ...]:
    """Return the metrics of a load: throughput, latencies, and the transfer rate."""

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
            label=f"{panel} {aspect}" if main else name.replace("_", " "),
            panel=panel if main else "",
            operation=operation,
            statistic=statistic,
        )

    return (
        metric("throughput", "requests/s", "higher"),
        *(metric("latency", "us", "lower", statistic) for statistic in LATENCY_STATISTICS),
        metric("transfer", "bytes/s", "higher"),
    )


def no_failures() -> Mapping[str, int]:
    """Count nothing: for servers that keep no count of their own failures."""
    return {}


@dataclass(kw_only=True)
class Series:
    """The windows of one metric of one cell, taken one after the other.

    `load` has its end already, see `load_run.sized`; `prefix` begins the metrics' names.
    `server_failures` reads counters of the server, by kind, of what went wrong since its start.
    """

    bench: Bench
    service: str
    prefix: str
    load: Load
    window_s: float
    server_failures: Callable[[], Mapping[str, int]] = no_failures
    windows: list[Window] = field(default_factory=list)
    may_resize: bool = True

    def take(self) -> None:
        """Take a window.

        When a counted load ends too early, the count is wrong: it is corrected, once, and another
        window is taken; the short one stays, as invalid. Too early it is also for its clock.
        """
        window = self._take()
        least_s = max(self._least_s, LEAST_CLOCK_TICKS * window.notes["clock_tick_s"])
        if self.load.requests and self.may_resize and window.duration_s < least_s:
            self.may_resize = False
            self.load = rescaled(self.load, window.duration_s, self.window_s)
            self._take()

    @property
    def _expected_s(self) -> float:
        return self.load.duration_s or self.window_s

    @property
    def _least_s(self) -> float:
        return least_s(self.bench, self.service, self.load, window_s=self.window_s)

    def _take(self) -> Window:
        failed_before = self.server_failures()
        before = snapshot(self.bench)
        run = run_load(self.bench, self.service, self.load, expected_s=self._expected_s)
        observed = between(before, snapshot(self.bench), self.bench)
        failed = {
            kind: count - failed_before[kind] for kind, count in self.server_failures().items()
        }
        failures = {kind: n for kind, n in {**run.result.failures, **failed}.items() if n}
        self.windows.append(self._window(run, observed, failures))
        return self.windows[-1]

    def _window(self, run: LoadRun, observed: Observed, failures: Mapping[str, int]) -> Window:
        facts = self._facts(run, observed, failures)
        verdict, reasons = judge(facts)
        return Window(
            index=len(self.windows) + 1,
            metric=f"{self.prefix}_throughput",
            value=run.result.requests_per_s,
            unit="requests/s",
            secondary=tuple(_secondary(self.prefix, run)),
            started_utc=observed.started_utc,
            started_monotonic_s=observed.started_monotonic_s,
            duration_s=run.result.duration_s,
            requests=run.result.requests,
            failures=dict(failures),
            client_cpu_s=run.completed.cpu_s,
            client_cpus=len(self.bench.client.cpus),
            client_busy_fraction=observed.client_busy_fraction,
            server_cpu_s=observed.server_cpu_s,
            server_cpus=len(self.bench.placement.cpus),
            server_busy_fraction=facts.server_busy_fraction,
            command=run.completed.argv,
            notes={
                "threads": run.threads,
                "clock_tick_s": run.result.clock_tick_s,
                "server_cpus_busy_fraction": observed.server_busy_fraction,
            },
            verdict=verdict,
            reasons=reasons,
        )

    def _facts(self, run: LoadRun, observed: Observed, failures: Mapping[str, int]) -> Facts:
        result = run.result
        return replace(
            circumstances(observed, self.bench),
            failures=failures,
            answered=result.requests,
            duration_s=result.duration_s,
            least_s=self._least_s,
            requested_s=run.load.duration_s,
            clock_tick_s=result.clock_tick_s,
            server_cpu_s=observed.server_cpu_s,
            client_busy_fraction=observed.client_busy_fraction,
            client_threads_busy_fraction=run.completed.cpu_s / (run.threads * result.duration_s),
            server_busy_fraction=_server_busy_fraction(observed, result.duration_s),
        )


def _server_busy_fraction(observed: Observed, duration_s: float) -> float | None:
    """Give how busy the server was, of what it can use.

    That is one CPU: nginx has one worker and Redis one thread. Work that the kernel does for it
    outside any process shows on the CPU that is busiest.
    """
    own = None if observed.server_cpu_s is None else observed.server_cpu_s / duration_s
    known = [f for f in (own, observed.server_busiest_fraction) if f is not None]
    return max(known, default=None)


def _secondary(prefix: str, run: LoadRun) -> list[Measure]:
    measures = [
        Measure(metric=f"{prefix}_latency_{statistic}", value=value, unit="us")
        for statistic, value in run.result.latency_us.items()
    ]
    if run.result.transferred_bytes is not None:
        rate = run.result.transferred_bytes / run.result.duration_s
        measures.append(Measure(metric=f"{prefix}_transfer", value=rate, unit="bytes/s"))
    return measures
