# SPDX-License-Identifier: Apache-2.0
"""Images for a Docker engine, made without a build and without a registry.

An image is an archive of layers with a description, as `docker save` writes it. It contains no
build time: the same layers give the same description, and its SHA-256 is the image's digest.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import platform
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featherbench.errors import CommandError
from featherbench.files import canonical_json
from featherbench.ownership import LABEL
from featherbench.rootfs.archives import (
    SOURCE_DATE_EPOCH,
    disk_usage,
    files_layer,
    folder_bytes,
    unpack,
)
from featherbench.services import launcher
from featherbench.system.machine import Machine
from featherbench.technologies._container import folder_digest

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image as DockerImage

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le"}
"""The engine's names of the kernel's architectures."""
SERVICE_LABEL = f"{LABEL}.service"
"""Not LABEL itself: containers inherit the labels of their image, and a user's own container of
this image is no leftover."""
ROOT_LAYER, FILES_LAYER = "root.tar", "files.tar"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What an image is made of: the archive of the root file system, and the service's files."""

    service: str
    root_tar: Path
    root_digest: str
    files: Mapping[str, bytes]

    @property
    def layer(self) -> bytes:
        """The archive of the service's files; empty if it has none."""
        return files_layer(self.files)

    @property
    def layer_digests(self) -> list[str]:
        """SHA-256 of each layer."""
        files = [hashlib.sha256(self.layer).hexdigest()] if self.files else []
        return [self.root_digest, *files]

    @property
    def description(self) -> bytes:
        """The image's configuration in the engine's terms."""
        return canonical_json(
            {
                "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "config": {
                    "User": f"{launcher.SERVICE_UID}:{launcher.SERVICE_UID}",
                    "WorkingDir": "/",
                    "Labels": {SERVICE_LABEL: self.service},
                },
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [f"sha256:{digest}" for digest in self.layer_digests],
                },
            }
        ).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the description, which contains the SHA-256 of every layer."""
        return hashlib.sha256(self.description).hexdigest()


def tag_for(service: str, into: Path) -> str:
    """Return the engine's name of the image that is built in the folder `into`."""
    return f"{LABEL}/{service}:{folder_digest(into)}"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = len(content), SOURCE_DATE_EPOCH
    archive.addfile(entry, io.BytesIO(content))


def write_archive(contents: Contents, file: Path, *, tag: str) -> None:
    """Write the archive that `docker load` reads."""
    layers = [ROOT_LAYER, *([FILES_LAYER] if contents.files else [])]
    manifest = [{"Config": "image.json", "RepoTags": [tag], "Layers": layers}]
    with tarfile.open(file, "w") as archive:
        _add(archive, "manifest.json", json.dumps(manifest).encode())
        _add(archive, "image.json", contents.description)
        archive.add(contents.root_tar, ROOT_LAYER)
        if contents.files:
            _add(archive, FILES_LAYER, contents.layer)


def load(client: DockerClient, contents: Contents, *, into: Path) -> Mapping[str, Any]:
    """Load an image, in place of the one of its name; return the engine's description of it."""
    import docker  # noqa: PLC0415 - heavy

    tag, archive = tag_for(contents.service, into), into / "image.tar"
    write_archive(contents, archive, tag=tag)
    replaced: DockerImage | None = None
    with contextlib.suppress(docker.errors.ImageNotFound):
        replaced = client.images.get(tag)
    with archive.open("rb") as file:
        client.images.load(file)
    archive.unlink()
    loaded = client.images.get(tag)
    if replaced is not None and replaced.id != loaded.id:
        with contextlib.suppress(docker.errors.APIError):  # it has another name or a container
            client.images.remove(str(replaced.id))
    return {**loaded.attrs, "Tag": tag}


def layer_folders(image: Mapping[str, Any]) -> Sequence[Path]:
    """Return the engine's folders with the layers of `image`; none if it does not report them."""
    driver = image.get("GraphDriver") or {}
    data = driver.get("Data") or {}
    if driver.get("Name") != "overlay2" or "UpperDir" not in data:
        return ()
    lower = data.get("LowerDir") or ""
    return [Path(folder) for folder in (data["UpperDir"], *lower.split(":")) if folder]


def size(
    image: Mapping[str, Any], contents: Contents, machine: Machine, *, into: Path
) -> tuple[int, int, str]:
    """Return what an image allocates, the sizes of its files, and how that was counted.

    Engines other than Docker with overlay2 mean something else by `Size`: containerd's image store
    the compressed layers, the unpacked ones or both, Podman the archives. The layers are then
    unpacked in `into`, as other technologies do it.
    """
    if folders := layer_folders(image):
        with contextlib.suppress(CommandError):
            how = "allocated: the blocks of its layers; apparent: the engine's sum of their files"
            return disk_usage(machine, folders), image["Size"], how
    tree = into / "unpacked"
    try:
        unpack(contents.root_tar, contents.layer if contents.files else b"", tree)
        return (
            *folder_bytes(tree),
            "its files, unpacked beside the results, as the engine hides them",
        )
    finally:
        shutil.rmtree(tree, ignore_errors=True)
