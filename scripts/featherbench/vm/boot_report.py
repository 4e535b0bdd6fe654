# SPDX-License-Identifier: Apache-2.0
"""What a guest reports as it boots: lines of `name:value`, on a serial port or its console."""

import re
from collections.abc import Mapping
from pathlib import Path

from featherbench.contracts.vm_runner import Vm
from featherbench.records.tuning import Tuning
from featherbench.vm import instance_dir

USER_SPACE_BEGAN, SERVICE_BEGAN, NOFILE = "user_space_began_s", "service_began_s", "nofile"
READY = "ready_s"
"""Reported by a guest with an engine once the engine has started."""
CONSOLE_LINES = 15
TAIL_BYTES = 8_192
PANIC = "Kernel panic"
POWERED_OFF = "reboot: Power down"
LINE = re.compile(r"\s*([\w./-]+)\s*:(.*)")
AT_LINE_END = re.compile(r"\s([\w./-]+):([^:]*)$")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""ANSI's sequences for terminals, and single control characters."""


def parse(text: str) -> dict[str, str]:
    """Parse the report; a console may have other output before a name on its line."""
    lines = CONTROL.sub("", text).splitlines()
    matches = (LINE.match(line) or AT_LINE_END.search(line) for line in lines)
    return {match[1]: " ".join(match[2].split()) for match in matches if match}


def read(file: Path) -> dict[str, str]:
    """Return the report in a file; empty if there is none yet."""
    return parse(file.read_text(encoding="utf-8", errors="replace")) if file.exists() else {}


def tuning(report: Mapping[str, str], requested: Tuning) -> dict[str, str]:
    """Return the tuning that the guest reports, by the names of the requested one."""
    files = {key: key.replace(".", "/") for key in requested.net_sysctls}
    values = {key: report[file] for key, file in files.items() if file in report}
    return values if requested.nofile is None else values | {"nofile": report.get(NOFILE, "")}


def phases_s(file: Path, created_ns: int) -> dict[str, float]:
    """Return the phases of a boot after `created_ns`, by this machine's wall clock.

    Firmware and kernel end when the kernel starts its first program. The guest's clock does not
    count the firmware, so their time is the remainder until the report, by the file's modification
    time. Empty if the service has not begun.
    """
    report = read(file)
    if SERVICE_BEGAN not in report or USER_SPACE_BEGAN not in report:
        return {}
    user_space_s = float(report[SERVICE_BEGAN]) - float(report[USER_SPACE_BEGAN])
    after_creation_s = (file.stat().st_mtime_ns - created_ns) / 1e9
    return {
        "firmware_and_kernel": max(0.0, after_creation_s - user_space_s),
        "user_space": user_space_s,
    }


def progress(report: Mapping[str, str]) -> str:
    """Return how far a guest got, in words."""
    if SERVICE_BEGAN in report:
        return f"its service began {report[SERVICE_BEGAN]} s after the kernel"
    if READY in report:
        return f"its engine had started {report[READY]} s after the kernel"
    if USER_SPACE_BEGAN in report:
        return "its kernel started the first program, but its service never began"
    return "its kernel never started the first program"


def end_of(console: Path) -> str:
    """Return in words how a guest that is gone ended, by its console."""
    output = console_tail(console)
    if PANIC in output:
        return "the guest's kernel panicked"
    if POWERED_OFF in output:
        return "the guest powered itself off"
    return "the guest is gone"


def console_tail(console: Path) -> str:
    """Return the last lines of a console, or those after a panic, without control characters."""
    if not console.exists():
        return "nothing"
    text = console.read_bytes()[-TAIL_BYTES:].decode(errors="replace")
    lines = [line.strip() for line in CONTROL.sub("", text).splitlines() if line.strip()]
    panics = [number for number, line in enumerate(lines) if PANIC in line]
    begin = panics[0] if panics else max(0, len(lines) - CONSOLE_LINES)
    return "\n".join(lines[begin : begin + CONSOLE_LINES]) or "nothing"


def diagnosis(state: str, vm: Vm) -> str:
    """Return a guest's state with the last lines of its console."""
    return f"{state}; last lines of its console:\n{console_tail(vm.console)}"


def diagnosis_of_system(state: str, vm: Vm) -> str:
    """Return the state of a guest of our disk images, how far it got, and its console's end."""
    report = read(instance_dir.of(vm.instance_id).report)
    return diagnosis(f"{state}; {progress(report)}", vm)
