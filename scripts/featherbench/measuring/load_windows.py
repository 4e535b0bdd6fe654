# SPDX-License-Identifier: Apache-2.0
"""Windows of load of one metric: each is observed, judged and recorded.

A load generator is kept open at the client for all of them, if it can, or runs once for each. For
one that stops by a count of requests, trials find how many fill a window.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from featherbench.contracts.bench import Bench
from featherbench.contracts.load_generator import Load, LoadResult, even_threads
from featherbench.errors import CommandError, LoadError
from featherbench.measuring.window import EnergyUse, Observation
from featherbench.measuring.window_verdict import MINIMUM_CLOCK_TICKS, OTHERS_FRACTION, WindowFacts
from featherbench.records.cell import Measure, Metric, Window
from featherbench.records.load_point import Axis
from featherbench.system import energy
from featherbench.system.subprocesses import Completed, Conversation

CPU_PER_REQUEST, ENERGY_PER_REQUEST = "cpu_per_request", "energy_per_request"
LATENCY_STATISTICS = ("mean", "p50", "p90", "p95", "p99", "p999", "max")
WARM_UP_CONNECTIONS = 50
"""The same for every deployment, because its cells come in random order."""

MINIMUM_FRACTION = {"duration": 0.9, "requests": 0.5}
"""A load shorter than this share of the request is too short. A load of a fixed count is the
shorter the faster the server is: a higher limit would discard the best windows."""

OVERDUE_FACTOR = 4
OVERDUE_S = 30.0
"""A run is aborted after four times its expected duration plus this: redis-benchmark would wait
forever for a server that refuses connections."""

OPENING_S = 0.01
"""A window that nobody keeps: after it, the connections of a load generator are open and in use."""

MINIMUM_TRIAL_S = 0.2
"""A shorter trial is mostly start and has few clock ticks: its rate is not accurate."""
FIRST_TRIAL_REQUESTS = 1_000
MAXIMUM_GROWTH = 20
"""A trial's rate may be wrong by a factor of ten at first; bounded steps do not overshoot far."""


@dataclass(frozen=True, kw_only=True)
class LoadRun:
    """One run of a load generator."""

    load: Load
    completed: Completed
    result: LoadResult

    @property
    def threads(self) -> int:
        """How many threads made the load."""
        return self.result.threads or self.load.threads


def load_for(
    bench: Bench,
    connections: int,
    operation: str = "GET",
    *,
    path: str = "/",
    response_bytes: int | None = None,
    pipeline: int = 1,
    value_bytes: int = 3,
) -> Load:
    """Return a load of the instance under test, without an end; see `sized`."""
    return Load(
        endpoint=bench.under_test.endpoint,
        connections=connections,
        threads=even_threads(connections, len(bench.client.cpus)),
        operation=operation,
        service=bench.under_test.service,
        cpus=bench.client.cpus,
        path=path,
        response_bytes=response_bytes,
        pipeline=pipeline,
        value_bytes=value_bytes,
        seed=bench.coordinates.deployment,  # the same times for all platforms of a block
    )


@contextmanager
def opened(bench: Bench, service: str, loads: Sequence[Load]) -> Iterator[Conversation | None]:
    """Keep the load generator open for such loads, with its connections; None if it cannot be."""
    argv = bench.load_generators[service].session_command(loads)
    if argv is None:
        yield None
        return
    with bench.client.converse(argv) as session:
        opening = replace(loads[0], duration_s=OPENING_S)
        run_load(bench, service, opening, expected_s=OPENING_S, session=session)
        yield session


