# SPDX-License-Identifier: Apache-2.0
"""A machine that is reached by ssh: one connection, that every command and every socket shares.

The node's name is the path of an ssh configuration file, which says all: address, keys, and where
the connection is. That is opened once; when it ends, as it does some seconds after the machine has
gone silent, so does the node. See ssh_config(5).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, DeadlineError, InstanceDiedError, InstanceError
from featherbench.files import digest, write_atomic
from featherbench.system import files_by_command, subprocesses
from featherbench.system.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONFIG_NAME, CONTROL_NAME = "ssh_config", "connection"
HOST = "node"
"""What the machine is called in its configuration."""
FAILED = 255
"""The exit status of ssh itself; see ssh(1)."""
CONNECT_WITHIN_S = 10
SILENT_INTERVAL_S, SILENT_INTERVALS = 5, 3
"""How often a silent machine is asked, and after how many questions it counts as gone."""
FORWARD_WITHIN_S = 10.0
KEY_WITHIN_S = 10.0
POLL_S = 0.1
SOCKET_NAME_CHARACTERS = 12


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach a machine, and where what is needed for it lies: in a folder of its own.

    `interface` is the one of this machine that leads there: without it, nothing is sent.
    """

    folder: Path
    address: str
    interface: str

    @property
    def config(self) -> Path:
        """The configuration; its path is the node's name."""
        return self.folder / CONFIG_NAME

    @property
    def key(self) -> Path:
        """The private key that the machine lets in; its public half has the suffix `.pub`."""
        return self.folder / "key"

    @property
    def host_key(self) -> Path:
        """The private key of the machine itself, which it is to be given."""
        return self.folder / "host_key"

    @property
    def known_hosts(self) -> Path:
        """The machine's public key."""
        return self.folder / "known_hosts"


def config_for(access: Access) -> str:
    """Give the configuration: nothing of the user's own counts, and nobody is asked anything."""
    options = {
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
        "BatchMode": "yes",
        "ConnectTimeout": CONNECT_WITHIN_S,
        "ServerAliveInterval": SILENT_INTERVAL_S,
        "ServerAliveCountMax": SILENT_INTERVALS,
        "ControlPath": control_of(access.config),
        "StreamLocalBindUnlink": "yes",
        "LogLevel": "ERROR",
    }
    lines = [f"Host {HOST}", *(f"  {name} {value}" for name, value in options.items())]
    return "".join(f"{line}\n" for line in lines)


def control_of(config: Path) -> Path:
    """Give the socket of the connection: it is there as long as the connection is."""
    return config.with_name(CONTROL_NAME)


def _make_key(file: Path) -> str:
    """Make a pair of keys and give the public one."""
    subprocesses.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", HOST, "-f", str(file)],
        timeout_s=KEY_WITHIN_S,
    )
    return file.with_suffix(".pub").read_text()


def make_access(access: Access) -> str:
    """Make keys for both ends, and the configuration. Gives the key that is to be let in.

    Raises InstanceError when no keys can be made.
    """
    try:
        public = _make_key(access.host_key)
        let_in = _make_key(access.key)
    except CommandError as failure:
        raise InstanceError(
            f"no keys can be made for ssh: {failure.message}",
            remedy="apt-get install openssh-client",
        ) from failure
    write_atomic(access.known_hosts, f"{HOST} {public}")
    write_atomic(access.config, config_for(access))
    return let_in


def _master(config: Path) -> list[str]:
    """Give the command that opens the connection, and goes on in the background once it is."""
    return ["ssh", "-F", str(config), "-M", "-N", "-f", HOST]


def connect(config: Path) -> None:
    """Try once to open the connection. Raises InstanceError with what ssh said."""
    said = config.with_name("ssh.log")
    said.unlink(missing_ok=True)
    opening = subprocesses.start(_master(config), output=said)
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
        raise InstanceError(f"ssh to {config}: {said.read_text(errors='replace').strip()}")


def disconnect(config: Path) -> None:
    """Close the connection; no error when it is closed already."""
    if control_of(config).exists():
        closing = ["ssh", "-F", str(config), "-O", "exit", HOST]
        subprocesses.run(closing, timeout_s=FORWARD_WITHIN_S, check=False)


@dataclass(frozen=True, kw_only=True)
class SshMachine:
    """See `node.Node`. Its connection was opened by whoever started the machine."""

    name: str

    @property
    def _config(self) -> Path:
        return Path(self.name)

    def _require_connection(self) -> None:
        if not control_of(self._config).exists():
            raise InstanceDiedError(f"the connection to the guest is lost ({self.name})")

    def run(
        self, argv: Sequence[str], *, timeout_s: float, check: bool = True, stdin: str | None = None
    ) -> subprocesses.Completed:
        """Run a program there to its end. Raises InstanceDiedError when the machine is gone."""
        self._require_connection()
        there = ["ssh", "-F", self.name, HOST, shlex.join(argv)]
        done = subprocesses.run(there, timeout_s=timeout_s, check=False, stdin=stdin)
        if done.exit_status == FAILED and not control_of(self._config).exists():
            raise InstanceDiedError(f"the guest is gone: {done.tail}")
        if check and done.exit_status != 0:
            raise CommandError(
                argv, f"ended with status {done.exit_status} in the guest", done.tail
            )
        return done

    def read(self, paths: Sequence[Path]) -> Mapping[Path, str]:
        """Read those of the files that exist, all at once."""
        return files_by_command.read(self, paths)

    def write(self, path: Path, text: str) -> None:
        """Write to a file."""
        files_by_command.write(self, path, text)

    def socket(self, path: Path) -> Path:
        """Give the local end of a forwarded socket, forwarded when it is first asked for."""
        self._require_connection()
        name = digest(str(path).encode())[:SOCKET_NAME_CHARACTERS]
        local = self._config.with_name(f"{name}.socket")
        if not local.exists():
            forward = ["ssh", "-F", self.name, "-O", "forward", "-L", f"{local}:{path}", HOST]
            subprocesses.run(forward, timeout_s=FORWARD_WITHIN_S)
        return local
