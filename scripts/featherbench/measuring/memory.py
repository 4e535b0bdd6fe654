# SPDX-License-Identifier: Apache-2.0
"""Reads how much memory a server holds: at rest, and while it bears load."""

from __future__ import annotations

import statistics
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.errors import DeadlineError, LoadError, UnavailableError
from featherbench.measuring.load_runner import OVERDUE_FACTOR, OVERDUE_S
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.load_generator import Load, LoadResult
    from featherbench.records.cell import Usage

READ_EVERY_S = 0.1
STEADY_READINGS = 3
STEADY_FRACTION = 0.01
SETTLES_WITHIN_S = 5.0


def held_bytes(usage: Usage) -> int:
    """Give the working set, or all that it holds where the platform cannot tell them apart.

    Raises UnavailableError when the platform tells neither.
    """
    for amount in (usage.memory_working_set_bytes, usage.memory_current_bytes):
        if amount is not None:
            return amount
    raise UnavailableError(
        f"the platform does not tell the memory of an instance ({usage.source})",
        remedy="take the platform out of the workload `memory`",
    )


def settled(bench: Bench) -> Usage:
    """Give the usage at rest: once it has been steady, or after SETTLES_WITHIN_S seconds."""
    readings: list[Usage] = []

    def steady() -> bool:
        readings.append(bench.technology.usage(bench.under_test))
        return is_steady([held_bytes(usage) for usage in readings])

    with suppress(DeadlineError):  # one that never rests is read as it is
        wait_until(steady, what="rest", within_s=SETTLES_WITHIN_S, every_s=READ_EVERY_S)
    return readings[-1]


def is_steady(amounts_bytes: Sequence[int]) -> bool:
    """Whether the last readings differ by at most STEADY_FRACTION."""
    last = amounts_bytes[-STEADY_READINGS:]
    return len(last) == STEADY_READINGS and max(last) - min(last) <= STEADY_FRACTION * max(last)


def typical_bytes(amounts_bytes: Iterable[int | None]) -> float | None:
    """Give the median of what was told; None when nothing was."""
    told = [amount for amount in amounts_bytes if amount is not None]
    return statistics.median(told) if told else None


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What was read while a load ran, at least once, and what became of the load."""

    command: tuple[str, ...]
    readings: tuple[Usage, ...]
    result: LoadResult


def under_load(bench: Bench, service: str, load: Load, *, expected_s: float) -> Loaded:
    """Make `load`, and read the usage again and again meanwhile.

    Raises InstanceDiedError when the server does not survive it, LoadError when the load cannot be
    made.
    """
    argv = bench.client.command(bench.load_generators[service].command(load))
    output = bench.logs / f"{bench.under_test.id}-load.log"
    readings: list[Usage] = []
    process = subprocesses.start(subprocesses.with_parent_death_signal(argv), output=output)

    def ended() -> bool:
        if process.poll() is None or not readings:
            readings.append(bench.technology.usage(bench.under_test))
        return process.poll() is not None

    try:
        within_s = OVERDUE_FACTOR * expected_s + OVERDUE_S
        wait_until(ended, what=f"end of `{argv[0]}`", within_s=within_s, every_s=READ_EVERY_S)
    except DeadlineError as late:
        raise LoadError(late.message, remedy="see whether the server still answers") from late
    finally:
        process.kill()
        process.wait()
    bench.require_running()
    result = bench.load_generators[service].parse(output.read_text(errors="replace"), "", load)
    return Loaded(command=tuple(argv), readings=tuple(readings), result=result)
