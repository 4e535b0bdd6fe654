# SPDX-License-Identifier: Apache-2.0
"""Domains by xl: made, watched, destroyed; and xl's answers read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from featherbench.errors import CommandError, DeadlineError, InstanceDiedError, InstanceError
from featherbench.paths import resource
from featherbench.records.cell import Usage
from featherbench.system.polling import wait_until
from featherbench.units import MIB
from featherbench.xen.xl_config import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from featherbench.system.machine import Machine

CREATE = resource("xen/create.sh")
CREATE_WITHIN_S = 120.0
ASK_WITHIN_S = 30.0
GONE = "invalid domain identifier"
"""What xl says of a domain that is not there."""
CONSOLE_WITHIN_S = 30.0
POLL_S = 0.1
FIELDS = 6
State = Literal["running", "paused", "shut down", "crashed", "dying"]
SIGNS: tuple[tuple[str, State], ...] = (
    ("d", "dying"),
    ("c", "crashed"),
    ("s", "shut down"),
    ("p", "paused"),
)
"""The letters of xl's column State that tell more than that it runs, the gravest first."""
ALIVE: tuple[State, ...] = ("running", "paused")
SOURCE = (
    "processor time: of the domain's own processors, in tenths of a second, without what dom0 does"
    " for it; memory: what Xen has set aside for it (xl list)"
)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A domain as `xl list` has it."""

    number: int
    memory_mib: int
    state: State
    cpu_s: float


def parse_state(letters: str) -> State:
    """Read the column State: a place for each letter, a dash where it does not hold."""
    return next((state for letter, state in SIGNS if letter in letters), "running")


def parse_list(listing: str) -> dict[str, Listed]:
    """Read what `xl list` prints, by name."""
    rows = [line.split() for line in listing.splitlines()[1:]]
    return {
        row[0]: Listed(
            number=int(row[1]),
            memory_mib=int(row[2]),
            state=parse_state(row[4]),
            cpu_s=float(row[5]),
        )
        for row in rows
        if len(row) == FIELDS
    }


def parse_info(info: str) -> dict[str, str]:
    """Read what `xl info` prints."""
    rows = (line.partition(":") for line in info.splitlines())
    return {name.strip(): value.strip() for name, colon, value in rows if colon}


@dataclass(frozen=True, kw_only=True)
class Domains:
    """The domains of a dom0."""

    dom0: Machine

    def info(self) -> Mapping[str, str]:
        """Ask Xen what it is. Raises InstanceError where there is none."""
        try:
            return parse_info(self.dom0.run(["xl", "info"], timeout_s=ASK_WITHIN_S).stdout)
        except CommandError as failure:
            raise InstanceError(
                f"Xen in {self.dom0.description} does not answer: {failure.message}",
                remedy="boot that machine with Xen, and see that `xl info` works there",
            ) from failure

    def create(self, instance_id: str, config: Path, noted: Mapping[str, str]) -> None:
        """Make a domain; it runs when this returns. Raises InstanceError with what xl said.

        `noted` is what is written to xenstore, below the domain's own keys, before it begins to
        run.
        """
        argv = ["sh", "-s", "--", str(config.parent), str(config), *(["-p"] if noted else [])]
        try:
            self.dom0.run(argv, timeout_s=CREATE_WITHIN_S, stdin=CREATE.read_text())
            if noted:
                self._note(instance_id, noted)
                self.dom0.run(["xl", "unpause", name_of(instance_id)], timeout_s=ASK_WITHIN_S)
        except CommandError as failure:
            raise InstanceError(
                f"start of the domain {name_of(instance_id)}: xl refused: {failure.message}",
                remedy="see `xl dmesg` and /var/log/xen in dom0; free memory: `xl info`",
            ) from failure

    def _note(self, instance_id: str, noted: Mapping[str, str]) -> None:
        keys = f"/local/domain/{self._number_of(instance_id)}"
        words = [word for key, value in noted.items() for word in (f"{keys}/{key}", value)]
        self.dom0.run(["xenstore-write", *words], timeout_s=ASK_WITHIN_S)

    def _number_of(self, instance_id: str) -> int:
        found = self.listed(instance_id)
        if found is None:
            raise InstanceError(f"the domain {name_of(instance_id)} ended at once")
        return found.number

    def listed(self, instance_id: str) -> Listed | None:
        """Find a domain; None when it is gone. Raises InstanceError when xl does not tell."""
        argv = ["xl", "list", name_of(instance_id)]
        done = self.dom0.run(argv, timeout_s=ASK_WITHIN_S, check=False)
        if done.exit_status != 0 and GONE not in done.stderr:
            raise InstanceError(
                f"xl in {self.dom0.description} does not tell of the domain {name_of(instance_id)}:"
                f" {done.tail}",
                remedy="see that `xl list` works there",
            )
        return parse_list(done.stdout).get(name_of(instance_id))

    def power_down(self, instance_id: str) -> None:
        """Ask a domain to shut down, by Xen's own way of asking."""
        name = name_of(instance_id)
        self.dom0.run(["xl", "shutdown", name], timeout_s=ASK_WITHIN_S, check=False)

    def usage(self, instance_id: str) -> Usage:
        """Tell what a domain has used. Raises InstanceDiedError when it is gone."""
        found = self.listed(instance_id)
        if found is None or found.state not in ALIVE:
            raise InstanceDiedError(f"the domain {name_of(instance_id)} has ended")
        return Usage(
            cpu_s=found.cpu_s,
            throttled_s=None,
            memory_current_bytes=found.memory_mib * MIB,
            memory_working_set_bytes=None,
            memory_anonymous_bytes=None,
            memory_peak_bytes=None,
            source=SOURCE,
        )

    def record_console(self, instance_id: str, into: Path) -> None:
        """Have what a domain says written to a file of this machine, until it ends.

        Its terminal keeps what comes before somebody reads it.
        """
        argv = ["cat", self._terminal_of(instance_id)]
        self.dom0.start(argv, output=into)

    def _terminal_of(self, instance_id: str) -> str:
        """Give the terminal that Xen's console daemon has made for a domain."""
        key = f"/local/domain/{self._number_of(instance_id)}/console/tty"
        asked = ["xenstore-read", key]

        def terminal() -> str:
            return self.dom0.run(asked, timeout_s=ASK_WITHIN_S, check=False).stdout.strip()

        try:
            return wait_until(
                terminal, what="the domain's console", within_s=CONSOLE_WITHIN_S, every_s=POLL_S
            )
        except DeadlineError as late:
            raise InstanceError(
                f"{self.dom0.description} gives the domain no console: {late.message}",
                remedy="see that xenconsoled runs in dom0: systemctl status xenconsoled",
            ) from late
