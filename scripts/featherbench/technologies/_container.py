# SPDX-License-Identifier: Apache-2.0
"""What the drivers of container engines share."""

import http.client
import socket
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from featherbench.contracts import technology
from featherbench.contracts.technology import StartRequest
from featherbench.errors import FeatherbenchError, InstanceDiedError, InstanceError, TestbedError
from featherbench.files import digest
from featherbench.ownership import LABEL, Leftover
from featherbench.records.cell import Usage
from featherbench.records.instance import Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.records.tuning import Tuning
from featherbench.services.launcher import with_address
from featherbench.system import firewall, programs, ssh
from featherbench.system.cgroup import ControlGroup, all_members, reset_peak, usage_of
from featherbench.system.machine import LOCAL, Machine, parse_files
from featherbench.system.procfs import one_line
from featherbench.system.sysctls import HIDDEN, NOT_SET, in_force, sysctl_files

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - inside the container's own network namespace
NEEDS = {"iptables": "iptables", **programs.FOR_ROOT_FILESYSTEM}
DIGEST_CHARACTERS = 12
READ = ("tail", "--verbose", "--lines=+1", "--")
"""Prints files with their names, whether or not all of them are there."""
ANSWER_WITHIN_S = 20.0

ClientT = TypeVar("ClientT")
ClientT_contra = TypeVar("ClientT_contra", contravariant=True)


def name_of(instance_id: str) -> str:
    """Return the name of an instance's container."""
    return f"{LABEL}-{instance_id}"


def folder_digest(folder: Path) -> str:
    """Return what makes the name of an image unique to the folder that it is built in.

    Each checkout has its own name for its image. So the image that it replaces can be removed, and
    another checkout's image cannot, even if it is the same.
    """
    return digest(str(folder.resolve()).encode())[:DIGEST_CHARACTERS]


def command(request: StartRequest) -> list[str]:
    """Return the command with its address: any address in a network namespace of its own."""
    address = request.placement.address if request.network == "host" else ANY_ADDRESS
    return with_address(request.command, address)


def published_port(request: StartRequest) -> int | None:
    """Return the port that is published at the placement's address, and at no other."""
    return request.port if request.network == "nat" else None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_WITHIN_S)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def _refusal(path: Path, question: str) -> str:
    """Ask at a Unix socket; return why there is no answer, or ""."""
    connection = _UnixConnection(path)
    try:
        connection.request("GET", question)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as silence:
        return str(silence) or type(silence).__name__
    finally:
        connection.close()
    return "" if status == http.client.OK else f"status {status}"


def answering(sockets: Iterable[Path], question: str) -> Path:
    """Return the first socket where GET `question` is answered.

    Raise ConnectionError, with the reason of each socket that exists, where there is none.
    """
    reasons = {}
    for path in dict.fromkeys(sockets):
        reasons[path] = _refusal(path, question)
        if not reasons[path]:
            return path
    existing = {path: why for path, why in reasons.items() if path.exists()} or reasons
    raise ConnectionError("; ".join(f"{path}: {why}" for path, why in existing.items()))


class Started(NamedTuple):
    """A container that was started: its address, the driver's handle, how long each step took."""

    address: str
    handle: dict[str, Any]
    phases_s: dict[str, float]


class _Operations(Protocol[ClientT_contra]):
    """An engine's operations on the container `name`: the driver's module `containers`."""

    def is_running(self, client: ClientT_contra, name: str) -> bool: ...
    def condition(self, client: ClientT_contra, name: str) -> str: ...
    def run_inside(
        self, client: ClientT_contra, name: str, argv: Sequence[str]
    ) -> tuple[int, str]: ...
    def end(self, client: ClientT_contra, name: str, *, log: Path) -> None: ...
    def remove(self, client: ClientT_contra, name: str) -> None: ...


