# SPDX-License-Identifier: Apache-2.0
"""What a guest tells us as it boots: lines of `name:value`, on a port or a console of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from featherbench.records.tuning import Tuning

USER_SPACE_BEGAN, SERVICE_BEGAN, NOFILE = "user_space_began_s", "service_began_s", "nofile"
READY = "ready_s"
"""Told by a guest with an engine once that has started."""
CONSOLE_LINES = 15
TAIL_BYTES = 8_192
PANIC = "Kernel panic"
POWERED_OFF = "reboot: Power down"
TOLD = re.compile(r"\s*([\w./-]+)\s*:(.*)")
TOLD_AT_THE_END = re.compile(r"\s([\w./-]+):([^:]*)$")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What is not text: ANSI's sequences for terminals, and single control characters."""


def parse(text: str) -> dict[str, str]:
    """Read the report; numbers are separated by one blank, as people write sysctls.

    On a console, others' words may stand before a name.
    """
    lines = CONTROL.sub("", text).splitlines()
    found = (TOLD.match(line) or TOLD_AT_THE_END.search(line) for line in lines)
    return {each[1]: " ".join(each[2].split()) for each in found if each}


def read(file: Path) -> dict[str, str]:
    """Read the report from its file; empty when there is none yet."""
    return parse(file.read_text(errors="replace")) if file.exists() else {}


def tuning(told: Mapping[str, str], wanted: Tuning) -> dict[str, str]:
    """Give what the guest tells of the tuning that it was to take on, by the names it was given."""
    files = {key: key.replace(".", "/") for key in wanted.net_sysctls}
    found = {key: told[file] for key, file in files.items() if file in told}
    return found if wanted.nofile is None else found | {"nofile": told.get(NOFILE, "")}


@dataclass(frozen=True, kw_only=True)
class Boot:
    """How a boot went, by the guest's own clock: seconds since its kernel began to count.

    `told_ns` is this machine's wall clock when the guest told of its service, as the file's time
    has it.
    """

    user_space_began_s: float
    service_began_s: float
    told_ns: int

    def phases_s(self, created_ns: int) -> dict[str, float]:
        """Give the phases after the guest was created, at `created_ns` by our wall clock.

        Firmware and kernel end where the kernel starts its first program; the guest's clock does
        not count the firmware, so that is what remains.
        """
        user_space_s = self.service_began_s - self.user_space_began_s
        after_creation_s = (self.told_ns - created_ns) / 1e9
        return {
            "firmware_and_kernel": max(0.0, after_creation_s - user_space_s),
            "user_space": user_space_s,
        }


def boot(file: Path) -> Boot | None:
    """Read how the boot went; None when the service has not begun."""
    told = read(file)
    if SERVICE_BEGAN not in told or USER_SPACE_BEGAN not in told:
        return None
    return Boot(
        user_space_began_s=float(told[USER_SPACE_BEGAN]),
        service_began_s=float(told[SERVICE_BEGAN]),
        told_ns=file.stat().st_mtime_ns,
    )


def progress(told: Mapping[str, str]) -> str:
    """Say how far a guest got."""
    if SERVICE_BEGAN in told:
        return f"its service began {told[SERVICE_BEGAN]} s after the kernel"
    if READY in told:
        return f"its engine had started {told[READY]} s after the kernel"
    if USER_SPACE_BEGAN in told:
        return "its kernel started the first program, but its service never began"
    return "its kernel never started the first program"


def end_of(said: str) -> str:
    """Say how a machine that is gone ended, by what its console said."""
    if PANIC in said:
        return "the guest's kernel panicked"
    if POWERED_OFF in said:
        return "the guest powered itself off"
    return "the guest is gone"


def console_tail(console: Path) -> str:
    """Give the last lines of a console, or from a panic on; without terminals' control codes."""
    if not console.exists():
        return "nothing"
    said = console.read_bytes()[-TAIL_BYTES:].decode(errors="replace")
    lines = [line.strip() for line in CONTROL.sub("", said).splitlines() if line.strip()]
    panics = [number for number, line in enumerate(lines) if PANIC in line]
    begin = panics[0] if panics else max(0, len(lines) - CONSOLE_LINES)
    return "\n".join(lines[begin : begin + CONSOLE_LINES]) or "nothing"
