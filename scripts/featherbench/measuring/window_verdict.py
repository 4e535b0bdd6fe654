# SPDX-License-Identifier: Apache-2.0
"""Judges a single window: from what is known of it to a verdict with reasons.

`statistics/diagnostics/screening.py` finds what only a comparison of windows shows. Every reason
begins with a keyword that stays the same, so that reasons can be counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from featherbench.records.cell import Verdict

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
COUNTED_DEVIATION_FRACTION = 0.5
"""Half as long again as the trial of a counted load predicts; a trial's rate is less accurate."""
CLOCKS_DIFFER_FRACTION, CLOCKS_DIFFER_S = 0.10, 0.5
"""The load generator's start and its connections are in featherbench's time, not in its own."""
LATE_FRACTION = 0.05
"""Of the window, for which the load generator did not run and the server perhaps had no work."""
LATENESS_FRACTION = 0.25
"""Of the latencies of an open loop, for which the load generator itself may be late (p99 of both).
A quiet machine has less than a tenth at 30 % of the server's capacity."""
SHORT_FRACTION, SHORT_REQUESTS = 0.02, 5
"""Of the requests that were due in a window at a rate, those in flight at its end are not missed:
by Little's law 2 % at a latency of 2 % of the window, and in a small window a few."""
CLOCK_STEP_S = 1e-3
"""A wall clock that moved this much against the monotonic one was set, not merely disciplined."""
OTHERS_FRACTION = 0.10
"""Of the CPUs of one side. In quiet windows of two seconds up to 0.07 were seen: the ticks by which
the kernel counts are coarse, and its own threads count as others."""
OTHERS_BEFORE_FRACTION = 0.25
"""Part of an earlier instance's end may fall into the pause."""
MEMORY_STALL_FRACTION = 0.01
"""Of the window, for which some program waited for memory; quiet windows have none."""
MAJOR_FAULTS = 10
"""As many of a server's pages may be read from a disk, such as parts of a program not used yet."""

FAULTS = frozenset(
    {
        "server idle",
        "too short",
        "clock too coarse",
        "clock stepped",
        "held up",
        "changed",
        "wrong content",
    }
)
"""Keywords of the reasons for an invalid window that no load explains, as failures may."""


