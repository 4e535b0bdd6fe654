# SPDX-License-Identifier: Apache-2.0
"""Images without a build time, and their sizes."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from featherbench.system.machine import LOCAL
from featherbench.technologies.docker import images


@pytest.fixture
def contents(tmp_path):
    root = tmp_path / "root.tar"
    root.write_bytes(b"root")
    files = {"/srv/featherbench/http/payload": b"x"}
    digest = hashlib.sha256(b"root").hexdigest()
    return images.Contents(service="http", root_tar=root, root_digest=digest, files=files)


def test_an_archive_contains_every_layer_under_its_digest(contents, tmp_path):
    images.write_archive(contents, tmp_path / "image.tar", tag="featherbench/http:x")
    with tarfile.open(tmp_path / "image.tar") as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive}
    (manifest,) = json.loads(files["manifest.json"])
    configuration = json.loads(files[manifest["Config"]])
    digests = [f"sha256:{hashlib.sha256(files[name]).hexdigest()}" for name in manifest["Layers"]]
    assert configuration["rootfs"]["diff_ids"] == digests
    assert manifest["RepoTags"] == ["featherbench/http:x"]
    assert contents.digest == hashlib.sha256(files[manifest["Config"]]).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(files["files.tar"])) as layer:
        assert "srv/featherbench/http/payload" in layer.getnames()


def test_each_checkout_has_its_own_name_for_its_image(tmp_path):
    tags = {images.tag_for("http", tmp_path / name) for name in ("a/http", "b/http", "a/../a/http")}
    assert len(tags) == 2


def test_a_service_without_files_has_one_layer(contents):
    probe = images.Contents(
        service="startup", root_tar=contents.root_tar, root_digest=contents.root_digest, files={}
    )
    assert probe.layer_digests == [contents.root_digest]
    assert probe.digest != contents.digest


def test_layers_are_found_on_overlay2_only():
    data = {"UpperDir": "/d/2/diff", "LowerDir": "/d/1/diff:/d/0/diff"}
    description = {"GraphDriver": {"Name": "overlay2", "Data": data}}
    assert images.layer_folders(description) == [
        Path("/d/2/diff"),
        Path("/d/1/diff"),
        Path("/d/0/diff"),
    ]
    assert images.layer_folders({"GraphDriver": {"Name": "btrfs", "Data": None}}) == ()
    assert images.layer_folders({}) == ()


@pytest.mark.parametrize(
    "described",
    [
        {"Size": 7},  # Docker 29
        {"Size": 7, "GraphDriver": {"Name": "overlayfs", "Data": None}},  # Docker 27's containerd
        {"Size": 32_203, "GraphDriver": {"Name": "overlay", "Data": {"UpperDir": "/"}}},  # Podman 4
        {"Size": 7, "GraphDriver": {"Name": "overlay2", "Data": {"UpperDir": "/nonexistent"}}},
    ],
)
def test_an_engine_that_hides_its_layers_has_the_size_of_the_unpacked_files(
    contents, tmp_path, described
):
    with tarfile.open(contents.root_tar, "w") as archive:
        entry = tarfile.TarInfo("usr/data")
        entry.size = 10_000
        archive.addfile(entry, io.BytesIO(bytes(10_000)))
    before = set(tmp_path.iterdir())
    allocated, apparent, counted = images.size(described, contents, LOCAL, into=tmp_path)
    assert apparent == 10_000 + len(b"x")
    assert allocated >= apparent
    assert "unpacked" in counted
    assert set(tmp_path.iterdir()) == before
