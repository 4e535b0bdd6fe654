# SPDX-License-Identifier: Apache-2.0
"""Measures the minimum memory: starts an instance repeatedly with more or less of it.

A search is resumed from its file; its window has everything that was tried.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from featherbench.contracts.bench import Bench
from featherbench.contracts.load_generator import Load
from featherbench.errors import FeatherbenchError, InstanceError, MachineSilentError
from featherbench.files import canonical_json, digest
from featherbench.measuring.load_windows import WindowSeries, load_metrics, opened, sized
from featherbench.measuring.memory import memory_metrics, typical_bytes
from featherbench.measuring.min_memory_search import AmountOutcome, Attempt, Rules, Search
from featherbench.measuring.window import Moment, build_window
from featherbench.records.cell import Measure, Verdict, Window
from featherbench.services import launcher, ping
from featherbench.services.readiness import READY_WITHIN_S, wait_until_ready
from featherbench.system.fingerprint import fingerprint
from featherbench.units import MIB

BOOT_TIMEOUT_FACTOR = 4
"""An instance that takes this many times as long as with reference memory to answer has failed."""
MINIMUM_BOOT_TIMEOUT_S = 10.0
MAXIMUM_WINDOWS = 3
"""A window that is invalid although the instance answered everything is taken again, twice."""
REASON_CHARACTERS = 600
PINGS = 200
"""The load of an instance that serves nothing."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How an attempt is made: `load` returns an instance's load, `verify` raises if it is wrong."""

    bench: Bench
    service: str
    load: Callable[[Bench], Load]
    load_s: float
    verify: Callable[[Bench], str]


def minimum_memory_window(trial: Trial, rules: Rules, *, index: int) -> Window:
    """Search, from where an interrupted run stopped, and return the minimum memory in MiB."""
    service, started = trial.service, Moment.now()
    file = trial.bench.logs / f"search_{service}_{index}.json"
    resumed = _resumed_search(file, subject=_subject(trial.bench, service), rules=rules)
    search = _search_minimum(trial, resumed, file=file)
    sizes_mib = sorted({attempt.memory_mib for attempt in search.attempts})
    return build_window(
        memory_metrics(service)["minimum"],
        float(search.minimum_mib),
        index=index,
        started=started,
        duration_s=time.monotonic() - started.monotonic_s,
        issues=tuple(_issues(search)),
        secondary=_secondary(service, search),
        notes={
            "search": search.model_dump(mode="json"),
            "resumed_after": len(resumed.attempts),
            "outcomes": {str(size_mib): search.outcome(size_mib) for size_mib in sizes_mib},
        },
    )


def _subject(bench: Bench, service: str) -> str:
    """Return what distinguishes searches: what is started and loaded, on which machine."""
    facts = {
        "coordinates": bench.coordinates.model_dump(),
        "image": bench.images[service].digest,
        "technology_settings": bench.technology_settings.model_dump(mode="json"),
        "settings": bench.settings.model_dump(mode="json"),
        "cpus": [list(bench.placement.cpus), list(bench.client.cpus)],
        "machine": fingerprint(),
        "with_runner": dict(bench.technology.facts()),
    }
    return digest(canonical_json(facts).encode())


def _issues(search: Search) -> Iterator[str]:
    below = search.next_below
    if below is not None and below[1] is AmountOutcome.NOT_SHOWN:
        yield (
            f"margin not shown: {below[0]} MiB may suffice as well, but its throughput scatters "
            f"too much to show it with {len(search.at(below[0]))} starts"
        )
    yield from dict.fromkeys(
        issue for attempt in search.attempts for issue in attempt.issues if not attempt.failure
    )


def _secondary(service: str, search: Search) -> Iterator[Measure]:
    """Yield what the hypervisor and the guest use with the minimum, and the two throughputs."""
    metrics = memory_metrics(service)
    attempts = [attempt for attempt in search.at(search.minimum_mib) if not attempt.failure]
    for name, amounts_bytes in (
        ("hypervisor", [attempt.used_bytes for attempt in attempts]),
        ("guest_used", [attempt.guest_used_bytes for attempt in attempts]),
    ):
        if (amount_bytes := typical_bytes(amounts_bytes)) is not None:
            yield metrics[name].measure(amount_bytes / MIB)
    for name, starts in (("minimum", attempts), ("reference", search.reference)):
        rate = fmean(attempt.requests_per_s for attempt in starts)
        yield metrics[f"{name}_throughput"].measure(rate)


def _resumed_search(file: Path, *, subject: str, rules: Rules) -> Search:
    """Return the interrupted search in `file` if it is the same one; otherwise a new one."""
    search = Search.read_valid(file)
    if search and (search.subject, search.rules) == (subject, rules):
        return search
    return Search(subject=subject, rules=rules)


