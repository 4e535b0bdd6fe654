# SPDX-License-Identifier: Apache-2.0
"""Reads how much memory a server holds, at rest and under load, and declares the metrics of it."""

import statistics
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from featherbench.contracts.bench import Bench
from featherbench.contracts.load_generator import Load, LoadResult
from featherbench.errors import DeadlineError, LoadError, UnavailableError
from featherbench.measuring.load_windows import OVERDUE_FACTOR, OVERDUE_S
from featherbench.measuring.window import Collector
from featherbench.records.cell import Measure, Metric, Usage
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until
from featherbench.units import MIB

READ_EVERY_S = 0.1
STEADY_READINGS = 3
STEADY_FRACTION = 0.01
SETTLES_WITHIN_S = 5.0
LABELS = {
    "load": "memory of {service} under load",
    "minimum": "minimum memory that suffices for {service}",
    "idle": "memory of {service} at rest",
    "guest_used": "memory used in the guest, with the minimum for {service}",
    "hypervisor": "memory of the hypervisor, with the minimum for {service}",
    **dict.fromkeys(("peak", "load_anonymous", "idle_anonymous", "load_file", "idle_file"), ""),
}
"""By statistic; without a label, a metric is called by its name."""
THROUGHPUT_LABELS = {
    "minimum": "throughput of {service} with the minimum memory",
    "reference": "throughput of {service} with reference memory",
}
PANELS = {"load": "memory, {service} under load", "minimum": "memory, minimum for {service}"}
SERVICE_PANELS = {"http": "http", "kv": "key-value", "startup": "startup"}


def memory_metrics(service: str) -> dict[str, Metric]:
    """Return the metrics of a service's memory: the keys of LABELS, and `<amount>_throughput`."""
    return {
        statistic + suffix: Metric(
            name=f"memory_{service}_{statistic}{suffix}",
            service=service,
            aspect=f"memory{suffix}",
            unit="requests/s" if suffix else "MiB",
            better="higher" if suffix else "lower",
            label=label.format(service=service),
            panel=""
            if suffix
            else PANELS.get(statistic, "").format(service=SERVICE_PANELS[service]),
            statistic=statistic,
        )
        for suffix, labels in (("", LABELS), ("_throughput", THROUGHPUT_LABELS))
        for statistic, label in labels.items()
    }


class PeakMemory(Collector):
    """Peak memory of the instance: since the beginning if `was_reset`, else since its start."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self.was_reset = False

    def begin(self, bench: Bench) -> None:
        """Reset the peak, if the platform can."""
        self.was_reset = bench.technology.reset_peak(bench.under_test)

    def end(self, bench: Bench) -> Sequence[Measure]:
        """Return the peak, if the platform counts it."""
        peak_bytes = bench.technology.usage(bench.under_test).memory_peak_bytes
        return () if peak_bytes is None else (self._metric.measure(peak_bytes / MIB),)


def held_bytes(usage: Usage) -> int:
    """Return the working set, or all memory if the platform does not separate them.

    Raise UnavailableError if the platform counts neither.
    """
    for amount_bytes in (usage.memory_working_set_bytes, usage.memory_current_bytes):
        if amount_bytes is not None:
            return amount_bytes
    raise UnavailableError(
        f"the platform does not count the memory of an instance ({usage.source})",
        remedy="remove the platform from the workload `memory`",
    )


def settled(bench: Bench) -> Usage:
    """Return the usage at rest: once it is steady, or after SETTLES_WITHIN_S seconds."""
    readings: list[Usage] = []

    def steady() -> bool:
        readings.append(bench.technology.usage(bench.under_test))
        return is_steady([held_bytes(usage) for usage in readings])

    with suppress(DeadlineError):  # if it never rests, the last reading counts
        wait_until(steady, what="rest", within_s=SETTLES_WITHIN_S, every_s=READ_EVERY_S)
    return readings[-1]


def is_steady(amounts_bytes: Sequence[int]) -> bool:
    """Return whether the last readings differ by at most STEADY_FRACTION."""
    last = amounts_bytes[-STEADY_READINGS:]
    return len(last) == STEADY_READINGS and max(last) - min(last) <= STEADY_FRACTION * max(last)


def typical_bytes(amounts_bytes: Iterable[int | None]) -> float | None:
    """Return the median of the known amounts; None if none is known."""
    known = [amount for amount in amounts_bytes if amount is not None]
    return statistics.median(known) if known else None


@dataclass(frozen=True, kw_only=True)
class LoadedMemory:
    """What was read while a load ran, at least once, and the load's result."""

    command: tuple[str, ...]
    readings: tuple[Usage, ...]
    result: LoadResult
    elapsed_s: float


def under_load(bench: Bench, service: str, load: Load, *, expected_s: float) -> LoadedMemory:
    """Make `load`, and read the usage repeatedly while it runs.

    Raise InstanceDiedError if the server does not survive it, LoadError if the load cannot be made.
    """
    argv = bench.client.command(bench.load_generators[service].command(load))
    output = bench.logs / f"{bench.under_test.id}-load.log"
    readings: list[Usage] = []
    began_s = time.monotonic()
    process = subprocesses.start(subprocesses.with_parent_death_signal(argv), output=output)

    def ended() -> bool:
        if process.poll() is None or not readings:
            readings.append(bench.technology.usage(bench.under_test))
        return process.poll() is not None

    try:
        within_s = OVERDUE_FACTOR * expected_s + OVERDUE_S
        wait_until(ended, what=f"end of `{argv[0]}`", within_s=within_s, every_s=READ_EVERY_S)
    except DeadlineError as late:
        raise LoadError(late.message, remedy="check whether the server still answers") from late
    finally:
        process.kill()
        process.wait()
    elapsed_s = time.monotonic() - began_s
    bench.require_running()
    result = bench.load_generators[service].parse(
        output.read_text(encoding="utf-8", errors="replace"), "", load
    )
    command = tuple(argv)
    return LoadedMemory(
        command=command, readings=tuple(readings), result=result, elapsed_s=elapsed_s
    )