@dataclass(frozen=True, kw_only=True)
class WindowFacts:
    """What is known of a window; the defaults raise no suspicion.

    `minimum_s` is the shortest duration that the workload allows, `requested_s` the requested one.
    `client_busy_fraction` is of all CPUs of the client, `client_threads_busy_fraction` of the
    threads of the load generator; `server_busy_fraction` is of the CPUs that the server can use.
    `steal_fraction` is of the CPU with the most stolen time. `answered` counts successful
    responses. `shared_cores` are the CPUs of each core of which client and server use different
    threads. `clock_step_s` is how far the wall clock moved against the monotonic one.

    `elapsed_s` is the load generator's time by featherbench's monotonic clock, `late_s` for how
    long it did not run by its own, `predicted_s` what a trial predicts for a counted load. In a
    window at a rate, `offered` counts the requests that were due; `lateness_fraction` is by how
    much they were sent late by the load generator's fault, as a fraction of their latencies (p99 of
    both).
    `others_at_server` and `others_at_client` are the CPU time of programs other than the server and
    the client, as a fraction of the CPUs of that side;
    `waited_fraction` is the part of the window for which the server waited for them, and
    `others_before` what they took of the CPUs in a pause before it, if it cannot be known. `held`
    says what was stopped or frozen, `changes` what is not as before, `wrong_content` what was
    served instead of what should be. `memory_stall_fraction` is of the window; `limit_hits` and
    `major_faults` are the server's.
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
    elapsed_s: float | None = None
    late_s: float = 0.0
    lateness_fraction: float = 0.0
    predicted_s: float | None = None
    offered: int | None = None
    others_at_server: float | None = None
    others_at_client: float | None = None
    waited_fraction: float = 0.0
    others_before: float = 0.0
    held: Sequence[str] = ()
    changes: Sequence[str] = ()
    wrong_content: str = ""
    memory_stall_fraction: float = 0.0
    limit_hits: int = 0
    major_faults: int = 0


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
    if facts.held:
        yield f"held up: {'; '.join(facts.held)}"
    if facts.changes:
        yield f"changed: {'; '.join(facts.changes)}"
    if facts.wrong_content:
        yield f"wrong content: {facts.wrong_content}"


def _raising_suspicion(facts: WindowFacts) -> Iterator[str]:
    """Yield the reasons why a window is suspect."""
    busy = max(facts.client_busy_fraction or 0.0, facts.client_threads_busy_fraction or 0.0)
    server = facts.server_busy_fraction
    if busy >= CLIENT_SATURATED_FRACTION and (server or 0.0) < SERVER_SATURATED_FRACTION:
        server_busy = "perhaps less" if server is None else f"{server:.0%}"
        yield f"client saturated: it was {busy:.0%} busy, the server {server_busy}"
    if facts.steal_fraction > STEAL_FRACTION:
        yield f"steal: the hypervisor took {facts.steal_fraction:.1%} of a CPU"
    yield from _others_suspicions(facts)
    if facts.throttled_s > 0:
        yield f"throttled: the CPU limit held the server back for {facts.throttled_s:.3g} s"
    if facts.swapped_pages > 0:
        yield f"swap: the machine moved {facts.swapped_pages} pages from or to swap"
    yield from _memory_suspicions(facts)
    if facts.shared_cpus:
        cpus = ", ".join(map(str, facts.shared_cpus))
        yield f"shared CPUs: client and server both run on CPU {cpus}"
    if facts.shared_cores:
        cores = "; ".join("CPU " + ", ".join(map(str, core)) for core in facts.shared_cores)
        yield f"shared core: client and server run on threads of the same core ({cores})"
    if facts.loopback:
        yield "loopback: the client shares the server's network stack"
    yield from _duration_suspicions(facts)
    if facts.lateness_fraction > LATENESS_FRACTION:
        yield f"late: {facts.lateness_fraction:.0%} of the latency (p99) is the load generator's"
    yield from _rate_suspicions(facts)


def _others_suspicions(facts: WindowFacts) -> Iterator[str]:
    for side, fraction in (("server", facts.others_at_server), ("client", facts.others_at_client)):
        if fraction is not None and fraction > OTHERS_FRACTION:
            yield f"others: other programs took {fraction:.0%} of the {side}'s CPUs"
    if facts.others_before > OTHERS_BEFORE_FRACTION:
        fraction = facts.others_before
        yield f"others: other programs took {fraction:.0%} of the CPUs in the pause before"
    if facts.waited_fraction > OTHERS_FRACTION:
        yield f"others: the server waited {facts.waited_fraction:.0%} of the window for its CPU"


def _memory_suspicions(facts: WindowFacts) -> Iterator[str]:
    if facts.memory_stall_fraction > MEMORY_STALL_FRACTION:
        yield f"memory pressure: programs waited for {facts.memory_stall_fraction:.0%} of the time"
    if facts.limit_hits:
        yield f"memory limit: the server reached it {facts.limit_hits} times"
    if facts.major_faults > MAJOR_FAULTS:
        yield f"page faults: {facts.major_faults} pages of the server were read from a disk"


def is_short_of_rate(offered: int, answered: int) -> bool:
    """Return whether fewer requests were answered than were due at the rate."""
    return offered - answered > max(SHORT_FRACTION * offered, SHORT_REQUESTS)


def _rate_suspicions(facts: WindowFacts) -> Iterator[str]:
    offered, answered, duration_s = facts.offered, facts.answered, facts.duration_s
    if offered is None or answered is None or not duration_s:
        return
    if is_short_of_rate(offered, answered):
        reached, rate = answered / duration_s, offered / duration_s
        yield f"short of the rate: {reached:,.0f} of {rate:,.0f} requests/s"


def _duration_suspicions(facts: WindowFacts) -> Iterator[str]:
    duration_s, elapsed_s, predicted_s = facts.duration_s, facts.elapsed_s, facts.predicted_s
    if duration_s is None:
        return
    if facts.requested_s is not None:
        allowed_s = max(DURATION_DEVIATION_FRACTION * facts.requested_s, DURATION_GRACE_S)
        if abs(duration_s - facts.requested_s) > allowed_s:
            yield f"duration off: {duration_s:.3g} s instead of {facts.requested_s:.3g} s"
    if predicted_s is not None and duration_s > (1 + COUNTED_DEVIATION_FRACTION) * predicted_s:
        yield f"duration off: {duration_s:.3g} s instead of about {predicted_s:.3g} s"
    if facts.late_s > LATE_FRACTION * duration_s:
        yield f"late: the load generator did not run for {facts.late_s * 1e3:.3g} ms"
    if elapsed_s is not None:
        allowed_s = CLOCKS_DIFFER_FRACTION * duration_s + CLOCKS_DIFFER_S
        if abs(elapsed_s - duration_s) > allowed_s:
            yield (
                f"clocks differ: the load took {elapsed_s:.3g} s, and {duration_s:.3g} s by the "
                "load generator's clock"
            )
