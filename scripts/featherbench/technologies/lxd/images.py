# SPDX-License-Identifier: Apache-2.0
"""Images for LXD, and the storage pools in which they are unpacked.

An image is an archive with a description, and an archive of files. Neither contains a build time,
and LXD's fingerprint is the SHA-256 over both: the same bytes give the same fingerprint, which is
the image's digest. In a pool that is a folder, each container is a copy of its image's files, which
every LXD supports; in a file with btrfs, it is a snapshot of them, unpacked for the first one.
"""

from __future__ import annotations

import hashlib
import io
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featherbench.files import canonical_json
from featherbench.ownership import LABEL
from featherbench.paths import resource
from featherbench.rootfs.archives import (
    SOURCE_DATE_EPOCH,
    disk_usage,
    file_bytes,
    files_layer,
    merged_archive,
)
from featherbench.system.machine import Machine
from featherbench.technologies._container import folder_digest
from featherbench.technologies.lxd import resources
from featherbench.technologies.lxd.containers import DIR, bare_description, pool_of, remove

if TYPE_CHECKING:
    from pylxd import Client

UNIT = resource("technologies/lxd.service")
UNITS = "/etc/systemd/system"
WANTED_AT_BOOT = b"[Unit]\nWants=featherbench.service\n"
MASKED = ("systemd-networkd.service", "systemd-networkd.socket")
"""LXD gives the container its address; a network manager inside would remove it at first."""
FILE_SIZE = "8GiB"
"""The limit of a pool's file, which is sparse."""


def system_files() -> dict[str, bytes]:
    """Return the files that start the service's unit at boot; an empty unit file masks a unit."""
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
    existing = resources.find(aliases, alias)
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


def pool_description(driver: str, state: str) -> dict[str, Any]:
    """Return LXD's description of a pool."""
    size = {} if driver == DIR else {"size": FILE_SIZE}
    return {
        "name": pool_of(driver),
        "driver": driver,
        "description": f"{LABEL} storage pool",
        "config": {**size, **resources.marks("pool", state)},
    }


def make_pool(client: Client, driver: str, *, state: str) -> None:
    """Make the pool, or again if it differs. Raise TestbedError if it is not featherbench's."""
    resources.make(client.api["storage-pools"], pool_description(driver, state))


def folder_of(client: Client, container: str) -> Path:
    """Return the folder with the files of a container in the pool that is a folder."""
    pool = client.api["storage-pools"][pool_of(DIR)].get().json()["metadata"]
    return Path(pool["config"]["source"], "containers", container, "rootfs")


def unpack(client: Client, driver: str, fingerprint: str, *, state: str) -> str:
    """Create a container that is never started, to unpack its image; return its name."""
    name = f"{LABEL}-{fingerprint[:12]}"
    remove(client, name)
    marks = resources.marks(name, state)
    container = bare_description(name, fingerprint, driver, marks)
    client.instances.create(container, wait=True)
    return name


def ensure_unpacked(client: Client, driver: str, fingerprint: str, *, state: str) -> None:
    """Unpack the image in a pool with snapshots, unless it is there already."""
    images = client.api["storage-pools"][pool_of(driver)].volumes.image
    if driver != DIR and resources.find(images, fingerprint) is None:
        remove(client, unpack(client, driver, fingerprint, state=state))


def unpacked_bytes(
    client: Client, fingerprint: str, *, state: str, machine: Machine
) -> tuple[int, int]:
    """Return what a container of an image allocates in a folder, and the sizes of its files."""
    make_pool(client, DIR, state=state)
    name = unpack(client, DIR, fingerprint, state=state)
    try:
        folder = folder_of(client, name)
        return disk_usage(machine, [folder]), file_bytes(machine, folder)
    finally:
        remove(client, name)
