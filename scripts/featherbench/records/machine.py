# SPDX-License-Identifier: Apache-2.0
"""The record of a machine: `results/machine.json`."""

from enum import StrEnum

from featherbench.records.base import Count, Record


class Judgement(StrEnum):
    """What a property of the machine means for a measurement.

    `missing`: a run fails; `noisy`: it is measured less well; `unknown`: it cannot be read here.
    """

    OK = "ok"
    UNKNOWN = "unknown"
    NOISY = "noisy"
    MISSING = "missing"


class CheckResult(Record):
    """The result of a check of one property of the machine, with advice if it is not ok."""

    name: str
    judgement: Judgement
    value: str
    advice: str = ""


class MachineRecord(Record):
    """The machine, its software, and what measured; None where the value is not known."""

    fingerprint: str
    recorded_utc: str
    cpu_model: str | None
    cpu_count: Count | None
    microcode: str | None
    governors: tuple[str, ...]
    turbo: bool | None
    smt: bool | None
    idle_states_us: dict[str, int]
    mitigations: dict[str, str]
    memory_mib: Count | None
    transparent_huge_pages: str | None
    clock_source: str | None
    virtualization: str
    operating_system: str | None
    kernel: str | None
    cgroup_version: str | None
    sysctls: dict[str, str]
    tools: dict[str, str]
    technologies: dict[str, dict[str, str]]
    python: str
    libraries: dict[str, str]
    git_commit: str | None
    git_dirty: bool | None
    findings: tuple[CheckResult, ...]
