# SPDX-License-Identifier: Apache-2.0
"""Images for LXD: an archive with a description, and an archive of files.

Neither contains a build time, and LXD's fingerprint is the SHA-256 over both: the same bytes give
the same fingerprint, which is the image's digest.
"""

from __future__ import annotations

import hashlib
import io
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.files import canonical_json
from featherbench.ownership import LABEL
from featherbench.paths import resource
from featherbench.rootfs.archives import (
    SOURCE_DATE_EPOCH,
    disk_usage,
    files_layer,
    merged_archive,
)
from featherbench.technologies._container import folder_digest
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
"""LXD gives the container its address; a network manager inside would remove it at first."""


def system_files() -> dict[str, bytes]:
    """Return the files with which the container's boot starts the service's unit.

    An empty unit file masks a unit; see systemd.unit(5).
    """
    return {
        f"{UNITS}/featherbench.service": UNIT.read_bytes(),
        f"{UNITS}/multi-user.target.d/featherbench.conf": WANTED_AT_BOOT,
        **{f"{UNITS}/{name}": b"" for name in MASKED},
    }


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What an image is made of: the archive of the root file system, and the service's files."""

    service: str
    root_tar: Path
    files: Mapping[str, bytes]

    @property
    def layer(self) -> bytes:
        """The archive of what is added to the root file system."""
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
    """Return LXD's name of the image that is built in the folder `into`."""
    return f"{LABEL}-{service}-{folder_digest(into)}"


def write_files(contents: Contents, file: Path) -> str:
    """Write the archive of the image's files; return the fingerprint that LXD will compute."""
    fingerprint = hashlib.sha256(contents.metadata)
    with file.open("wb") as archive:
        for chunk in merged_archive(contents.root_tar, contents.layer):
            fingerprint.update(chunk)
            archive.write(chunk)
    return fingerprint.hexdigest()


def _set_alias(client: Client, alias: str, fingerprint: str) -> None:
    """Name the image, and remove the one that had the name before and has no other."""
    aliases = client.api.images.aliases
    existing = owned_resources.find(aliases, alias)
    if existing is None:
        aliases.post(json={"name": alias, "target": fingerprint})
    elif existing["target"] != fingerprint:
        aliases[alias].put(json={"target": fingerprint})
        replaced = client.images.get(existing["target"])
        if not replaced.aliases:
            replaced.delete(wait=True)


def load(client: Client, contents: Contents, *, into: Path) -> dict[str, str]:
    """Load an image into LXD, from a file in `into`; return its fingerprint and alias."""
    archive = into / "rootfs.tar"
    fingerprint = write_files(contents, archive)
    if not client.images.exists(fingerprint):
        with archive.open("rb") as file:
            client.images.create(file, metadata=io.BytesIO(contents.metadata))
    archive.unlink()
    alias = alias_for(contents.service, into)
    _set_alias(client, alias, fingerprint)
    return {"fingerprint": fingerprint, "alias": alias}


def unpacked_bytes(
    client: Client, fingerprint: str, *, state: str, machine: Machine
) -> tuple[int, int]:
    """Return what a container of an image allocates in a folder, and the sizes of its files."""
    storage.make_pool(client, DIR, state=state)
    name = storage.unpack(client, DIR, fingerprint, state=state)
    try:
        folder = storage.folder_of(name, machine)
        return disk_usage(machine, [folder]), disk_usage(machine, [folder], apparent=True)
    finally:
        remove(client, name)