def run_load(
    bench: Bench,
    service: str,
    load: Load,
    *,
    expected_s: float,
    session: Conversation | None = None,
) -> LoadRun:
    """Make `load` once, by the load generator that was `opened` for it, if one was.

    Raise InstanceDiedError if the server did not survive it, LoadError if the load generator failed
    although the server is alive.
    """
    generator, argv = bench.load_generators[service], bench.load_generators[service].command(load)
    within_s = OVERDUE_FACTOR * expected_s + OVERDUE_S
    try:
        if session is None:
            completed = bench.client.run(argv, timeout_s=within_s, check=False)
        else:
            completed = session.ask(generator.window_request(load), timeout_s=within_s)
    except CommandError as failed:
        bench.require_running()
        raise LoadError(failed.message, remedy="check whether the server still answers") from failed
    bench.require_running()
    result = generator.parse(completed.stdout, completed.stderr, load)
    if completed.exit_status != 0 and not result.failures:
        raise LoadError(
            f"`{' '.join(completed.argv)}` ended with status {completed.exit_status}: "
            f"{completed.tail}"
        )
    if session is not None:
        assert result.cpu_s is not None, "one that is kept open reports its CPU time"
        alone = tuple(bench.client.command(argv))
        completed = replace(completed, argv=alone, cpu_s=result.cpu_s)
    return LoadRun(load=load, completed=completed, result=result)


def sized(bench: Bench, service: str, load: Load, *, window_s: float) -> Load:
    """Return `load` with an end, so that it lasts about `window_s` seconds.

    A duration is rounded up to what the load generator can be given; a count of requests is found
    by trial runs.
    """
    generator = bench.load_generators[service]
    if generator.stops_by == "duration":
        return replace(load, duration_s=rounded_up(window_s, generator.duration_step_s))
    requests = FIRST_TRIAL_REQUESTS
    while True:
        trial = run_load(bench, service, _counted(load, requests), expected_s=MINIMUM_TRIAL_S)
        if trial.result.duration_s >= MINIMUM_TRIAL_S:
            return rescaled(trial.load, trial.result.duration_s, window_s)
        requests = grown(requests, trial.result.duration_s)


def rounded_up(duration_s: float, step_s: float | None) -> float:
    """Return the smallest multiple of `step_s` that is not shorter; None: any duration is valid."""
    if step_s is None:
        return duration_s
    steps = duration_s / step_s
    nearest = round(steps)
    return step_s * (nearest if math.isclose(steps, nearest) and nearest else math.ceil(steps))


def minimum_s(bench: Bench, service: str, load: Load, *, window_s: float) -> float:
    """Return the shortest valid duration of `load`, which was to last about `window_s` seconds."""
    fraction = MINIMUM_FRACTION[bench.load_generators[service].stops_by]
    return fraction * (load.duration_s or window_s)


def warm_up(bench: Bench, service: str, load: Load, *, duration_s: float) -> Mapping[str, object]:
    """Make `load` for about `duration_s` seconds, and return what load it was; {} for 0 seconds."""
    if not duration_s:
        return {}
    run = run_load(
        bench, service, sized(bench, service, load, window_s=duration_s), expected_s=duration_s
    )
    return {
        "connections": load.connections,
        "operation": load.operation,
        "requests": run.result.requests,
        "duration_s": run.result.duration_s,
        "failures": dict(run.result.failures),
    }


def grown(requests: int, took_s: float) -> int:
    """Return the next trial's count: for twice the minimum duration, within bounds."""
    growth = 2 * MINIMUM_TRIAL_S / max(took_s, MINIMUM_TRIAL_S / MAXIMUM_GROWTH)
    return round(requests * min(max(growth, 2), MAXIMUM_GROWTH))


def rescaled(load: Load, took_s: float, target_s: float) -> Load:
    """Return `load`, whose requests took `took_s` seconds, with the count for `target_s`."""
    assert load.requests is not None
    return _counted(load, load.requests * target_s / took_s)


