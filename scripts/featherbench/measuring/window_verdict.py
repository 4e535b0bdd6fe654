# SPDX-License-Identifier: Apache-2.0
"""Judges a single window: from what is known of it to a verdict with reasons.

`statistics/diagnostics/screening.py` finds what only a comparison of windows shows. Every reason
begins with a keyword that stays the same, so that reasons can be counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from featherbench.records.cell import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MINIMUM_CLOCK_TICKS = 1000
"""A window of a thousand ticks of its clock is timed to 0.1 %, less than any effect of interest."""
IDLE_SERVER_CPU_S = 0.01
MANY_ANSWERS = 10_000
"""No server sends as many within one tick of CPU time: another program on that port sent them."""
CLIENT_SATURATED_FRACTION = 0.95
"""A client this busy cannot send more; the rest is its start and its end."""
SERVER_SATURATED_FRACTION = 0.90
"""A server this busy was the limit itself, even if the client was at its own limit as well. It is
lower than the client's, because part of a server's work (interrupts) is not accounted to it."""
STEAL_FRACTION = 0.01
"""More than 1 % of a CPU taken by the hypervisor is as large as the effects to be measured."""
DURATION_DEVIATION_FRACTION = 0.10
"""A tenth more or less than requested: the load generator was delayed, or gave up."""
DURATION_GRACE_S = 0.15
"""wrk reads its clock every 100 ms only, so it may run that much longer by design."""
CLOCK_STEP_S = 1e-3
"""A wall clock that moved this much against the monotonic one was set, not merely disciplined."""


@dataclass(frozen=True, kw_only=True)
class WindowFacts:
    """What is known of a window; the defaults raise no suspicion.

    `minimum_s` is the shortest duration that the workload allows, `requested_s` the requested one.
    `client_busy_fraction` is of all CPUs of the client, `client_threads_busy_fraction` of the
    threads of the load generator; `server_busy_fraction` is of the CPUs that the server can use.
    `steal_fraction` is of the CPU with the most stolen time. `answered` counts successful
    responses. `shared_cores` are the CPUs of each core of which client and server use different
    threads. `clock_step_s` is how far the wall clock moved against the monotonic one.
    """

    failures: Mapping[str, int] = field(default_factory=dict)
    answered: int | None = None
    duration_s: float | None = None
    minimum_s: float = 0.0
    requested_s: float | None = None
    clock_tick_s: float = 0.0
    server_cpu_s: float | None = None
    client_busy_fraction: float | None = None
    client_threads_busy_fraction: float | None = None
    server_busy_fraction: float | None = None
    steal_fraction: float = 0.0
    throttled_s: float = 0.0
    swapped_pages: int = 0
    shared_cpus: Sequence[int] = ()
    shared_cores: Sequence[Sequence[int]] = ()
    loopback: bool = False
    clock_step_s: float = 0.0


def window_verdict(facts: WindowFacts) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict and all reasons for it, those that make it invalid first."""
    invalid, suspect = tuple(_invalidating(facts)), tuple(_raising_suspicion(facts))
    verdict = Verdict.INVALID if invalid else Verdict.SUSPECT if suspect else Verdict.OK
    return verdict, invalid + suspect


def _invalidating(facts: WindowFacts) -> Iterator[str]:
    """Yield the reasons why a window is invalid."""
    kinds = [f"{count} {kind}" for kind, count in sorted(facts.failures.items()) if count]
    if kinds:
        yield f"failures: {', '.join(kinds)}"
    if facts.answered == 0:
        yield "no answer: not one successful response arrived"
    idle = facts.server_cpu_s is not None and facts.server_cpu_s < IDLE_SERVER_CPU_S
    if idle and (facts.answered or 0) >= MANY_ANSWERS:
        yield f"server idle: {facts.answered} answers, but the instance used no CPU time"
    if facts.duration_s is not None and facts.duration_s < facts.minimum_s:
        yield f"too short: {facts.duration_s:.3g} s, of at least {facts.minimum_s:.3g} s"
    if facts.duration_s is not None and (
        facts.duration_s < MINIMUM_CLOCK_TICKS * facts.clock_tick_s
    ):
        yield (
            f"clock too coarse: {facts.duration_s:.3g} s are fewer than {MINIMUM_CLOCK_TICKS} "
            f"ticks of {facts.clock_tick_s:g} s"
        )
    if abs(facts.clock_step_s) > CLOCK_STEP_S:
        yield f"clock stepped: the wall clock moved by {facts.clock_step_s * 1e3:.3g} ms"


def _raising_suspicion(facts: WindowFacts) -> Iterator[str]:
    """Yield the reasons why a window is suspect."""
    busy = max(facts.client_busy_fraction or 0.0, facts.client_threads_busy_fraction or 0.0)
    server = facts.server_busy_fraction
    if busy >= CLIENT_SATURATED_FRACTION and (server or 0.0) < SERVER_SATURATED_FRACTION:
        server_busy = "perhaps less" if server is None else f"{server:.0%}"
        yield f"client saturated: it was {busy:.0%} busy, the server {server_busy}"
    if facts.steal_fraction > STEAL_FRACTION:
        yield f"steal: the hypervisor took {facts.steal_fraction:.1%} of a CPU"
    if facts.throttled_s > 0:
        yield f"throttled: the CPU limit held the server back for {facts.throttled_s:.3g} s"
    if facts.swapped_pages > 0:
        yield f"swap: the machine moved {facts.swapped_pages} pages from or to swap"
    if facts.shared_cpus:
        cpus = ", ".join(map(str, facts.shared_cpus))
        yield f"shared CPUs: client and server both run on CPU {cpus}"
    if facts.shared_cores:
        cores = "; ".join("CPU " + ", ".join(map(str, core)) for core in facts.shared_cores)
        yield f"shared core: client and server run on threads of the same core ({cores})"
    if facts.loopback:
        yield "loopback: the client shares the server's network stack"
    if facts.requested_s is not None and facts.duration_s is not None:
        allowed_s = max(DURATION_DEVIATION_FRACTION * facts.requested_s, DURATION_GRACE_S)
        if abs(facts.duration_s - facts.requested_s) > allowed_s:
            yield f"duration off: {facts.duration_s:.3g} s instead of {facts.requested_s:.3g} s"