class ContainerTechnology(technology.Technology, Generic[ClientT]):
    """A technology whose instances are containers of an engine, such as Docker or LXD."""

    name: str
    engine_missing: MissingRequirement
    sockets: tuple[Path, ...]
    daemons: tuple[str, ...]
    """One of the sockets or daemons exists if the engine is installed."""
    operations: _Operations[ClientT]

    @abstractmethod
    def connected(
        self,
        doing: str,
        *,
        machine: Machine = LOCAL,
        error: type[FeatherbenchError] = InstanceError,
    ) -> AbstractContextManager[ClientT]:
        """Connect to the engine; its errors become `error`, with `doing` as what failed."""

    @abstractmethod
    def run(self, request: StartRequest) -> Started:
        """Create a container and start it. Raise InstanceError if it ends at once."""

    @abstractmethod
    def control_group(self, instance: Instance, machine: Machine) -> ControlGroup:
        """Return its control group on `machine`. Raise InstanceDiedError if it does not run."""

    @abstractmethod
    def owned(self, client: ClientT) -> Iterable[Leftover]:
        """Yield what has our label: containers first, then what they use."""

    @abstractmethod
    def remove_owned(self, client: ClientT, leftover: Leftover) -> None:
        """Remove one of them; no error if it is gone already."""

    def limits_file(self, client: ClientT, name: str) -> str:
        """Return the file inside the container with the service's limits: the first process's."""
        return "/proc/1/limits"

    def settable(self, tuning: Tuning, machine: Machine) -> Tuning:
        """Return the part of `tuning` that can be set inside a container; others are left out."""
        return tuning

    def differs(self, client: ClientT, name: str) -> str:
        """Return why sysctls may have other values than it was given; empty: they may not."""
        return ""

    def _asking(self, instance: Instance, doing: str) -> AbstractContextManager[ClientT]:
        return self.connected(f"container {instance.id}: {doing}", machine=_machine_of(instance))

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return a missing engine, missing programs and rights; the engine is not asked."""
        missing = [*programs.missing_root(), *programs.missing(NEEDS)]
        installed = any(path.exists() for path in self.sockets) or any(
            map(programs.path_of, self.daemons)
        )
        return missing if installed else [self.engine_missing, *missing]

    def start(self, request: StartRequest) -> Instance:
        """Create a container and start it; remove what a failure leaves."""
        machine = request.placement.machine
        try:
            started = self.run(request)
        except BaseException:
            doing = f"removal of the {request.service} container"
            with self.connected(doing, machine=machine) as client:
                self.operations.remove(client, name_of(request.instance_id))
            raise
        address = started.address if request.network == "bridge" else request.placement.address
        return request.started(
            self.name,
            address,
            handle=started.handle | {"machine": machine.name, "log": str(request.log)},
            phases_s=started.phases_s,
            ping_address=started.address,
        )

    def is_running(self, instance: Instance) -> bool:
        """Ask the engine. Raises InstanceError when it does not answer."""
        with self._asking(instance, "is it running") as client:
            return self.operations.is_running(client, name_of(instance.id))

    def diagnosis(self, instance: Instance) -> str:
        """Return the engine's state of the container, and the last lines of output."""
        try:
            with self._asking(instance, "its state") as client:
                condition = self.operations.condition(client, name_of(instance.id))
        except FeatherbenchError as unknown:
            return unknown.message
        return condition or "its container is gone"

    def stop(self, instance: Instance) -> None:
        """Stop the container, keep its output, remove it."""
        with self._asking(instance, "its end") as client:
            self.operations.end(client, name_of(instance.id), log=Path(instance.handle["log"]))

    def usage(self, instance: Instance) -> Usage:
        """Read its control group."""
        try:
            return usage_of(self.control_group(instance, _machine_of(instance)))
        except OSError as gone:
            raise InstanceDiedError(f"container {instance.id} ended") from gone

    def processes(self, instance: Instance) -> Sequence[int]:
        """Return the members of its control group and of those below it."""
        machine = _machine_of(instance)
        return all_members(self.control_group(instance, machine)) if machine == LOCAL else ()

    def reset_peak(self, instance: Instance) -> bool:
        """Reset the peak of its control group."""
        return reset_peak(self.control_group(instance, _machine_of(instance)))

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Read sysctls and the service's limit with a program inside the container.

        HIDDEN stands for those that could not be set, or are not there: others are still read.
        """
        name, settable = name_of(instance.id), self.settable(tuning, _machine_of(instance))
        with self._asking(instance, "its tuning") as client:
            limits, differs = self.limits_file(client, name), self.differs(client, name)
            argv = [*READ, *sysctl_files(settable), limits]
            exit_status, output = self.operations.run_inside(client, name, argv)
        lines = [line for line in output.splitlines() if not line.startswith("tail: ")]
        files = parse_files("\n".join(lines))
        if exit_status != 0 and not files:
            raise TestbedError(
                f"the tuning cannot be read inside container {instance.id}: {output.strip()}",
                remedy="see whether the container's log tells why no program can run in it",
            )
        hidden = [key for key in tuning.net_sysctls if key not in settable.net_sysctls]
        values = {**in_force(files, settable, limits), **dict.fromkeys(hidden, HIDDEN)}
        wanted = {**tuning.net_sysctls, "nofile": str(tuning.nofile)}
        for key, value in values.items() if differs else ():
            if value not in {HIDDEN, one_line(wanted[key])}:
                values[key] = f"{NOT_SET}{differs} {value}"
        return values

    def leftovers(self) -> Sequence[Leftover]:
        """Return what has our label at the engine and in the firewall."""
        with self.connected("looking for leftovers") as client:
            return [*self.owned(client), *firewall.leftovers()]

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        if leftover.kind == firewall.RULE:
            firewall.remove(leftover)
            return
        with self.connected(f"removing {leftover.kind} {leftover.name}") as client:
            self.remove_owned(client, leftover)


def _machine_of(instance: Instance) -> Machine:
    return ssh.machine_named(instance.handle["machine"])
