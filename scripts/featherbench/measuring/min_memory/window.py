# SPDX-License-Identifier: Apache-2.0
"""Turns a search for the least memory into a window, with all that was tried on the way."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from featherbench.clock import now_utc
from featherbench.files import canonical_json, digest
from featherbench.measuring.min_memory.search import Outcome
from featherbench.measuring.min_memory.trial import begun_search, search_least
from featherbench.records.cell import Measure, Verdict, Window
from featherbench.system.fingerprint import fingerprint
from featherbench.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.contracts.bench import Bench
    from featherbench.measuring.min_memory.search import Attempt, Rules, Search
    from featherbench.measuring.min_memory.trial import Trial


def least_memory_window(
    bench: Bench, service: str, index: int, trial: Trial, rules: Rules
) -> Window:
    """Search, from where a broken run left off, and give the least memory in MiB."""
    file = bench.logs / f"search_{service}_{index}.json"
    started_utc, began_s = now_utc(), time.monotonic()
    begun = begun_search(file, subject=_subject(bench, service), rules=rules)
    search = search_least(trial, begun, file=file)
    reasons = tuple(_reasons(search))
    return Window(
        index=index,
        metric=f"memory_{service}_minimum",
        value=float(search.least_mib),
        unit="MiB",
        secondary=tuple(_secondary(service, search)),
        started_utc=started_utc,
        started_monotonic_s=began_s,
        duration_s=time.monotonic() - began_s,
        notes={
            "search": search.model_dump(mode="json"),
            "resumed_after": len(begun.attempts),
            "outcomes": {str(size): search.outcome(size) for size in _sizes(search)},
        },
        verdict=Verdict.SUSPECT if reasons else Verdict.OK,
        reasons=reasons,
    )


def _subject(bench: Bench, service: str) -> str:
    """Tell searches apart: what is started, how it is loaded, here and in which host."""
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


def _sizes(search: Search) -> list[int]:
    return sorted({each.memory_mib for each in search.attempts})


def _reasons(search: Search) -> Iterator[str]:
    below = search.next_below
    if below is not None and below[1] is Outcome.NOT_SHOWN:
        yield (
            f"margin not shown: {below[0]} MiB may suffice as well, but its throughput scatters "
            f"too much to show it with {len(search.at(below[0]))} starts"
        )
    yield from dict.fromkeys(
        doubt for each in search.attempts for doubt in each.doubts if not each.failure
    )


def _secondary(service: str, search: Search) -> Iterator[Measure]:
    """Tell what is really used with the least memory: by the hypervisor, and inside the guest."""
    attempts = [each for each in search.at(search.least_mib) if not each.failure]
    for name, amounts in (
        ("hypervisor", [each.used_bytes for each in attempts]),
        ("guest_used", [each.guest_used_bytes for each in attempts]),
    ):
        if told := [amount for amount in amounts if amount is not None]:
            value = statistics.median(told) / MIB
            yield Measure(metric=f"memory_{service}_{name}", value=value, unit="MiB")
    yield from _throughputs(service, attempts, search.ample)


def _throughputs(service: str, least: list[Attempt], ample: list[Attempt]) -> Iterator[Measure]:
    for name, attempts in (("minimum", least), ("reference", ample)):
        value = statistics.fmean(each.requests_per_s for each in attempts)
        yield Measure(metric=f"memory_{service}_{name}_throughput", value=value, unit="requests/s")
