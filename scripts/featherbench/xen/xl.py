# SPDX-License-Identifier: Apache-2.0
"""Runs xl in dom0, parses its output, and writes its configuration; see xl.cfg(5)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from featherbench.contracts.image_description import XenMode
from featherbench.contracts.vm_runner import name_of
from featherbench.errors import DeadlineError, InstanceDiedError, InstanceError
from featherbench.paths import resource
from featherbench.records.cell import Usage
from featherbench.system import subprocesses
from featherbench.system.machine import Machine
from featherbench.system.polling import wait_until
from featherbench.units import MIB

CREATE = resource("xen/create.sh")
CREATE_WITHIN_S = 120.0
ASK_WITHIN_S = 30.0
GONE = "invalid domain identifier"
"""xl's message about a domain that does not exist."""
CONSOLE_WITHIN_S = 30.0
POLL_S = 0.1
FIELDS = 6
State = Literal["running", "paused", "shut down", "crashed", "dying"]
STATE_LETTERS: tuple[tuple[str, State], ...] = (
    ("d", "dying"),
    ("c", "crashed"),
    ("s", "shut down"),
    ("p", "paused"),
)
"""The letters in xl's column State, the gravest first; without any of them a domain runs."""
ALIVE: tuple[State, ...] = ("running", "paused")
SOURCE = (
    "processor time: of the domain's own processors, in tenths of a second, without what dom0 does"
    " for it; memory: what Xen has allocated to it (xl list)"
)
ENDS = ("on_poweroff", "on_reboot", "on_crash", "on_watchdog", "on_soft_reset")


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A disk that the domain has as `name`: a file in dom0 or, once attached, a block device."""

    source: Path
    name: str
    readonly: bool


@dataclass(frozen=True, kw_only=True)
class Domain:
    """One domain. `cpus` are physical ones, as xl.cfg has it; empty: any."""

    instance_id: str
    mode: XenMode
    kernel: Path
    ramdisk: Path | None
    cmdline: str
    memory_mib: int
    vcpus: int
    cpus: str
    disks: tuple[Disk, ...]
    bridge: str
    mac: str


def quoted(text: str) -> str:
    """Return a string as xl reads it: with JSON's escapes, except those of code points."""
    return json.dumps(text, ensure_ascii=False)


def _listed(items: list[str]) -> str:
    return f"[ {', '.join(map(quoted, items))} ]"


def _disk(disk: Disk) -> str:
    access = "ro" if disk.readonly else "rw"
    return f"format=raw, backendtype=phy, vdev={disk.name}, access={access}, target={disk.source}"


def _lines(domain: Domain) -> Iterator[str]:
    yield f"name = {quoted(name_of(domain.instance_id))}"
    yield f"type = {quoted(domain.mode)}"
    yield f"kernel = {quoted(str(domain.kernel))}"
    if domain.ramdisk:
        yield f"ramdisk = {quoted(str(domain.ramdisk))}"
    yield f"cmdline = {quoted(domain.cmdline)}"
    yield f"memory = {domain.memory_mib}"
    yield f"maxmem = {domain.memory_mib}"
    yield f"vcpus = {domain.vcpus}"
    if domain.cpus:
        yield f"cpus = {quoted(domain.cpus)}"
    yield f"disk = {_listed([_disk(disk) for disk in domain.disks])}"
    yield f"vif = {_listed([f'mac={domain.mac}, bridge={domain.bridge}'])}"
    # A domain that ended is kept, so that xl can report how it ended; `stop` destroys it.
    for event in ENDS:
        yield f'{event} = "preserve"'


def xl_config(domain: Domain) -> str:
    """Return the domain's configuration."""
    return "".join(f"{line}\n" for line in _lines(domain))


@dataclass(frozen=True, kw_only=True)
class ListedDomain:
    """A row of `xl list`."""

    number: int
    memory_mib: int
    state: State
    cpu_s: float


def parse_state(letters: str) -> State:
    """Parse the column State: one position per letter, with a dash if it does not apply."""
    return next((state for letter, state in STATE_LETTERS if letter in letters), "running")


def parse_list(listing: str) -> dict[str, ListedDomain]:
    """Parse the output of `xl list`, by name."""
    rows = [line.split() for line in listing.splitlines()[1:]]
    return {
        row[0]: ListedDomain(
            number=int(row[1]),
            memory_mib=int(row[2]),
            state=parse_state(row[4]),
            cpu_s=float(row[5]),
        )
        for row in rows
        if len(row) == FIELDS
    }


