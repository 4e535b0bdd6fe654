# SPDX-License-Identifier: Apache-2.0
"""What the base is built from, its record, and the errors when it cannot be built."""

import io
import tarfile
from pathlib import Path

import pytest

from featherbench.errors import CommandError, ImageError
from featherbench.records.job_specs import RootFilesystemSpec
from featherbench.rootfs import base, mmdebstrap
from featherbench.rootfs.base import build_root_filesystem, check_versions

SPEC = RootFilesystemSpec(suite="bookworm", packages={"nginx-light": "1.22.1*"}, code="")
STATUS = """\
Package: nginx-light
Status: install ok installed
Version: {version}

Package: dash
Status: install ok installed
Version: 1
"""


def write_root_tar(path, version="1.22.1-9"):
    with tarfile.open(path, "w") as tar:
        content = STATUS.format(version=version).encode()
        entry = tarfile.TarInfo(base.DPKG_STATUS)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))


@pytest.fixture
def fake_mmdebstrap(monkeypatch):
    """Replace the long build by `build(argv, log)`."""

    def install(build):
        def run(argv, *, log, **_):
            build(argv, log)

        monkeypatch.setattr(mmdebstrap, "run_logged", run)
        monkeypatch.setattr(base, "machine_sources", lambda: ())

    return install


def tar_of(argv):
    return Path(argv[argv.index("bookworm") + 1])


def test_packages_are_included_and_programs_copied():
    options, hooks = base.customization(SPEC.packages, programs=[Path("/w/a b")])
    assert "--include=nginx-light" in options
    assert "copy-in '/w/a b' /usr/local/bin" in hooks


@pytest.mark.parametrize("version", ["1.22.1-9", "1.22.1-9+deb12u11", "1.22.1"])
def test_a_version_that_begins_as_pinned_is_accepted(version):
    check_versions({"nginx-light": "1.22.1*"}, {"nginx-light": version})


@pytest.mark.parametrize("installed", [{"nginx-light": "1.26.0-1"}, {}])
def test_another_version_is_refused_with_the_installed_one(installed):
    with pytest.raises(ImageError) as refused:
        check_versions({"nginx-light": "1.22.1*"}, installed)
    assert installed.get("nginx-light", "none") in refused.value.message
    assert "1.22.1*" in refused.value.message
    assert "root_filesystem.packages" in refused.value.remedy


def test_the_record_contains_digest_size_and_versions(tmp_path, fake_mmdebstrap):
    fake_mmdebstrap(lambda argv, _log: write_root_tar(tar_of(argv)))
    tar = tmp_path / "images/root.tar"
    built = build_root_filesystem(SPEC, tar=tar, log=tmp_path / "root.log")
    assert built.digest == base.file_digest(tar)
    assert built.size_bytes == tar.stat().st_size
    assert built.versions == {"nginx-light": "1.22.1-9"}
    assert [path.name for path in tar.parent.iterdir()] == ["root.tar"]


def test_a_record_leads_to_the_archive_beside_it(tmp_path, fake_mmdebstrap):
    fake_mmdebstrap(lambda argv, _log: write_root_tar(tar_of(argv)))
    built = build_root_filesystem(SPEC, tar=tmp_path / "root.tar", log=tmp_path / "root.log")
    built.write(tmp_path / "root.json")
    archive = base.root_archive(tmp_path / "root.json")
    assert archive.tar == tmp_path / "root.tar"
    assert (archive.digest, archive.versions) == (built.digest, built.versions)
    assert archive.compressed_bytes == built.compressed_bytes


def test_a_wrong_version_leaves_no_archive(tmp_path, fake_mmdebstrap):
    fake_mmdebstrap(lambda argv, _log: write_root_tar(tar_of(argv), version="2"))
    with pytest.raises(ImageError):
        build_root_filesystem(SPEC, tar=tmp_path / "root.tar", log=tmp_path / "log/root.log")
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_failed_build_names_the_suite_and_leaves_nothing(tmp_path, fake_mmdebstrap):
    def fail(argv, _log):
        raise CommandError(argv, "ended with status 25", "E: Failed to fetch")

    fake_mmdebstrap(fail)
    with pytest.raises(ImageError, match="bookworm"):
        build_root_filesystem(SPEC, tar=tmp_path / "root.tar", log=tmp_path / "root.log")
    assert list(tmp_path.iterdir()) == []