def _counted(load: Load, requests: float) -> Load:
    """Round the count up, so that each connection has the same number of whole pipelines."""
    share = load.connections * load.pipeline
    return replace(load, requests=share * max(1, -int(-requests // share)))


def load_metrics(
    prefix: str, *, service: str, panel: str = "", operation: str = "", at_rate: bool = False
) -> dict[str, Metric]:
    """Return the metrics of a load, by aspect and statistic, such as `latency_p99`.

    Those `at_rate`, of an open loop, are metrics of their own, with names such as
    `http_open_latency_p99` and aspects such as `open_latency`: the main one is that latency, and
    `open_throughput` is the rate that was reached of the one that was `open_offered`.
    `cpu_per_request` is the busy time of all CPUs of the server, with what kernel and hypervisor do
    for it; `cpu_per_request_instance` is what is accounted to the instance. `energy_per_request` is
    that of the machine, the client on it included; `…_above_idle` is what it used beyond its idle
    power.
    """
    rows = (
        ("throughput", "requests/s", ""),
        *(("latency", "us", statistic) for statistic in LATENCY_STATISTICS),
        ("transfer", "bytes/s", ""),
        *((CPU_PER_REQUEST, "us", statistic) for statistic in ("", "instance")),
        *((ENERGY_PER_REQUEST, "uJ", statistic) for statistic in ("", "above_idle")),
        *((("offered", "requests/s", ""),) if at_rate else ()),
    )
    main = ("latency", "p99") if at_rate else ("throughput", "")
    shown = {main: panel, (CPU_PER_REQUEST, ""): panel}
    if panel:
        shown[CPU_PER_REQUEST, "instance"] = f"{panel}, instance"
    loop = "open_" if at_rate else ""
    label = f"{panel} latency at a rate (p99)" if at_rate else f"{panel} throughput"
    return {
        f"{aspect}_{statistic}".rstrip("_"): Metric(
            name=f"{prefix}_{loop}{aspect}_{statistic}".rstrip("_"),
            service=service,
            aspect=f"{loop}{aspect}",
            unit=unit,
            better="higher" if aspect in {"throughput", "transfer", "offered"} else "lower",
            label=label if panel and (aspect, statistic) == main else "",
            panel=shown.get((aspect, statistic), ""),
            operation=operation,
            statistic=statistic,
            axis=Axis.RATE if at_rate else Axis.CONNECTIONS,
        )
        for aspect, unit, statistic in rows
    }


def no_failures() -> Mapping[str, int]:
    """Count nothing: for servers that do not count their own failures."""
    return {}


@dataclass(kw_only=True)
class WindowSeries:
    """The windows of one cell's metric, taken one after the other.

    `load` has an end, see `sized`; `metrics` are those of `load_metrics`. `session` is the load
    generator that was `opened` for it; a window's `command` would make the same load by itself.
    `server_failures` reads the server's own counts of failures since its start, by kind; `verify`
    checks after each window what is served. `idle_power_w` is measured before the first window.
    """

    bench: Bench
    service: str
    metrics: Mapping[str, Metric]
    load: Load
    window_s: float
    session: Conversation | None = None
    server_failures: Callable[[], Mapping[str, int]] = no_failures
    verify: Callable[[Bench], object] | None = None
    windows: list[Window] = field(default_factory=list)
    may_resize: bool = True
    idle_power_w: float | None = None

    def take(self) -> None:
        """Take a window.

        If a counted load ends too early (for the workload or for its own clock), the count is
        wrong. It is corrected, once, and another window is taken; the short one stays, as invalid.
        """
        if not self.windows:
            self.idle_power_w = energy.idle_power_w(self.bench.placement.machine)
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
        used = EnergyUse()
        with Observation(self.bench, used, verify=self.verify) as observation:
            run = run_load(
                self.bench, self.service, self.load, expected_s=expected_s, session=self.session
            )
            if self.session is not None:
                observation.own_s += run.completed.cpu_s
        failed = {
            kind: count - failed_before[kind] for kind, count in self.server_failures().items()
        }
        failures = {kind: n for kind, n in {**run.result.failures, **failed}.items() if n}
        main, value = self._main(run.result)
        window = observation.window(
            main,
            value,
            index=len(self.windows) + 1,
            duration_s=run.result.duration_s,
            facts=self._facts(run, observation, failures),
            secondary=(*self._secondary(run), *self._costs(run, observation, used.spent_j)),
            client_cpu_s=run.completed.cpu_s,
            client_cpus=len(self.bench.client.cpus),
            command=run.completed.argv,
            notes={
                "threads": run.threads,
                "clock_tick_s": run.result.clock_tick_s,
                "server_cpus_busy_fraction": observation.machine.server_busy_fraction,
                "others_at_server": observation.facts.others_at_server,
                "others_at_client": observation.facts.others_at_client,
                "waited_fraction": observation.facts.waited_fraction,
                **_open_loop(run),
            },
            histogram=run.result.histogram,
        )
        self.windows.append(window)
        return window

    def _main(self, result: LoadResult) -> tuple[Metric, float]:
        """Return the main metric and its value: the throughput or, at a rate, the latency."""
        if self.load.rate_per_s is None:
            return self.metrics["throughput"], result.requests_per_s
        return self.metrics["latency_p99"], result.latency_us.get("p99", 0.0)

    def _facts(
        self, run: LoadRun, observation: Observation, failures: Mapping[str, int]
    ) -> WindowFacts:
        result, is_open = run.result, run.load.rate_per_s is not None
        p99_us, late_us = (of.get("p99", 0.0) for of in (result.latency_us, result.lateness_us))
        threads_busy = run.completed.cpu_s / (run.threads * result.duration_s)
        # An open loop is busy while it waits for the time of its next request: that says nothing.
        return replace(
            observation.facts,
            failures=failures,
            answered=result.requests,
            duration_s=result.duration_s,
            minimum_s=self._minimum_s,
            requested_s=run.load.duration_s,
            predicted_s=self.window_s if run.load.requests else None,
            elapsed_s=run.completed.duration_s,
            clock_tick_s=result.clock_tick_s,
            late_s=result.late_s,
            offered=result.offered,
            server_cpu_s=observation.usage.cpu_s,
            lateness_fraction=late_us / p99_us if p99_us else 0.0,
            client_busy_fraction=None if is_open else observation.machine.client_busy_fraction,
            client_threads_busy_fraction=None if is_open else threads_busy,
            server_busy_fraction=_server_busy_fraction(observation, result.duration_s),
        )

    def _secondary(self, run: LoadRun) -> Iterator[Measure]:
        main, _ = self._main(run.result)
        for statistic, value_us in run.result.latency_us.items():
            if (metric := self.metrics[f"latency_{statistic}"]) != main:
                yield metric.measure(value_us)
        if run.result.offered is not None:
            yield self.metrics["offered"].measure(run.result.offered / run.result.duration_s)
            yield self.metrics["throughput"].measure(run.result.requests_per_s)
        if run.result.transferred_bytes is not None:
            rate = run.result.transferred_bytes / run.result.duration_s
            yield self.metrics["transfer"].measure(rate)

    def _costs(
        self, run: LoadRun, observation: Observation, spent_j: float | None
    ) -> Iterator[Measure]:
        """Yield what a request cost; not the server's CPUs, where the client uses them, too."""
        shared = bool(observation.facts.shared_cpus)
        costs = {
            CPU_PER_REQUEST: None if shared else observation.machine.server_busy_s,
            f"{CPU_PER_REQUEST}_instance": observation.usage.cpu_s,
        }
        if spent_j is not None and self.idle_power_w is not None:
            idle_j = self.idle_power_w * observation.elapsed_s
            costs |= {
                ENERGY_PER_REQUEST: spent_j,
                f"{ENERGY_PER_REQUEST}_above_idle": spent_j - idle_j,
            }
        for name, cost in costs.items():
            if cost is not None and run.result.requests:
                yield self.metrics[name].measure(1e6 * cost / run.result.requests)


def _open_loop(run: LoadRun) -> Mapping[str, object]:
    """Return what an open loop says of itself, beside its latencies."""
    result = run.result
    if result.offered is None:
        return {}
    return {
        "rate_per_s": run.load.rate_per_s,
        "arrivals": run.load.arrivals,
        "offered": result.offered,
        "unsent": result.unsent,
        "waited": result.waited,
        "lateness_us": dict(result.lateness_us),
    }


def _server_busy_fraction(observation: Observation, duration_s: float) -> float | None:
    """Return how busy the server was, of the one CPU that it can use.

    nginx has one worker and Redis one thread. What the kernel does for the server outside any
    process is visible on the busiest CPU, unless others are as well.
    """
    cpu_s = observation.usage.cpu_s
    instance = None if cpu_s is None else cpu_s / duration_s
    facts = observation.facts
    if max(facts.others_at_server or 0.0, facts.waited_fraction) > OTHERS_FRACTION:
        return instance
    fractions = (instance, observation.machine.server_busiest_fraction)
    return max((fraction for fraction in fractions if fraction is not None), default=None)
