# SPDX-License-Identifier: Apache-2.0
"""Images without a build time, and the unit in them."""

import hashlib
import io
import tarfile

import pytest

from featherbench.services import launcher
from featherbench.technologies.lxd import containers, images


@pytest.fixture
def contents(tmp_path):
    root = tmp_path / "root.tar"
    with tarfile.open(root, "w") as tar:
        entry = tarfile.TarInfo("./etc/hostname")
        entry.size = 2
        tar.addfile(entry, io.BytesIO(b"x\n"))
    return images.Contents(service="http", root_tar=root, files={"/srv/payload": b"p"})


def test_an_image_is_one_archive_of_root_file_system_files_and_unit(contents, tmp_path):
    images.write_files(contents, tmp_path / "rootfs.tar")
    with tarfile.open(tmp_path / "rootfs.tar") as tar:
        names = tar.getnames()
        masked = tar.getmember("etc/systemd/system/systemd-networkd.service")
    assert {"./etc/hostname", "srv/payload", "etc/systemd/system/featherbench.service"} <= set(
        names
    )
    assert masked.size == 0


def test_its_digest_is_the_fingerprint_that_lxd_computes_over_both_archives(contents, tmp_path):
    file = tmp_path / "rootfs.tar"
    fingerprint = images.write_files(contents, file)
    assert fingerprint == hashlib.sha256(contents.metadata + file.read_bytes()).hexdigest()
    assert fingerprint == images.write_files(contents, file)
    other = images.Contents(
        service="http", root_tar=contents.root_tar, files={"/srv/payload": b"q"}
    )
    assert images.write_files(other, file) != fingerprint


def test_the_unit_runs_the_command_of_the_start_as_the_services_user():
    unit = images.UNIT.read_text()
    words = (f"${containers.COMMAND}", f"User={launcher.SERVICE_UID}\n", "CapabilityBoundingSet=\n")
    assert [each for each in words if each not in unit] == []


def test_each_checkout_has_its_own_name_for_its_image(tmp_path):
    aliases = {images.alias_for("http", tmp_path / name) for name in ("a", "b", "b/../a")}
    assert len(aliases) == 2
