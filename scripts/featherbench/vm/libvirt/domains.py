# SPDX-License-Identifier: Apache-2.0
"""Virtual machines by libvirt, and its errors with their remedies.

Domains are transient: libvirt forgets one when it ends, and nothing stays defined.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from featherbench import errors
from featherbench.contracts.vm_runner import NAME_PREFIX, name_of
from featherbench.errors import ErrorHint, FeatherbenchError, InstanceDiedError, InstanceError
from featherbench.vm.instance_dir import OwnedVm
from featherbench.vm.libvirt.domain_xml import METADATA, DomainDefinition, domain_xml

if TYPE_CHECKING:
    import libvirt


URI = "qemu:///system"
PIDS = Path("/run/libvirt/qemu")
LOGS = Path("/var/log/libvirt/qemu")
"""libvirt's folder for QEMU's output, a file per domain, which outlives the domain."""
START_THE_DAEMON = (
    "systemctl start libvirtd (or virtqemud.socket), or `make engine` where no systemd runs; then"
    f" `virsh -c {URI} list` must answer"
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
        "restart libvirtd (or virtqemud): it looked for KVM when it started",
    ),
    ErrorHint(
        r"unsupported configuration|unsupported machine type",
        "choose what this machine's QEMU has: see `virsh domcapabilities`",
    ),
    ErrorHint(r"Permission denied", "check that AppArmor or SELinux lets QEMU use that file"),
    ErrorHint(r"No space left on device", "make room on the disk that holds /var/lib/featherbench"),
)


def _open_answering(open_uri: Callable[[str], libvirt.virConnect]) -> libvirt.virConnect:
    """Open what answers: what libvirt chooses by its files, or one of libvirtd and virtqemud."""
    import libvirt  # noqa: PLC0415 - heavy

    for uri in (f"{URI}?mode=legacy", f"{URI}?mode=direct"):
        with suppress(libvirt.libvirtError):
            return open_uri(uri)
    return open_uri(URI)


@cache
def _connected() -> libvirt.virConnect:
    import libvirt  # noqa: PLC0415 - heavy

    libvirt.registerErrorHandler(lambda _context, _error: None, None)  # do not print errors
    connection = _open_answering(libvirt.open)
    atexit.register(connection.close)  # its destructor at exit would print an error
    return connection


def _connection() -> libvirt.virConnect:
    """Return the connection; a new one if the daemon was restarted."""
    if not _connected().isAlive():
        _connected.cache_clear()
    return _connected()


@contextmanager
def translate_errors(
    doing: str, *, error: type[FeatherbenchError] = InstanceError
) -> Iterator[libvirt.virConnect]:
    """Yield a connection; an error of libvirt becomes `error`, with `doing` as what failed."""
    import libvirt  # noqa: PLC0415 - heavy

    try:
        connection = _connection()
    except libvirt.libvirtError as silence:
        raise error(
            f"{doing}: libvirt at {URI} does not answer: {silence}",
            remedy=errors.remedy_of_silence(str(silence), START_THE_DAEMON),
        ) from silence
    try:
        yield connection
    except libvirt.libvirtError as refusal:
        raise errors.refusal(
            doing, str(refusal), error, program="libvirt", hints=HINTS
        ) from refusal


@contextmanager
def _unless_gone() -> Iterator[None]:
    """Leave the block if its domain has ended: guests may end at any time."""
    import libvirt  # noqa: PLC0415 - heavy

    try:
        yield
    except libvirt.libvirtError as error:
        ended = {libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID}
        if error.get_error_code() not in ended:
            raise


def create(guest: DomainDefinition) -> None:
    """Start a guest; it runs on return. Raise InstanceError with QEMU's output."""
    with translate_errors(f"start of the guest {guest.request.name}") as connection:
        connection.createXML(domain_xml(guest))


def is_running(instance_id: str) -> bool:
    """Return whether a guest runs: not if QEMU has paused it because KVM failed."""
    import libvirt  # noqa: PLC0415 - heavy

    with translate_errors(f"guest {instance_id}: is it running") as connection, _unless_gone():
        domain = connection.lookupByName(name_of(instance_id))
        return bool(domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING)
    return False


def destroy(instance_id: str) -> None:
    """End a guest at once, and remove its log; no error if it is gone already."""
    with translate_errors(f"guest {instance_id}: its end") as connection, _unless_gone():
        connection.lookupByName(name_of(instance_id)).destroy()
    qemu_log(instance_id).unlink(missing_ok=True)


def pid_of(instance_id: str) -> int:
    """Return the pid of its QEMU. Raise InstanceDiedError if there is none."""
    try:
        return int((PIDS / f"{name_of(instance_id)}.pid").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise InstanceDiedError(f"the guest {instance_id} is gone") from error


def memory_stats(instance_id: str) -> Mapping[str, int]:
    """Return what the guest's balloon driver last reported, in KiB; see virDomainMemoryStats."""
    with translate_errors(f"guest {instance_id}: its memory") as connection, _unless_gone():
        stats: Mapping[str, int] = connection.lookupByName(name_of(instance_id)).memoryStats()
        return stats
    return {}


def qemu_log(instance_id: str) -> Path:
    """Return the file with QEMU's output."""
    return LOGS / f"{name_of(instance_id)}.log"


def parse_metadata(xml: str) -> OwnedVm | None:
    """Parse the metadata of a domain; None if it is not one of featherbench."""
    guest = ET.fromstring(xml).find(f"metadata/{{{METADATA}}}guest")  # noqa: S314 - libvirt's own
    if guest is None:
        return None
    return OwnedVm(*(guest.get(key, "") for key in ("instance", "state", "accelerator")))


def owned_domains() -> list[OwnedVm]:
    """Return all domains of featherbench."""
    found = []
    with translate_errors("looking for guests of featherbench") as connection:
        for domain in connection.listAllDomains():
            with _unless_gone():
                if domain.name().startswith(NAME_PREFIX):
                    found.append(parse_metadata(domain.XMLDesc()))
    return [domain for domain in found if domain]


def facts() -> Mapping[str, str]:
    """Return the versions of libvirt and of QEMU."""
    with translate_errors("asking for versions") as connection:
        return {
            "libvirt": _version(connection.getLibVersion()),
            "qemu": _version(connection.getVersion()),
        }


def _version(number: int) -> str:
    """Format a version: libvirt has 1,000,000 major + 1,000 minor + release."""
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"
