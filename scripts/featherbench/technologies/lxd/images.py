# SPDX-License-Identifier: Apache-2.0
"""Images for LXD: an archive that describes one, and an archive of its files.

Neither holds a time of the build, and LXD's fingerprint is the SHA-256 over both: the same bytes
give the same fingerprint, which is the image's digest.
"""

from __future__ import annotations

import hashlib
import io
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.files import canonical_json, digest
from featherbench.ownership import LABEL
from featherbench.paths import resource
from featherbench.rootfs.archives import SOURCE_DATE_EPOCH, disk_usage, files_layer, merged_archive
from featherbench.technologies.lxd import owned_resources, storage
from featherbench.technologies.lxd.container_ops import remove
from featherbench.technologies.lxd.container_spec import DIR

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pylxd import Client

    from featherbench.system.machine import Machine

UNIT = resource("technologies/lxd.service")
UNITS = "/etc/systemd/system"
WANTED_AT_BOOT = b"[Unit]\nWants=featherbench.service\n"
MASKED = ("systemd-networkd.service", "systemd-networkd.socket")
"""LXD gives the container its address; who manages it inside would take it away at first."""
DIGEST_CHARACTERS = 12


def system_files() -> dict[str, bytes]:
    """Give what the app's unit needs to be started by the container's boot.

    An empty unit is a masked one; see systemd.unit(5).
    """
    return {
        f"{UNITS}/featherbench.service": UNIT.read_bytes(),
        f"{UNITS}/multi-user.target.d/featherbench.conf": WANTED_AT_BOOT,
        **{f"{UNITS}/{name}": b"" for name in MASKED},
    }


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What an image is made of: the archive of the root file system, and the app's own files."""

    service: str
    root_tar: Path
    files: Mapping[str, bytes]

    @property
    def layer(self) -> bytes:
        """The archive of what lies over the root file system."""
        return files_layer({**self.files, **system_files()})

    @property
    def metadata(self) -> bytes:
        """The archive that describes the image; JSON is YAML."""
        text = canonical_json(
            {
                "architecture": platform.machine(),
                "creation_date": SOURCE_DATE_EPOCH,
                "properties": {"description": f"{LABEL} {self.service}"},
            }
        )
        return files_layer({"metadata.yaml": text.encode()})


def alias_for(service: str, into: Path) -> str:
    """Give the name at LXD of the image that belongs to the folder `into`.

    Each checkout has a name of its own, so that the image it replaces can be removed, and another
    checkout's image, though it be the same, cannot.
    """
    return f"{LABEL}-{service}-{digest(str(into.resolve()).encode())[:DIGEST_CHARACTERS]}"


def write_files(contents: Contents, file: Path) -> str:
    """Write the archive of the image's files, and give the fingerprint that LXD will find."""
    fingerprint = hashlib.sha256(contents.metadata)
    with file.open("wb") as archive:
        for chunk in merged_archive(contents.root_tar, contents.layer):
            fingerprint.update(chunk)
            archive.write(chunk)
    return fingerprint.hexdigest()


def _name(client: Client, alias: str, fingerprint: str) -> None:
    """Give the image its name, and remove the one that had it before and has no other name."""
    aliases = client.api.images.aliases
    named = owned_resources.find(aliases, alias)
    if named is None:
        aliases.post(json={"name": alias, "target": fingerprint})
    elif named["target"] != fingerprint:
        aliases[alias].put(json={"target": fingerprint})
        replaced = client.images.get(named["target"])
        if not replaced.aliases:
            replaced.delete(wait=True)


def load(client: Client, contents: Contents, *, into: Path) -> Mapping[str, str]:
    """Bring an image to LXD, by way of a file in `into`, and say how it is found there."""
    archive = into / "rootfs.tar"
    fingerprint = write_files(contents, archive)
    if not client.images.exists(fingerprint):
        with archive.open("rb") as file:
            client.images.create(file, metadata=io.BytesIO(contents.metadata))
    archive.unlink()
    alias = alias_for(contents.service, into)
    _name(client, alias, fingerprint)
    return {"fingerprint": fingerprint, "alias": alias}


def unpacked_bytes(
    client: Client, fingerprint: str, *, state: str, machine: Machine
) -> tuple[int, int]:
    """Count what a container of an image allocates in a folder, and the sizes of its files."""
    storage.make_pool(client, DIR, state=state)
    name = storage.unpack(client, DIR, fingerprint, state=state)
    try:
        folder = storage.folder_of(name, machine)
        return disk_usage(machine, [folder]), disk_usage(machine, [folder], apparent=True)
    finally:
        remove(client, name)
