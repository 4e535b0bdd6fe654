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
"""The same for every deployment, because its cells come in random order."""

MINIMUM_FRACTION = {"duration": 0.9, "requests": 0.5}
"""A load shorter than this share of the request is too short. A load of a fixed count is the
shorter the faster the server is: a higher limit would discard the best windows."""

OVERDUE_FACTOR = 4
OVERDUE_S = 30.0
"""A run is aborted after four times its expected duration plus this: redis-benchmark would wait
forever for a server that refuses connections."""

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
    pipeline: int = 1,
    value_bytes: int = 3,
) -> Load:
    """Return a load of the instance under test, without an end; see `sized`."""
    return Load(
        endpoint=bench.under_test.endpoint,
        connections=connections,
        threads=even_threads(connections, len(bench.client.cpus)),
        operation=operation,
        path=path,
        pipeline=pipeline,
        value_bytes=value_bytes,
    )


def run_load(bench: Bench, service: str, load: Load, *, expected_s: float) -> LoadRun:
    """Make `load` once.

    Raise InstanceDiedError if the server did not survive it, LoadError if the load generator failed
    although the server is alive.
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
        raise LoadError(failed.message, remedy="check whether the server still answers") from failed
    bench.require_running()
    result = generator.parse(completed.stdout, completed.stderr, load)
    if completed.exit_status != 0 and not result.failures:
        raise LoadError(
            f"`{' '.join(completed.argv)}` ended with status {completed.exit_status}: "
            f"{completed.tail}"
        )
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