def _search_minimum(trial: Trial, search: Search, *, file: Path) -> Search:
    """Continue a search to its end, saving it in `file` after each attempt.

    Raise InstanceError if the instance does not serve even with reference memory.
    """
    while (memory_mib := search.next_mib()) is not None:
        is_reference = memory_mib == search.rules.reference_mib
        attempt = (_reference_attempt if is_reference else _attempt)(trial, search, memory_mib)
        search = search.after(attempt)
        search.write(file)
    file.unlink(missing_ok=True)
    return search


def _reference_attempt(trial: Trial, search: Search, memory_mib: int) -> Attempt:
    """Start with reference memory, which must serve; one failure may be chance: a quality issue."""
    first = _attempt(trial, search, memory_mib)
    if not first.failure:
        return first
    second = _attempt(trial, search, memory_mib)
    if second.failure:
        raise InstanceError(
            f"{trial.bench.coordinates.platform} fails with reference memory, {memory_mib} MiB: "
            f"{second.failure}",
            remedy="raise the workload's setting reference_mib, or find out why it does not serve",
        )
    issue = f"a start with reference memory failed before: {first.failure}"
    return second.model_copy(update={"issues": (*second.issues, issue)})


def _boot_timeout_s(search: Search) -> float:
    known_s = [attempt.ready_after_s for attempt in search.reference if attempt.ready_after_s]
    if not known_s:
        return READY_WITHIN_S
    return max(MINIMUM_BOOT_TIMEOUT_S, BOOT_TIMEOUT_FACTOR * max(known_s))


def _attempt(trial: Trial, search: Search, memory_mib: int) -> Attempt:
    """Start with that much memory, load, stop. Raise failures of the machine alone."""
    bench, service = trial.bench, trial.service
    request = launcher.request_to_stay(bench, service, memory_mib=memory_mib)
    bench.technology.prepare(request)
    try:
        began_s = time.monotonic()
        instance = bench.technology.start(request)
    except MachineSilentError:
        raise
    except InstanceError as failure:
        return _failed(memory_mib, failure)
    running = bench.with_instance(instance)
    try:
        wait_until_ready(running, within_s=_boot_timeout_s(search))
        return _served(trial, running, memory_mib, ready_after_s=time.monotonic() - began_s)
    except MachineSilentError:
        raise
    except FeatherbenchError as failure:
        return _failed(memory_mib, failure)
    finally:
        bench.technology.stop(instance)


def _served(trial: Trial, bench: Bench, memory_mib: int, *, ready_after_s: float) -> Attempt:
    trial.verify(bench)
    if trial.service not in launcher.PORTS:
        return _pinged(bench, memory_mib, ready_after_s=ready_after_s)
    bench.apply_runtime_settings()
    load = sized(bench, trial.service, trial.load(bench), window_s=trial.load_s)
    with opened(bench, trial.service, [load]) as generator:
        series = WindowSeries(
            bench=bench,
            service=trial.service,
            metrics=load_metrics(trial.service, service=trial.service),
            load=load,
            window_s=trial.load_s,
            session=generator,
            verify=trial.verify,
        )
        series.take()
        while len(series.windows) < MAXIMUM_WINDOWS and _invalid_without_failure(
            series.windows[-1]
        ):
            series.take()
    window, usage = series.windows[-1], bench.technology.usage(bench.under_test)
    invalid = window.verdict is Verdict.INVALID
    return Attempt(
        memory_mib=memory_mib,
        requests_per_s=0.0 if invalid else window.value,
        failure="; ".join(window.reasons) if invalid else "",
        ready_after_s=ready_after_s,
        used_bytes=usage.memory_current_bytes,
        guest_used_bytes=usage.guest_used_bytes,
        issues=() if invalid else window.reasons,
    )


def _pinged(bench: Bench, memory_mib: int, *, ready_after_s: float) -> Attempt:
    """Test whether an instance that serves nothing answers every ping."""
    rate = ping.lossless_pings_per_s(bench, PINGS)
    bench.require_running()
    return Attempt(
        memory_mib=memory_mib,
        requests_per_s=rate,
        failure="" if rate else "pings were lost",
        ready_after_s=ready_after_s,
        used_bytes=bench.technology.usage(bench.under_test).memory_current_bytes,
    )


def _invalid_without_failure(window: Window) -> bool:
    """Return whether a window is invalid although everything was answered: too short, say."""
    return window.verdict is Verdict.INVALID and not window.failures and bool(window.requests)


def _failed(memory_mib: int, failure: FeatherbenchError) -> Attempt:
    reason = f"{type(failure).__name__}: {failure.message}"[:REASON_CHARACTERS]
    return Attempt(memory_mib=memory_mib, requests_per_s=0.0, failure=reason)
