# SPDX-License-Identifier: Apache-2.0
"""Machines that are reached by ssh: guests with keys of ours, and machines of the user's.

All processes share one ssh connection to a machine. Within it, each process keeps one shell on the
machine, over which it runs its programs (`system/shell.py`).

A guest's connection is opened once; when it ends, as it does some seconds after the guest falls
silent, the guest counts as dead. The connection to a machine of the user's is opened when it is
first needed, by the user's own ssh configuration, and closes by itself when it has been idle: no
process has to remember it. See ssh_config(5).
"""

import atexit
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from featherbench.errors import (
    CommandError,
    DeadlineError,
    InstanceDiedError,
    InstanceError,
    MachineSilentError,
)
from featherbench.files import canonical_json, digest, write_atomic
from featherbench.system import subprocesses
from featherbench.system.machine import LOCAL, Machine
from featherbench.system.polling import wait_until
from featherbench.system.shell import Shell, ShellLostError

CONFIG_NAME, CONTROL_NAME = "ssh_config", "connection"
HOST = "node"
"""The machine's name in its configuration."""
USER_MACHINES = Path("/var/lib/featherbench/ssh")
"""A folder for each machine of the user's: its configuration, and the connection."""
CONNECT_WITHIN_S = 10
SILENT_INTERVAL_S, SILENT_INTERVALS = 5, 3
"""How often a silent machine is asked, and after how many questions it counts as gone."""
IN_C_LOCALE = ("env", *(f"{name}={value}" for name, value in subprocesses.LOCALE.items()))
"""ssh passes no environment on."""
IDLE_S = 10
CONTROL_TIMEOUT_S = 10.0
COPY_TIMEOUT_S = 900.0
ANSWER_TIMEOUT_S = 30.0
POLL_S = 0.1
NAME_CHARACTERS = 12
COMMON_OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": CONNECT_WITHIN_S,
    "ServerAliveInterval": SILENT_INTERVAL_S,
    "ServerAliveCountMax": SILENT_INTERVALS,
    "StreamLocalBindUnlink": "yes",
    "LogLevel": "ERROR",
}
USER_OPTIONS = frozenset(
    (
        *("bindaddress", "bindinterface", "certificatefile", "globalknownhostsfile"),
        *("hostkeyalias", "hostname", "identitiesonly", "identityagent", "identityfile", "port"),
        *("proxycommand", "stricthostkeychecking", "user", "userknownhostsfile"),
    )
)
"""What the user's own configuration decides; see `ssh -G`."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """How a guest is reached, with a folder for the files that this needs.

    `interface` is the one of this machine that leads to the guest: without it, nothing is sent.
    """

    folder: Path
    address: str
    interface: str

    @property
    def config(self) -> Path:
        """The configuration; its path is the machine's name."""
        return self.folder / CONFIG_NAME

    @property
    def key(self) -> Path:
        """The private key that the guest accepts; its public half has the suffix `.pub`."""
        return self.folder / "key"

    @property
    def host_key(self) -> Path:
        """The private key of the guest itself, which is to be given to it."""
        return self.folder / "host_key"

    @property
    def known_hosts(self) -> Path:
        """The guest's public key."""
        return self.folder / "known_hosts"


def _config(options: dict[str, object], *lines: str) -> str:
    options_lines = [f"{name} {value}" for name, value in options.items()]
    return "\n  ".join([f"Host {HOST}", *options_lines, *lines]) + "\n"


def guest_config(access: Access) -> str:
    """Return a guest's configuration, which uses nothing of the user's own."""
    return _config(
        {
            **COMMON_OPTIONS,
            "HostName": access.address,
            "BindInterface": access.interface,
            "User": "root",
            "IdentityFile": access.key,
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "HostKeyAlias": HOST,
            "UserKnownHostsFile": access.known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "ControlPath": control_of(access.config),
        }
    )


