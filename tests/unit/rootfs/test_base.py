# SPDX-License-Identifier: Apache-2.0
"""What root file systems are built from, their records, and the errors when they cannot be built.

One that is derived contains its base unchanged, or its build fails with what changed.
"""

import io
import socket
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from featherbench.errors import CommandError, ImageError
from featherbench.paths import RESOURCES
from featherbench.records.job_specs import RootFilesystemSpec
from featherbench.rootfs import base as base_module
from featherbench.rootfs import derived, mmdebstrap
from featherbench.rootfs.base import DPKG_STATUS, build_root_filesystem, check_versions
from featherbench.rootfs.derived import (
    build_derived_root_filesystem,
    changed_files,
    check_base_unchanged,
)
from featherbench.rootfs.descriptions import DerivedRootFilesystemSpec
from featherbench.system.polling import wait_until

BASE_SPEC = RootFilesystemSpec(suite="bookworm", packages={"nginx-light": "1.22.1*"}, code="")
SPEC = DerivedRootFilesystemSpec(
    name="system",
    suite="bookworm",
    packages=("systemd", "iproute2"),
    enabled=("systemd-networkd.service",),
    masked=("nginx.service",),
    files={"/etc/hostname": "featherbench\n"},
    code="",
)
STATUS = "Package: libc6\nStatus: install ok installed\nVersion: {}\n"
BASE_FILES = {
    "./usr/sbin/nginx": b"ELF",
    "./etc/passwd": b"root",
    "./etc/hostname": b"builder",
    DPKG_STATUS: STATUS.format("2.36").encode(),
}


def with_nginx(version="1.22.1-9"):
    nginx, dash = (STATUS.replace("libc6", name) for name in ("nginx-light", "dash"))
    return {DPKG_STATUS: f"{nginx.format(version)}\n{dash.format(1)}".encode()}


def write_tar(path, contents, mode=0o644):
    with tarfile.open(path, "w") as tar:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return path


AT_ONCE = """
#include <unistd.h>
static int at_once(void) { return -1; }
#define pause at_once
"""


def test_the_probe_sends_its_nonce_and_sleeps_where_pause_returns_at_once(tmp_path):
    (tmp_path / "probe.c").write_text(AT_ONCE + (RESOURCES / "probe/probe.c").read_text())
    probe = base_module.compile_program(tmp_path / "probe.c", tmp_path / "probe", what="the probe")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(30)
        started = subprocess.Popen([probe, "127.0.0.1", str(receiver.getsockname()[1]), "abc"])
        assert receiver.recv(10) == b"abc"
    state = Path(f"/proc/{started.pid}/stat")
    wait_until(lambda: state.read_text().split()[2] == "S", what="its sleep", within_s=5)
    for _ in range(5):
        assert state.read_text().split()[2] == "S"
        time.sleep(0.01)  # what is waited for is that nothing happens
    started.terminate()
    assert started.wait(5) == 0


@pytest.fixture
def base(tmp_path):
    return write_tar(tmp_path / "base.tar", BASE_FILES)


@pytest.fixture
def fake_build(monkeypatch):
    """Replace the long build by one that writes `contents`, or fails with `output`."""

    def install(contents=None, output=""):
        def run(argv, **_):
            if contents is None:
                raise CommandError(argv, "ended with status 25", output)
            write_tar(Path(argv[argv.index("bookworm") + 1]), contents)

        monkeypatch.setattr(mmdebstrap, "run_logged", run)
        monkeypatch.setattr(base_module, "machine_sources", lambda: ())

    return install


def test_packages_are_included_and_programs_copied():
    options, hooks = base_module.customization(BASE_SPEC.packages, programs=[Path("/w/a b")])
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


def test_the_record_has_digest_size_and_versions_and_leads_to_the_archive_beside_it(
    tmp_path, fake_build
):
    fake_build(with_nginx())
    tar = tmp_path / "images/root.tar"
    built = build_root_filesystem(BASE_SPEC, tar=tar, log=tmp_path / "root.log")
    assert built.digest == base_module.file_digest(tar)
    assert built.size_bytes == tar.stat().st_size
    assert built.versions == {"nginx-light": "1.22.1-9"}
    assert [path.name for path in tar.parent.iterdir()] == ["root.tar"]
    built.write(tar.with_suffix(".json"))
    archive = base_module.root_archive(tar.with_suffix(".json"))
    assert (archive.tar, archive.digest, archive.versions) == (tar, built.digest, built.versions)
    assert archive.compressed_bytes == built.compressed_bytes


