# SPDX-License-Identifier: Apache-2.0
"""Starts an instance again and again with more or less memory, and keeps a record to go on from."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from featherbench.errors import FeatherbenchError, InstanceError, MachineSilentError
from featherbench.measuring.load_runner import sized
from featherbench.measuring.min_memory.search import Attempt, Search
from featherbench.measuring.window_series import Series
from featherbench.records.cell import Verdict
from featherbench.services import launcher, ping
from featherbench.services.readiness import READY_WITHIN_S, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.load_generator import Load
    from featherbench.measuring.min_memory.search import Rules
    from featherbench.records.cell import Window

PATIENCE = 4
"""One that needs this many times as long as with ample memory to answer is taken to hang."""
LEAST_PATIENCE_S = 10.0
MOST_WINDOWS = 3
"""A window that is invalid though the instance answered all of it is taken again, twice."""
REASON_CHARACTERS = 600
PINGS = 200
"""The load of an instance that serves nothing."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How an attempt is made: `load` gives the load for a running instance of `app`.

    `verify` raises when the wrong thing is served.
    """

    bench: Bench
    service: str
    load: Callable[[Bench], Load]
    load_s: float
    verify: Callable[[Bench], str]


def begun_search(file: Path, *, subject: str, rules: Rules) -> Search:
    """Read the search that was broken off, if it is the same one; else begin one."""
    with suppress(FileNotFoundError, ValidationError):
        found = Search.read(file)
        if (found.subject, found.rules) == (subject, rules):
            return found
    return Search(subject=subject, rules=rules)


def search_least(trial: Trial, search: Search, *, file: Path) -> Search:
    """Go on with a search to its end; `file` keeps it meanwhile.

    Raises InstanceError when the instance does not serve even with ample memory.
    """
    while (memory_mib := search.next_mib()) is not None:
        is_ample = memory_mib == search.rules.reference_mib
        attempt = (_ample_attempt if is_ample else _attempt)(trial, search, memory_mib)
        search = search.after(attempt)
        search.write(file)
    file.unlink(missing_ok=True)
    return search


def _ample_attempt(trial: Trial, search: Search, memory_mib: int) -> Attempt:
    """Start with ample memory, which must serve: one failure may be chance, and is a doubt then."""
    first = _attempt(trial, search, memory_mib)
    if not first.failure:
        return first
    second = _attempt(trial, search, memory_mib)
    if second.failure:
        raise InstanceError(
            f"{trial.bench.coordinates.platform} fails with ample memory, {memory_mib} MiB: "
            f"{second.failure}",
            remedy="raise the workload's setting reference_mib, or see why it does not serve",
        )
    doubt = f"a start with ample memory failed before: {first.failure}"
    return second.model_copy(update={"doubts": (*second.doubts, doubt)})


def _patience_s(search: Search) -> float:
    known = [each.ready_after_s for each in search.ample if each.ready_after_s is not None]
    return max(LEAST_PATIENCE_S, PATIENCE * max(known)) if known else READY_WITHIN_S


def _attempt(trial: Trial, search: Search, memory_mib: int) -> Attempt:
    """Start with that much memory, load, stop; what goes wrong with the instance is a result.

    What goes wrong with its host is none, and is raised.
    """
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
        wait_until_ready(running, within_s=_patience_s(search))
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
        return _echoed(bench, memory_mib, ready_after_s=ready_after_s)
    bench.apply_runtime_settings()
    load = sized(bench, trial.service, trial.load(bench), window_s=trial.load_s)
    series = Series(
        bench=bench, service=trial.service, prefix=trial.service, load=load, window_s=trial.load_s
    )
    series.take()
    while _is_no_fault_of_the_instance(series.windows[-1]) and len(series.windows) < MOST_WINDOWS:
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
        doubts=() if invalid else window.reasons,
    )


def _echoed(bench: Bench, memory_mib: int, *, ready_after_s: float) -> Attempt:
    """Judge an instance that serves nothing by whether it answers every ping, or not."""
    rate = ping.lossless_pings_per_s(bench, PINGS)
    bench.require_running()
    return Attempt(
        memory_mib=memory_mib,
        requests_per_s=rate,
        failure="" if rate else "pings were lost",
        ready_after_s=ready_after_s,
        used_bytes=bench.technology.usage(bench.under_test).memory_current_bytes,
    )


def _is_no_fault_of_the_instance(window: Window) -> bool:
    """Whether a window is invalid though all was answered: too short for its clock, for example."""
    return window.verdict is Verdict.INVALID and not window.failures and bool(window.requests)


def _failed(memory_mib: int, failure: FeatherbenchError) -> Attempt:
    reason = f"{type(failure).__name__}: {failure.message}"[:REASON_CHARACTERS]
    return Attempt(memory_mib=memory_mib, requests_per_s=0.0, failure=reason)