def user_config(folder: Path, resolved: str, user_arguments: Sequence[str] = ()) -> str:
    """Return the configuration of a machine of the user's, whose files are in `folder`.

    `resolved` is the output of `ssh -G` with `user_arguments`.
    """
    options = {
        **COMMON_OPTIONS,
        "ControlMaster": "auto",
        "ControlPath": folder / CONTROL_NAME,
        "ControlPersist": IDLE_S,
    }
    lines = resolved.splitlines()
    kept = [line for line in lines if line.partition(" ")[0] in USER_OPTIONS]
    return _config(options, *kept, *_proxy_commands(lines, user_arguments))


def _proxy_commands(lines: Sequence[str], user_arguments: Sequence[str]) -> Iterator[str]:
    """Resolve ProxyJump with the user's configuration: the generated one knows no other machine."""
    for line in lines:
        name, _, hops = line.partition(" ")
        if name == "proxyjump" and hops != "none":
            *before, last = hops.split(",")
            through = ["-J", ",".join(before)] if before else []
            last = last if last.startswith("ssh://") else f"ssh://{last}"
            jump = ["ssh", *user_arguments, *through, "-W", "[%h]:%p", last]
            yield f"proxycommand {shlex.join(jump)}"


def control_of(config: Path) -> Path:
    """Return the socket of the connection, which exists as long as the connection does."""
    return config.with_name(CONTROL_NAME)


def _make_key(file: Path) -> str:
    """Make a pair of keys and return the public one."""
    subprocesses.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", HOST, "-f", str(file)],
        timeout_s=CONTROL_TIMEOUT_S,
    )
    return file.with_suffix(".pub").read_text(encoding="utf-8")


def make_access(access: Access) -> str:
    """Make keys for both ends, and the configuration. Return the key that the guest must accept.

    Raises InstanceError when no keys can be made.
    """
    remedy = "apt-get install openssh-client"
    with subprocesses.failure_as(InstanceError, "no keys can be made for ssh", remedy=remedy):
        host_key = _make_key(access.host_key)
        accepted_key = _make_key(access.key)
    write_atomic(access.known_hosts, f"{HOST} {host_key}")
    write_atomic(access.config, guest_config(access))
    return accepted_key


def connect(config: Path) -> None:
    """Try once to open a guest's connection. Raises InstanceError with ssh's message."""
    output = config.with_name("ssh.log")
    output.unlink(missing_ok=True)
    master = ["ssh", "-F", str(config), "-M", "-N", "-f", HOST]  # in the background once it is open
    opening = subprocesses.start(master, output=output)
    try:
        wait_until(
            lambda: opening.poll() is not None,
            what="ssh",
            within_s=CONNECT_WITHIN_S + SILENT_INTERVAL_S * SILENT_INTERVALS,
            every_s=POLL_S,
        )
    except DeadlineError as late:
        opening.kill()
        opening.wait()
        raise InstanceError(f"ssh to {config}: {late.message}") from late
    if opening.returncode != 0:
        raise InstanceError(
            f"ssh to {config}: {output.read_text(encoding='utf-8', errors='replace').strip()}"
        )


def disconnect(config: Path) -> None:
    """Close a guest's connection; no error when it is closed already."""
    _close_shell(str(config))
    if control_of(config).exists():
        closing = ["ssh", "-F", str(config), "-O", "exit", HOST]
        subprocesses.run(closing, timeout_s=CONTROL_TIMEOUT_S, check=False)


_shells: dict[str, Shell] = {}
"""The shell of this process on each machine, by the machine's name."""


def _close_shell(name: str) -> None:
    if shell := _shells.pop(name, None):
        shell.close()


@atexit.register
def _close_all_shells() -> None:
    for name in list(_shells):
        _close_shell(name)