def parse_info(info: str) -> dict[str, str]:
    """Parse the output of `xl info`."""
    rows = (line.partition(":") for line in info.splitlines())
    return {name.strip(): value.strip() for name, colon, value in rows if colon}


@dataclass(frozen=True, kw_only=True)
class Xl:
    """The program xl of a dom0."""

    dom0: Machine

    def info(self) -> Mapping[str, str]:
        """Return what Xen reports of itself. Raise InstanceError if there is no Xen."""
        what = f"Xen in {self.dom0.description} does not answer"
        remedy = "boot that machine with Xen, and check that `xl info` works there"
        with subprocesses.failure_as(InstanceError, what, remedy=remedy):
            return parse_info(self.dom0.run(["xl", "info"], timeout_s=ASK_WITHIN_S).stdout)

    def create(self, instance_id: str, config: Path, store: Mapping[str, str]) -> None:
        """Make a running domain, with `store` in its part of xenstore. Raise InstanceError."""
        argv = ["sh", "-s", "--", str(config.parent), str(config), *(["-p"] if store else [])]
        what = f"start of the domain {name_of(instance_id)}: xl refused"
        remedy = "see `xl dmesg` and /var/log/xen in dom0; free memory: `xl info`"
        with subprocesses.failure_as(InstanceError, what, remedy=remedy):
            self.dom0.run(argv, timeout_s=CREATE_WITHIN_S, stdin=CREATE.read_text(encoding="utf-8"))
            if store:
                self._write_to_store(instance_id, store)
                self.dom0.run(["xl", "unpause", name_of(instance_id)], timeout_s=ASK_WITHIN_S)

    def _write_to_store(self, instance_id: str, store: Mapping[str, str]) -> None:
        keys = f"/local/domain/{self._number_of(instance_id)}"
        words = [word for key, value in store.items() for word in (f"{keys}/{key}", value)]
        self.dom0.run(["xenstore-write", *words], timeout_s=ASK_WITHIN_S)

    def _number_of(self, instance_id: str) -> int:
        domain = self.listed(instance_id)
        if domain is None:
            raise InstanceError(f"the domain {name_of(instance_id)} ended at once")
        return domain.number

    def listed(self, instance_id: str) -> ListedDomain | None:
        """Return a domain; None if it is gone. Raise InstanceError if xl does not know."""
        argv = ["xl", "list", name_of(instance_id)]
        done = self.dom0.run(argv, timeout_s=ASK_WITHIN_S, check=False)
        if done.exit_status != 0 and GONE not in done.stderr:
            raise InstanceError(
                f"xl in {self.dom0.description} cannot list the domain {name_of(instance_id)}:"
                f" {done.tail}",
                remedy="check that `xl list` works there",
            )
        return parse_list(done.stdout).get(name_of(instance_id))

    def power_down(self, instance_id: str) -> None:
        """Ask a domain to shut down, through Xen."""
        name = name_of(instance_id)
        self.dom0.run(["xl", "shutdown", name], timeout_s=ASK_WITHIN_S, check=False)

    def usage(self, instance_id: str) -> Usage:
        """Return what a domain has used. Raise InstanceDiedError if it is gone."""
        domain = self.listed(instance_id)
        if domain is None or domain.state not in ALIVE:
            raise InstanceDiedError(f"the domain {name_of(instance_id)} has ended")
        return Usage(
            cpu_s=domain.cpu_s, memory_current_bytes=domain.memory_mib * MIB, source=SOURCE
        )

    def record_console(self, instance_id: str, into: Path) -> None:
        """Write a domain's console, which its terminal buffers, to a file here until it ends."""
        self.dom0.start(["cat", self._terminal_of(instance_id)], output=into)

    def _terminal_of(self, instance_id: str) -> str:
        """Return the terminal that Xen's console daemon made for a domain."""
        argv = ["xenstore-read", f"/local/domain/{self._number_of(instance_id)}/console/tty"]

        def terminal() -> str:
            return self.dom0.run(argv, timeout_s=ASK_WITHIN_S, check=False).stdout.strip()

        try:
            return wait_until(
                terminal, what="the domain's console", within_s=CONSOLE_WITHIN_S, every_s=POLL_S
            )
        except DeadlineError as late:
            raise InstanceError(
                f"{self.dom0.description} makes no console for the domain: {late.message}",
                remedy="check that xenconsoled runs in dom0: systemctl status xenconsoled",
            ) from late
