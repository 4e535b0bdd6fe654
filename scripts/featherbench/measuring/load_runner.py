# SPDX-License-Identifier: Apache-2.0
"""Runs a load generator once at the client, and finds how many requests fill a window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from featherbench.contracts.load_generator import Load, even_threads
from featherbench.errors import CommandError, LoadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.load_generator import LoadResult
    from featherbench.system.subprocesses import Completed

WARM_UP_CONNECTIONS = 50
"""For every deployment alike, since its cells come in random order."""

LEAST_FRACTION = {"duration": 0.9, "requests": 0.5}
"""A load shorter than this share of what was asked for is too short. A load of a fixed count is the
shorter the faster the server is, so a high bar would throw away just the best windows."""

OVERDUE_FACTOR = 4
OVERDUE_S = 30.0
"""A run is given up after four times its expected duration and this: redis-benchmark would wait for
ever for a server that refuses connections."""

LEAST_TRIAL_S = 0.2
"""A shorter trial tells little about the rate: it is mostly start, and few ticks of the clock."""
FIRST_TRIAL_REQUESTS = 1_000
MOST_GROWTH = 20
"""A trial's rate may be ten times off at first; growing in bounded steps never overshoots far."""


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


def http_load(bench: Bench, connections: int, path: str) -> Load:
    """Give the load of GETs of `path`; how long it lasts is still open."""
    return Load(
        endpoint=bench.under_test.endpoint,
        connections=connections,
        threads=even_threads(connections, len(bench.client.cpus)),
        operation="GET",
        path=path,
    )


def kv_load(
    bench: Bench, connections: int, operation: str, *, pipeline: int, value_bytes: int
) -> Load:
    """Give the load of GETs or SETs; how long it lasts is still open."""
    return Load(
        endpoint=bench.under_test.endpoint,
        connections=connections,
        threads=even_threads(connections, len(bench.client.cpus)),
        operation=operation,
        pipeline=pipeline,
        value_bytes=value_bytes,
    )


def run_load(bench: Bench, service: str, load: Load, *, expected_s: float) -> LoadRun:
    """Make `load` once.

    Raises InstanceDiedError when the server did not survive it, LoadError when the load generator
    failed although the server lives.
    """
    generator = bench.load_generators[service]
    try:
        completed = bench.client.run(
            generator.command(load),
            timeout_s=OVERDUE_FACTOR * expected_s + OVERDUE_S,
            check=False,
        )
    except CommandError as failed:
        bench.require_running()
        raise LoadError(failed.message, remedy="see whether the server still answers") from failed
    bench.require_running()
    return LoadRun(load=load, completed=completed, result=_read(bench, service, load, completed))


def _read(bench: Bench, service: str, load: Load, completed: Completed) -> LoadResult:
    result = bench.load_generators[service].parse(completed.stdout, completed.stderr, load)
    if completed.exit_status != 0 and not result.failures:
        raise LoadError(
            f"`{' '.join(completed.argv)}` ended with status {completed.exit_status}: "
            f"{completed.tail}"
        )
    return result


def sized(bench: Bench, service: str, load: Load, *, window_s: float) -> Load:
    """Give `load` an end, so that it lasts about `window_s` seconds.

    A load generator that takes whole seconds only lasts longer; for one that counts requests, trial
    runs find out how many that are.
    """
    generator = bench.load_generators[service]
    if generator.stops_by == "duration":
        return replace(load, duration_s=rounded_up(window_s, generator.duration_step_s))
    requests = FIRST_TRIAL_REQUESTS
    while True:
        trial = run_load(bench, service, _counted(load, requests), expected_s=LEAST_TRIAL_S)
        if trial.result.duration_s >= LEAST_TRIAL_S:
            return rescaled(trial.load, trial.result.duration_s, window_s)
        requests = grown(requests, trial.result.duration_s)


def rounded_up(duration_s: float, step_s: float | None) -> float:
    """Give the least multiple of `step_s` that is no shorter; None: any duration will do."""
    if step_s is None:
        return duration_s
    steps = duration_s / step_s
    nearest = round(steps)
    return step_s * (nearest if math.isclose(steps, nearest) and nearest else math.ceil(steps))


def least_s(bench: Bench, service: str, load: Load, *, window_s: float) -> float:
    """Give the shortest that `load` may last, of which about `window_s` seconds were wanted."""
    return LEAST_FRACTION[bench.load_generators[service].stops_by] * (load.duration_s or window_s)


def warm_up(bench: Bench, service: str, load: Load, *, duration_s: float) -> Mapping[str, object]:
    """Make `load` for about that long, and say what load it was; nothing for 0 seconds."""
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
    """Give the count of the next trial: for twice the least duration, within bounds."""
    growth = 2 * LEAST_TRIAL_S / max(took_s, LEAST_TRIAL_S / MOST_GROWTH)
    return round(requests * min(max(growth, 2), MOST_GROWTH))


def rescaled(load: Load, took_s: float, wanted_s: float) -> Load:
    """Give `load`, whose requests took `took_s` seconds, the count for `wanted_s` seconds."""
    assert load.requests is not None
    return _counted(load, load.requests * wanted_s / took_s)


def _counted(load: Load, requests: float) -> Load:
    """Round the count up so that each connection gets as many, in whole pipelines."""
    share = load.connections * load.pipeline
    return replace(load, requests=share * max(1, -int(-requests // share)))
