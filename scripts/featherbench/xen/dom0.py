# SPDX-License-Identifier: Apache-2.0
"""dom0: this machine, or one that is reached by ssh.

The connection is opened when it is first needed and closes by itself when it has been idle, so that
no one has to remember it, whatever becomes of whoever opened it. See ssh_config(5).
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from featherbench.errors import CommandError, MachineSilentError
from featherbench.files import canonical_json, digest
from featherbench.system import subprocesses
from featherbench.system.ssh import CONFIG_NAME, CONTROL_NAME, FAILED, HOST
from featherbench.vm import instance_dir as folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from featherbench.xen.settings import Dom0Settings

CONNECTIONS = Path("/var/lib/featherbench/dom0")
"""A folder for each dom0: its configuration for ssh, and the connection."""
IDLE_S = 10
CONNECT_WITHIN_S = 10
ASKED_EVERY_S, UNANSWERED = 5, 3
NAME_CHARACTERS = 12
RESOLVE_WITHIN_S = 10.0
SEND_WITHIN_S = 900.0
ANSWER_WITHIN_S = 30.0
TAKEN = frozenset(
    (
        *(
            "bindaddress",
            "bindinterface",
            "certificatefile",
            "globalknownhostsfile",
            "hostkeyalias",
        ),
        *("hostname", "identitiesonly", "identityagent", "identityfile", "port", "proxycommand"),
        *("stricthostkeychecking", "user", "userknownhostsfile"),
    )
)
"""What a user's own configuration decides; see `ssh -G`."""


class Dom0(Protocol):
    """The machine with Xen's tools. What it refuses raises CommandError."""

    @property
    def named(self) -> str:
        """What it is called in messages."""
        ...

    def command(self, argv: Sequence[str]) -> list[str]:
        """Give the command of this machine that runs a program there."""
        ...

    def run(
        self, argv: Sequence[str], *, timeout_s: float, check: bool = True, stdin: str | None = None
    ) -> subprocesses.Completed:
        """Run a program there to its end. Raises HostSilentError when it does not answer."""
        ...

    def send(self, file: Path, to: Path) -> None:
        """Copy a file there, where no folder of ours is shared."""
        ...


@dataclass(frozen=True, kw_only=True)
class Here:
    """The machine that we are on."""

    named: str = "dom0 (this machine)"

    def command(self, argv: Sequence[str]) -> list[str]:
        """Give the program itself."""
        return list(argv)

    def run(
        self, argv: Sequence[str], *, timeout_s: float, check: bool = True, stdin: str | None = None
    ) -> subprocesses.Completed:
        """Run it."""
        return subprocesses.run(argv, timeout_s=timeout_s, check=check, stdin=stdin)

    def send(self, file: Path, to: Path) -> None:
        """Have nothing to copy: it is there."""


def own_options(folder: Path) -> dict[str, object]:
    """Give our options of the connection, which go before the user's."""
    return {
        "BatchMode": "yes",
        "ConnectTimeout": CONNECT_WITHIN_S,
        "ControlMaster": "auto",
        "ControlPath": folder / CONTROL_NAME,
        "ControlPersist": IDLE_S,
        "LogLevel": "ERROR",
        "ServerAliveInterval": ASKED_EVERY_S,
        "ServerAliveCountMax": UNANSWERED,
    }


def taken(resolved: str) -> Iterator[str]:
    """Give those lines of what `ssh -G` prints that say how a machine is reached."""
    for line in resolved.splitlines():
        if line.partition(" ")[0] in TAKEN:
            yield line


def jumping(resolved: str, own: Sequence[str]) -> Iterator[str]:
    """Have the user's own configuration make a jump to other machines: ours knows one alone.

    `own` are the words that name that to ssh. See ProxyJump in ssh_config(5).
    """
    for line in resolved.splitlines():
        name, _, hops = line.partition(" ")
        if name == "proxyjump" and hops != "none":
            *before, last = hops.split(",")
            through = ["-J", ",".join(before)] if before else []
            last = last if last.startswith("ssh://") else f"ssh://{last}"
            yield f"proxycommand {shlex.join(['ssh', *own, *through, '-W', '[%h]:%p', last])}"


def config_for(folder: Path, resolved: str, own: Sequence[str] = ()) -> str:
    """Give the configuration of a connection whose files are in `folder`."""
    jump = jumping(resolved, own)
    lines = [f"{name} {value}" for name, value in own_options(folder).items()]
    return "\n  ".join([f"Host {HOST}", *lines, *taken(resolved), *jump]) + "\n"


@dataclass(frozen=True, kw_only=True)
class There:
    """Another machine, by ssh."""

    settings: Dom0Settings

    @property
    def named(self) -> str:
        """What the user calls it."""
        return f"dom0 ({self.settings.dom0})"

    @property
    def _folder(self) -> Path:
        facts = [self.settings.dom0, self.settings.ssh_config]
        return CONNECTIONS / digest(canonical_json(facts).encode())[:NAME_CHARACTERS]

    def _config(self) -> Path:
        """Write the configuration, as the user's own is now."""
        folder = self._folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = ["-F", self.settings.ssh_config] if self.settings.ssh_config else []
        asked = subprocesses.run(
            ["ssh", *own, "-G", self.settings.dom0], timeout_s=RESOLVE_WITHIN_S
        )
        config, text = folder / CONFIG_NAME, config_for(folder, asked.stdout, own)
        if not config.exists() or config.read_text() != text:
            own_copy = config.with_name(f".{CONFIG_NAME}.{os.getpid()}")  # jobs and the guard write
            own_copy.write_text(text)
            own_copy.replace(config)
        return config

    def command(self, argv: Sequence[str]) -> list[str]:
        """Give ssh's."""
        return ["ssh", "-F", str(_config_of(self)), HOST, shlex.join(argv)]

    def run(
        self, argv: Sequence[str], *, timeout_s: float, check: bool = True, stdin: str | None = None
    ) -> subprocesses.Completed:
        """Run it by ssh."""
        done = subprocesses.run(self.command(argv), timeout_s=timeout_s, check=False, stdin=stdin)
        if done.exit_status == FAILED:
            raise self._silent(done.tail)
        if check and done.exit_status != 0:
            raise CommandError(argv, f"ended with status {done.exit_status} in dom0", done.tail)
        return done

    def _silent(self, said: str) -> MachineSilentError:
        own = f"-F {self.settings.ssh_config} " if self.settings.ssh_config else ""
        return MachineSilentError(
            f"{self.named} does not answer: {said}",
            remedy=f"see that `ssh {own}-o BatchMode=yes {self.settings.dom0} xl info` works as"
            f" root; of a machine that is gone for good, remove what is below {folder.ALL}",
        )

    def send(self, file: Path, to: Path) -> None:
        """Copy it by scp."""
        config = _config_of(self)
        argv = ["scp", "-q", "-s", "-F", str(config), str(file), f"{HOST}:{to}"]
        done = subprocesses.run(argv, timeout_s=SEND_WITHIN_S, check=False)
        if done.exit_status != 0:  # 1, not 255, when the connection ends while scp writes
            self.run(["true"], timeout_s=ANSWER_WITHIN_S)  # raises if it is silence that broke it
            raise CommandError(argv, f"ended with status {done.exit_status}", done.tail)


@cache
def _config_of(there: There) -> Path:
    return there._config()  # noqa: SLF001 - remembered outside of it, since it is frozen


def dom0_of(settings: Dom0Settings) -> Dom0:
    """Give the dom0 that is set."""
    return There(settings=settings) if settings.dom0 else Here()
