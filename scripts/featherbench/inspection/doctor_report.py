# SPDX-License-Identifier: Apache-2.0
"""The doctor's report: what this machine can run, as a record and as tables for a terminal."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from featherbench import registry
from featherbench.contracts.technology import Technology
from featherbench.records.base import Record
from featherbench.records.machine import CheckResult, Judgement
from featherbench.records.plan import Plan
from featherbench.records.requirement import MissingRequirement

NO_IMAGE = MissingRequirement(
    what="there is no image of it",
    remedy="describe one in the platform's settings, `images`: see docs/unikernels.md",
)
COLUMNS = 100
MARKS = {"available": "32", "ok": "32", "noisy": "33", "missing": "31", "unknown": "2"}
"""The ANSI colour of each status."""

STATUS_COLUMNS = max(map(len, MARKS)) + 2


class DriverAvailability(Record):
    """A platform or a load generator, and what this machine lacks to run it."""

    name: str
    missing_requirements: tuple[MissingRequirement, ...]

    @property
    def available(self) -> bool:
        """Whether this machine can run it."""
        return not self.missing_requirements


class DoctorReport(Record):
    """What this machine can run, and the results of all checks."""

    baseline: str
    platforms: tuple[DriverAvailability, ...]
    load_generators: tuple[DriverAvailability, ...]
    machine: tuple[CheckResult, ...]

    @property
    def can_run(self) -> bool:
        """Whether the baseline can run here, and nothing that a run needs is missing."""
        runnable = any(p.name == self.baseline and p.available for p in self.platforms)
        return runnable and all(r.judgement is not Judgement.MISSING for r in self.machine)


def _availability(name: str, missing: Iterable[MissingRequirement]) -> DriverAvailability:
    return DriverAvailability(name=name, missing_requirements=tuple(missing))


def platforms(
    folders: Sequence[str] = (),
    plan: Plan | None = None,
    tried: Mapping[str, Sequence[MissingRequirement]] | None = None,
) -> tuple[DriverAvailability, ...]:
    """Return every technology on every hypervisor that can run it, and the platforms of `plan`.

    `tried` is what platforms lack by their try-outs.
    """
    hypervisors = plan.config.get("hypervisors", {}) if plan else {}
    drivers = {
        driver.name: driver
        if driver.missing_requirements
        else _availability(driver.name, (tried or {}).get(driver.name, ()))
        for driver in _drivers(folders, hypervisors)
    }
    for planned in plan.platforms if plan else ():
        name = f"{planned.technology}-{planned.hypervisor}"
        drivers[name] = _availability(name, planned.missing_requirements)
    return tuple(drivers.values())


def _drivers(
    folders: Sequence[str], hypervisor_settings: Mapping[str, Any]
) -> Iterator[DriverAvailability]:
    for technology in sorted(registry.driver_files("technologies", folders)):
        for hypervisor in sorted(registry.driver_files("hypervisors", folders)):
            settings = hypervisor_settings.get(hypervisor, {})
            if platform := registry.platform(technology, hypervisor, folders, settings):
                missing = platform.missing_requirements() or _missing_images(platform)
                yield _availability(f"{technology}-{hypervisor}", missing)


def _missing_images(platform: Technology) -> Sequence[MissingRequirement]:
    """Return why no image is available, if the user must bring them and none is."""
    images = platform.available_images(platform.Settings())
    if images is None or not all(images.values()):
        return ()
    return next(iter(images.values()), [NO_IMAGE])[:1]


def load_generators(folders: Sequence[str] = ()) -> tuple[DriverAvailability, ...]:
    """Return every load generator."""
    return tuple(
        _availability(name, registry.load("loadgens", name, folders).missing_requirements())
        for name in sorted(registry.driver_files("loadgens", folders))
    )


def render(report: DoctorReport, *, colour: bool) -> str:
    """Return the tables as text, with no line longer than COLUMNS characters."""
    parts = (
        ("Platforms", _driver_rows(report.platforms)),
        ("Load generators", _driver_rows(report.load_generators)),
        ("This machine", _results(report.machine)),
    )
    lines = []
    for title, rows in parts:
        lines += [title, *(_table(tuple(rows), colour=colour) or ["  none"]), ""]
    return "\n".join([*lines, _conclusion(report)]) + "\n"


Row = tuple[str, str, tuple[str, ...]]
"""Status, name, and paragraphs."""


def _driver_rows(drivers: Iterable[DriverAvailability]) -> Iterator[Row]:
    """Yield the rows of drivers; the same missing requirements are spelt out once."""
    first: dict[tuple[MissingRequirement, ...], str] = {}
    for driver in drivers:
        missing = tuple(f"{r.what} → {r.remedy}" for r in driver.missing_requirements)
        same_as = first.setdefault(driver.missing_requirements, driver.name)
        repeated = missing and same_as != driver.name
        status = "missing" if missing else "available"
        yield status, driver.name, (f"as {same_as}",) if repeated else missing


def _results(results: Iterable[CheckResult]) -> Iterator[Row]:
    for result in results:
        advice = (f"→ {result.advice}",) if result.advice else ()
        yield result.judgement.value, result.name, (result.value, *advice)


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


def _conclusion(report: DoctorReport) -> str:
    runnable = sum(platform.available for platform in report.platforms)
    noisy = sum(result.judgement is Judgement.NOISY for result in report.machine)
    missing = sum(result.judgement is Judgement.MISSING for result in report.machine)
    can = "can" if report.can_run else "cannot"
    return (
        f"The baseline {report.baseline} {can} run here; {runnable} of {len(report.platforms)} "
        f"platforms can. Needed and missing: {missing}; noisy: {noisy}."
    )