def test_a_wrong_version_leaves_no_archive(tmp_path, fake_build):
    fake_build(with_nginx("2"))
    with pytest.raises(ImageError):
        build_root_filesystem(BASE_SPEC, tar=tmp_path / "root.tar", log=tmp_path / "log/root.log")
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_failed_build_names_the_suite_and_leaves_nothing(tmp_path, fake_build):
    fake_build(output="E: Failed to fetch")
    with pytest.raises(ImageError, match="bookworm"):
        build_root_filesystem(BASE_SPEC, tar=tmp_path / "root.tar", log=tmp_path / "root.log")
    assert list(tmp_path.iterdir()) == []


# --- derived ones ---------------------------------------------------------------------------------


def customization(spec=SPEC, files=Path("/w/files.tar")):
    return derived.customization(spec, base=Path("/w/a b.tar"), files=files)


def test_the_hooks_unpack_install_write_and_then_mask():
    options, hooks = customization()
    unpack = next(option for option in options if option.startswith("--setup-hook="))
    assert "'/w/a b.tar' --directory \"$1\"" in unpack
    expected = [
        "install systemd iproute2",
        "tar-in /w/files.tar /",
        "systemctl enable",
        "mask nginx",
    ]
    assert all(words in hook for words, hook in zip(expected, hooks, strict=False))


def test_nothing_is_written_enabled_or_masked_unless_described():
    bare = SPEC.model_copy(update={"enabled": (), "masked": (), "files": {}})
    hooks = " ".join(customization(bare, files=None).hooks)
    assert "systemctl" not in hooks
    assert "tar-in" not in hooks


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"./usr/sbin/nginx": b"other"}, ["./usr/sbin/nginx"]),
        ({"./usr/sbin/nginx": None}, ["./usr/sbin/nginx"]),
        ({"./usr/sbin/added": b""}, []),
        ({"./etc/passwd": b"more"}, []),
    ],
)
def test_changed_files_of_the_base_are_found(tmp_path, base, change, changed):
    contents = {name: text for name, text in (BASE_FILES | change).items() if text is not None}
    made = write_tar(tmp_path / "made.tar", contents)
    assert changed_files(base, made, may_change=derived.DATABASES) == changed


def test_a_changed_mode_is_a_change(tmp_path, base):
    made = write_tar(tmp_path / "made.tar", BASE_FILES, mode=0o755)
    assert "./usr/sbin/nginx" in changed_files(base, made, may_change=())


def test_files_that_the_description_writes_may_change(tmp_path, base):
    made = write_tar(tmp_path / "made.tar", BASE_FILES | {"./etc/hostname": b"featherbench\n"})
    check_base_unchanged(base, made, written=SPEC.files)
    with pytest.raises(ImageError, match="etc/hostname") as refused:
        check_base_unchanged(base, made, written=())
    assert "derived.yaml" in refused.value.remedy


def test_a_newer_version_of_a_package_of_the_base_is_refused_with_both_versions(tmp_path, base):
    newer = BASE_FILES | {DPKG_STATUS: STATUS.format("2.37").encode()}
    with pytest.raises(ImageError, match=r"libc6 2\.36 to 2\.37") as refused:
        check_base_unchanged(base, write_tar(tmp_path / "made.tar", newer), written=SPEC.files)
    assert "--forcerun root_filesystem" in refused.value.remedy


def test_a_finished_build_is_recorded_and_leaves_only_the_archive(tmp_path, base, fake_build):
    fake_build(BASE_FILES | {"./sbin/init": b"systemd"})
    tar = tmp_path / "roots/system.tar"
    built = build_derived_root_filesystem(SPEC, base=base, tar=tar, log=tmp_path / "log")
    assert built.versions == {"libc6": "2.36"}
    assert built.size_bytes == tar.stat().st_size
    assert [path.name for path in tar.parent.iterdir()] == ["system.tar"]


def test_a_build_that_changed_a_file_leaves_no_archive(tmp_path, base, fake_build):
    fake_build(BASE_FILES | {"./usr/sbin/nginx": b"other"})
    with pytest.raises(ImageError, match="usr/sbin/nginx"):
        build_derived_root_filesystem(
            SPEC, base=base, tar=tmp_path / "r/s.tar", log=tmp_path / "log"
        )
    assert list((tmp_path / "r").iterdir()) == []


def test_a_failed_build_names_the_root_file_system_and_a_remedy(tmp_path, base, fake_build):
    fake_build(output="tar: write: No space left on device")
    with pytest.raises(ImageError, match="'system'") as failed:
        build_derived_root_filesystem(SPEC, base=base, tar=tmp_path / "s.tar", log=tmp_path / "log")
    assert "make room" in failed.value.remedy
