# SPDX-License-Identifier: Apache-2.0
"""Turns a search for the minimum memory into a window, with everything that was tried."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from featherbench.files import canonical_json, digest
from featherbench.measuring.memory import memory_metrics
from featherbench.measuring.min_memory.search import AmountOutcome
from featherbench.measuring.min_memory.trial import resumed_search, search_minimum
from featherbench.measuring.window import Moment, build_window
from featherbench.system.fingerprint import fingerprint
from featherbench.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.contracts.bench import Bench
    from featherbench.measuring.min_memory.search import Rules, Search
    from featherbench.measuring.min_memory.trial import Trial
    from featherbench.records.cell import Measure, Window


def minimum_memory_window(
    bench: Bench, service: str, index: int, trial: Trial, rules: Rules
) -> Window:
    """Search, from where an interrupted run stopped, and return the minimum memory in MiB."""
    file = bench.logs / f"search_{service}_{index}.json"
    started = Moment.now()
    resumed = resumed_search(file, subject=_subject(bench, service), rules=rules)
    search = search_minimum(trial, resumed, file=file)
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
        if known := [amount for amount in amounts_bytes if amount is not None]:
            yield metrics[name].measure(statistics.median(known) / MIB)
    for name, starts in (("minimum", attempts), ("reference", search.reference)):
        rate = statistics.fmean(attempt.requests_per_s for attempt in starts)
        yield metrics[f"{name}_throughput"].measure(rate)
