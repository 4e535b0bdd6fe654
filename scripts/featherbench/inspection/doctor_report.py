# SPDX-License-Identifier: Apache-2.0
"""What the doctor says in the end, as a record and as a table for a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from featherbench.inspection.available_drivers import Candidate  # noqa: TC001 - pydantic needs it
from featherbench.records.base import Record
from featherbench.records.machine import Finding, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from featherbench.records.requirement import MissingRequirement

COLUMNS = 100
MARKS = {"available": "32", "ok": "32", "noisy": "33", "missing": "31", "unknown": "2"}
"""The ANSI colour of each status."""

STATUS_COLUMNS = max(map(len, MARKS)) + 2


class Checkup(Record):
    """Everything the doctor found."""

    baseline: str
    platforms: tuple[Candidate, ...]
    load_generators: tuple[Candidate, ...]
    machine: tuple[Finding, ...]

    @property
    def can_run(self) -> bool:
        """Whether the baseline can run here, and nothing that a run needs is missing."""
        able = any(p.name == self.baseline and p.available for p in self.platforms)
        return able and all(found.judgement is not Judgement.MISSING for found in self.machine)


def render(checkup: Checkup, *, colour: bool) -> str:
    """Give the tables as text, no line longer than COLUMNS characters."""
    parts = (
        ("Platforms", _candidates(checkup.platforms)),
        ("Load generators", _candidates(checkup.load_generators)),
        ("This machine", _findings(checkup.machine)),
    )
    lines = []
    for title, rows in parts:
        lines += [title, *(_table(tuple(rows), colour=colour) or ["  none"]), ""]
    return "\n".join([*lines, _conclusion(checkup)]) + "\n"


Row = tuple[str, str, tuple[str, ...]]
"""Status, name, and paragraphs."""


def _candidates(candidates: Iterable[Candidate]) -> Iterator[Row]:
    first: dict[tuple[MissingRequirement, ...], str] = {}
    for candidate in candidates:
        missing_requirements = tuple(
            f"{lack.what} → {lack.remedy}" for lack in candidate.missing_requirements
        )
        told = first.setdefault(candidate.missing_requirements, candidate.name)
        again = missing_requirements and told != candidate.name
        status = "missing" if missing_requirements else "available"
        yield status, candidate.name, (f"as {told}",) if again else missing_requirements


def _findings(findings: Iterable[Finding]) -> Iterator[Row]:
    for found in findings:
        advice = (f"→ {found.advice}",) if found.advice else ()
        yield found.judgement.value, found.name, (found.value, *advice)


def _table(rows: tuple[Row, ...], *, colour: bool) -> list[str]:
    names = max((len(name) for _, name, _ in rows), default=0)
    lines = []
    for status, name, paragraphs in rows:
        margin = 2 + STATUS_COLUMNS + names + 2
        wrapped = [
            line for part in paragraphs for line in textwrap.wrap(part, COLUMNS - margin)
        ] or [""]
        head = f"  {_paint(status, colour=colour)}{name:<{names}}  {wrapped[0]}"
        lines += [head.rstrip(), *(" " * margin + line for line in wrapped[1:])]
    return lines


def _paint(status: str, *, colour: bool) -> str:
    padding = " " * (STATUS_COLUMNS - len(status))
    return f"\033[{MARKS[status]}m{status}\033[0m{padding}" if colour else status + padding


def _conclusion(checkup: Checkup) -> str:
    able = sum(platform.available for platform in checkup.platforms)
    noisy = sum(found.judgement is Judgement.NOISY for found in checkup.machine)
    missing = sum(found.judgement is Judgement.MISSING for found in checkup.machine)
    can = "can" if checkup.can_run else "cannot"
    return (
        f"The baseline {checkup.baseline} {can} run here; {able} of {len(checkup.platforms)} "
        f"platforms can. Needed and missing: {missing}; noisy: {noisy}."
    )