@dataclass(frozen=True, kw_only=True)
class SshMachine(Machine):
    """A machine that is reached by ssh; `name` is the path of its ssh configuration.

    A guest was connected to by the process that started it. A machine of the user's has a
    `destination`, as ssh takes it, and `user_config`, the file that says how it is reached (empty:
    the user's own); `remedy` is for errors.
    """

    name: str
    description: str = field(default="the guest", compare=False)
    destination: str = ""
    user_config: str = ""
    remedy: str = field(default="", compare=False)

    def _require_connection(self) -> None:
        if self.destination:
            _write_user_config(self)
        elif not control_of(Path(self.name)).exists():
            raise InstanceDiedError(f"the connection to the guest is lost ({self.name})")

    def _shell(self) -> Shell:
        self._require_connection()
        shell = _shells.get(self.name)
        if shell is None or not shell.is_open:
            _close_shell(self.name)
            shell = _shells[self.name] = Shell(self.command(["sh"]))
        return shell

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return ssh's command."""
        self._require_connection()
        return ["ssh", "-F", self.name, HOST, shlex.join([*IN_C_LOCALE, *argv])]

    def run(
        self, argv: Sequence[str], *, timeout_s: float, check: bool = True, stdin: str | None = None
    ) -> subprocesses.Completed:
        """Run a program to its end.

        Raises InstanceDiedError when the guest is gone, MachineSilentError when a machine of the
        user's does not answer.
        """
        try:
            done = self._shell().run(argv, timeout_s=timeout_s, stdin=stdin)
        except ShellLostError as lost:
            raise self._error(argv, str(lost) or "the connection ended") from lost
        if check and done.exit_status != 0:
            status = f"ended with status {done.exit_status} on {self.description}"
            raise CommandError(argv, status, done.tail)
        return done

    def _error(self, argv: Sequence[str], message: str) -> CommandError | InstanceError:
        """Return the error for a shell that ended with ssh's message."""
        if self.destination:
            return MachineSilentError(
                f"{self.description} does not answer: {message}", remedy=self.remedy
            )
        if not control_of(Path(self.name)).exists():
            return InstanceDiedError(f"the guest is gone: {message}")
        return CommandError(argv, f"lost its shell on {self.description}", message)

    def put(self, file: Path, to: Path) -> None:
        """Copy a file by scp. Raises CommandError, or as `run` does."""
        self._require_connection()
        argv = ["scp", "-q", "-s", "-F", self.name, str(file), f"{HOST}:{to}"]
        done = subprocesses.run(argv, timeout_s=COPY_TIMEOUT_S, check=False)
        if done.exit_status != 0:  # 1, not 255, when the connection ends while scp writes
            self.run(["true"], timeout_s=ANSWER_TIMEOUT_S)  # raises when the connection broke it
            raise CommandError(argv, f"ended with status {done.exit_status}", done.tail)

    def socket(self, path: Path) -> Path:
        """Return the local end of a forwarded socket, which is forwarded at the first call."""
        self._require_connection()
        if self.destination:
            self.run(["true"], timeout_s=ANSWER_TIMEOUT_S)  # opens the connection
        local = Path(self.name).with_name(f"{digest(str(path).encode())[:NAME_CHARACTERS]}.socket")
        if not local.exists():
            forward = ["ssh", "-F", self.name, "-O", "forward", "-L", f"{local}:{path}", HOST]
            subprocesses.run(forward, timeout_s=CONTROL_TIMEOUT_S)
        return local


def user_machine(
    destination: str, *, user_config: str = "", description: str = "", remedy: str = ""
) -> SshMachine:
    """Return the machine at an ssh destination, reached by the user's own ssh configuration."""
    key = canonical_json([destination, user_config])
    folder = USER_MACHINES / digest(key.encode())[:NAME_CHARACTERS]
    return SshMachine(
        name=str(folder / CONFIG_NAME),
        destination=destination,
        user_config=user_config,
        description=description or destination,
        remedy=remedy,
    )


@cache
def _write_user_config(machine: SshMachine) -> None:
    """Write the configuration, as the user's own is now: once for each process."""
    config = Path(machine.name)
    config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    arguments = ["-F", machine.user_config] if machine.user_config else []
    resolve = ["ssh", *arguments, "-G", machine.destination]
    resolved = subprocesses.run(resolve, timeout_s=CONTROL_TIMEOUT_S).stdout
    text = user_config(config.parent, resolved, arguments)
    if not config.exists() or config.read_text(encoding="utf-8") != text:
        part = config.with_name(f".{CONFIG_NAME}.{os.getpid()}")  # jobs and the guard write it, too
        part.write_text(text, encoding="utf-8")
        part.replace(config)


def machine_named(name: str) -> Machine:
    """Return the machine that a record names: this one, whose name is empty, or one by ssh."""
    return SshMachine(name=name) if name else LOCAL
