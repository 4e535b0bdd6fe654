# SPDX-License-Identifier: Apache-2.0
"""Virtual machines through libvirt, and its errors in the user's words.

Domains are transient: libvirt forgets one as it ends, and nothing stays defined.
"""

from __future__ import annotations

import atexit
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.system import error_hints
from featherbench.system.error_hints import ErrorHint
from featherbench.vm.libvirt.domain_xml import METADATA, PREFIX, domain_xml, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import libvirt

    from featherbench.errors import FeatherbenchError
    from featherbench.vm.libvirt.domain_xml import Definition

URI = "qemu:///system"
PIDS = Path("/run/libvirt/qemu")
LOGS = Path("/var/log/libvirt/qemu")
"""Where libvirt keeps what QEMU says, one file a domain, though the domain be gone."""
START_THE_DAEMON = (
    "systemctl start libvirtd, or `make engine` where no systemd runs; then `virsh -c"
    f" {URI} list` must answer"
)


HINTS = (
    ErrorHint(
        r"does not support O_DIRECT|file system may not support O_DIRECT",
        "set guest.disk_cache to writeback: that file system has no direct access",
    ),
    ErrorHint(
        r"cannot set up guest memory|Cannot allocate memory",
        "give the guest less memory: guest.memory_mib, in the platform's settings",
    ),
    ErrorHint(
        r"emulator '.*' does not support virt type 'kvm'|invalid argument: could not get preferred"
        r" machine .*kvm|Could not access KVM",
        "restart libvirtd: it looked for KVM when it started",
    ),
    ErrorHint(
        r"unsupported configuration|unsupported machine type",
        "choose what this host's QEMU has: `virsh domcapabilities` tells",
    ),
    ErrorHint(r"Permission denied", "see whether AppArmor or SELinux keeps QEMU from that file"),
    ErrorHint(r"No space left on device", "make room on the disk that holds /var/lib/featherbench"),
)


def explained(doing: str, said: str, error: type[FeatherbenchError]) -> FeatherbenchError:
    """Put libvirt's refusal into an error of ours."""
    return error_hints.refusal(doing, said, error, program="libvirt", hints=HINTS)


@cache
def _connected() -> libvirt.virConnect:
    import libvirt  # noqa: PLC0415 - heavy

    libvirt.registerErrorHandler(lambda _context, _error: None, None)  # it would print them
    connection = libvirt.open(URI)
    atexit.register(connection.close)  # it would complain when the interpreter takes it apart
    return connection


def _connection() -> libvirt.virConnect:
    """Give the connection, a new one where the daemon has been started anew since."""
    if not _connected().isAlive():
        _connected.cache_clear()
    return _connected()


@contextmanager
def translate_errors(
    doing: str, *, error: type[FeatherbenchError] = InstanceError
) -> Iterator[libvirt.virConnect]:
    """Give a connection; what libvirt raises in the block becomes an `error` of ours.

    `doing` says what failed.
    """
    import libvirt  # noqa: PLC0415 - heavy

    try:
        connection = _connection()
    except libvirt.libvirtError as silent:
        raise error(
            f"{doing}: libvirt at {URI} does not answer: {silent}", remedy=START_THE_DAEMON
        ) from silent
    try:
        yield connection
    except libvirt.libvirtError as refused:
        raise explained(doing, str(refused), error) from refused


@contextmanager
def _unless_gone() -> Iterator[None]:
    """Leave the block where a domain in it ends, or has ended: guests end when they like."""
    import libvirt  # noqa: PLC0415 - heavy

    try:
        yield
    except libvirt.libvirtError as gone:
        ended = {libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID}
        if gone.get_error_code() not in ended:
            raise


def create(guest: Definition) -> None:
    """Start a guest; it runs when this returns. Raises InstanceError with what QEMU said."""
    with translate_errors(f"start of the guest {guest.name}") as connection:
        connection.createXML(domain_xml(guest))


def is_running(instance_id: str) -> bool:
    """Ask libvirt. A guest that QEMU has paused, because KVM failed, does not run."""
    import libvirt  # noqa: PLC0415 - heavy

    with translate_errors(f"guest {instance_id}: is it running") as connection, _unless_gone():
        domain = connection.lookupByName(name_of(instance_id))
        return bool(domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING)
    return False


def destroy(instance_id: str) -> None:
    """End a guest as by pulling its plug, and forget it; no error when it is gone already."""
    with translate_errors(f"guest {instance_id}: its end") as connection, _unless_gone():
        connection.lookupByName(name_of(instance_id)).destroy()
    qemu_log(instance_id).unlink(missing_ok=True)


def pid_of(instance_id: str) -> int:
    """Give the pid of its QEMU. Raises InstanceDiedError when there is none."""
    try:
        return int((PIDS / f"{name_of(instance_id)}.pid").read_text())
    except (FileNotFoundError, ValueError) as gone:
        raise InstanceDiedError(f"the guest {instance_id} is gone") from gone


def memory_stats(instance_id: str) -> Mapping[str, int]:
    """Give what the guest's balloon driver last told, in KiB; see virDomainMemoryStats."""
    with translate_errors(f"guest {instance_id}: its memory") as connection, _unless_gone():
        told: Mapping[str, int] = connection.lookupByName(name_of(instance_id)).memoryStats()
        return told
    return {}


def qemu_log(instance_id: str) -> Path:
    """Give the file that has what QEMU said."""
    return LOGS / f"{name_of(instance_id)}.log"


class Found(NamedTuple):
    """A domain of ours."""

    instance_id: str
    state: str
    accelerator: str


def noted(xml: str) -> Found | None:
    """Read what we noted in a domain; None when it is not ours."""
    note = ET.fromstring(xml).find(f"metadata/{{{METADATA}}}guest")  # noqa: S314 - libvirt's own
    if note is None:
        return None
    return Found(note.get("instance", ""), note.get("state", ""), note.get("accelerator", ""))


def own_domains() -> list[Found]:
    """Find all domains of ours."""
    found = []
    with translate_errors("looking for guests of ours") as connection:
        for domain in connection.listAllDomains():
            with _unless_gone():
                if domain.name().startswith(PREFIX):
                    found.append(noted(domain.XMLDesc()))
    return [each for each in found if each]


def facts() -> Mapping[str, str]:
    """Tell the versions of libvirt and of QEMU."""
    with translate_errors("asking for versions") as connection:
        return {
            "libvirt": _version(connection.getLibVersion()),
            "qemu": _version(connection.getVersion()),
        }


def _version(number: int) -> str:
    """Spell a version as people do: libvirt has 1,000,000 major + 1,000 minor + release."""
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"
