# SPDX-License-Identifier: Apache-2.0
"""What the root file system is built with, and what is said when it cannot be."""

import io
import tarfile
from pathlib import Path

import pytest

from featherbench.errors import CommandError, ImageError
from featherbench.records.job_specs import RootFilesystemSpec
from featherbench.rootfs import base, mmdebstrap
from featherbench.rootfs.base import build_root_filesystem, check_versions, mmdebstrap_command

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


def test_command_names_the_suite_the_archive_and_the_sources():
    argv = mmdebstrap_command(
        SPEC,
        tar=Path("/w/root.tar"),
        sources=Path("/w/a.list"),
        keyrings=Path("/w/keys"),
        added=[Path("/w/a b")],
    )
    assert argv[-3:] == ["bookworm", "/w/root.tar", "/w/a.list"]
    assert "--include=nginx-light" in argv
    assert "--customize-hook=copy-in '/w/a b' /usr/local/bin" in argv


def test_without_sources_mmdebstrap_uses_its_own_and_our_keys():
    argv = mmdebstrap_command(
        SPEC, tar=Path("/w/root.tar"), sources=None, keyrings=Path("/w/keys"), added=[]
    )
    assert argv[-2:] == ["bookworm", "/w/root.tar"]
    assert "--keyring=/w/keys" in argv


@pytest.mark.parametrize("version", ["1.22.1-9", "1.22.1-9+deb12u11", "1.22.1"])
def test_a_version_that_begins_as_pinned_is_right(version):
    check_versions({"nginx-light": "1.22.1*"}, {"nginx-light": version})


@pytest.mark.parametrize("found", [{"nginx-light": "1.26.0-1"}, {}])
def test_another_version_is_refused_with_what_was_found(found):
    with pytest.raises(ImageError) as refused:
        check_versions({"nginx-light": "1.22.1*"}, found)
    assert found.get("nginx-light", "none") in refused.value.message
    assert "1.22.1*" in refused.value.message
    assert "root_filesystem.packages" in refused.value.remedy


def test_the_record_tells_digest_size_and_versions(tmp_path, fake_mmdebstrap):
    fake_mmdebstrap(lambda argv, _log: write_root_tar(tar_of(argv)))
    tar = tmp_path / "images/root.tar"
    built = build_root_filesystem(SPEC, tar=tar, log=tmp_path / "root.log")
    assert built.digest == base.file_digest(tar)
    assert built.size_bytes == tar.stat().st_size
    assert built.versions == {"nginx-light": "1.22.1-9"}
    assert [path.name for path in tar.parent.iterdir()] == ["root.tar"]


def test_a_wrong_version_leaves_no_archive(tmp_path, fake_mmdebstrap):
    fake_mmdebstrap(lambda argv, _log: write_root_tar(tar_of(argv), version="2"))
    with pytest.raises(ImageError):
        build_root_filesystem(SPEC, tar=tmp_path / "root.tar", log=tmp_path / "log/root.log")
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("tar: write: No space left on device", "make room"),
        ("E: Unable to locate package nginx-lite", "root_filesystem.packages"),
        ("E: Failed to fetch", "apt-get update"),
    ],
)
def test_a_failed_build_says_what_to_do(tmp_path, fake_mmdebstrap, said, remedy):
    def fail(argv, _log):
        raise CommandError(argv, "ended with status 25", said)

    fake_mmdebstrap(fail)
    with pytest.raises(ImageError, match="bookworm") as failed:
        build_root_filesystem(SPEC, tar=tmp_path / "root.tar", log=tmp_path / "root.log")
    assert remedy in failed.value.remedy
    assert list(tmp_path.iterdir()) == []
