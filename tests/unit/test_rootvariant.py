# SPDX-License-Identifier: Apache-2.0
"""What is made over a root file system leaves it as it is, or says what it changed."""

import io
import tarfile
from pathlib import Path

import pytest

from featherbench.errors import CommandError, ImageError
from featherbench.rootfs import derive, mmdebstrap
from featherbench.rootfs.base import DPKG_STATUS
from featherbench.rootfs.derive import (
    build_root_variant,
    changed_files,
    check_kept,
    variant_command,
)
from featherbench.rootfs.variants import RootVariantSpec

SPEC = RootVariantSpec(
    name="system",
    suite="bookworm",
    packages=("systemd", "iproute2"),
    enabled=("systemd-networkd.service",),
    masked=("nginx.service",),
    files={"/etc/hostname": "featherbench\n"},
    code="",
)
STATUS = "Package: libc6\nStatus: install ok installed\nVersion: {}\n"
BELOW = {
    "./usr/sbin/nginx": b"ELF",
    "./etc/passwd": b"root",
    "./etc/hostname": b"builder",
    DPKG_STATUS: STATUS.format("2.36").encode(),
}


def write_tar(path, contents, mode=0o644):
    with tarfile.open(path, "w") as tar:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def below(tmp_path):
    return write_tar(tmp_path / "below.tar", BELOW)


def command(tmp_path, spec=SPEC, files=Path("/w/files.tar")):
    return variant_command(
        spec,
        below=tmp_path / "a b.tar",
        tar=Path("/w/root.tar"),
        sources=Path("/w/bookworm.list"),
        keyrings=Path("/w/keys"),
        files=files,
    )


def test_the_command_unpacks_installs_writes_and_then_masks(tmp_path):
    argv = command(tmp_path)
    assert argv[-3:] == ["bookworm", "/w/root.tar", "/w/bookworm.list"]
    unpacking = next(each for each in argv if each.startswith("--setup-hook="))
    assert f"'{tmp_path}/a b.tar' --directory \"$1\"" in unpacking
    hooks = [each for each in argv if each.startswith("--customize-hook=")]
    wanted = ["install systemd iproute2", "tar-in /w/files.tar /", "systemctl enable", "mask nginx"]
    assert all(want in hook for want, hook in zip(wanted, hooks, strict=False))


def test_nothing_is_written_enabled_or_masked_that_is_not_asked_for(tmp_path):
    bare = SPEC.model_copy(update={"enabled": (), "masked": (), "files": {}})
    told = " ".join(command(tmp_path, bare, files=None))
    assert "systemctl" not in told
    assert "tar-in" not in told


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"./usr/sbin/nginx": b"other"}, ["./usr/sbin/nginx"]),
        ({"./usr/sbin/nginx": None}, ["./usr/sbin/nginx"]),
        ({"./usr/sbin/added": b""}, []),
        ({"./etc/passwd": b"more"}, []),
    ],
)
def test_files_below_that_changed_are_found(tmp_path, below, change, changed):
    contents = {name: text for name, text in (BELOW | change).items() if text is not None}
    made = write_tar(tmp_path / "made.tar", contents)
    assert changed_files(below, made, may_change=derive.DATABASES) == changed


def test_a_changed_mode_is_a_change(tmp_path, below):
    made = write_tar(tmp_path / "made.tar", BELOW, mode=0o755)
    assert "./usr/sbin/nginx" in changed_files(below, made, may_change=())


def test_what_the_description_writes_may_change(tmp_path, below):
    made = write_tar(tmp_path / "made.tar", BELOW | {"./etc/hostname": b"featherbench\n"})
    check_kept(below, made, written=SPEC.files)
    with pytest.raises(ImageError, match="etc/hostname") as refused:
        check_kept(below, made, written=())
    assert "derived.yaml" in refused.value.remedy


def test_another_version_below_is_refused_with_both(tmp_path, below):
    newer = BELOW | {DPKG_STATUS: STATUS.format("2.37").encode()}
    with pytest.raises(ImageError, match=r"libc6 2\.36 to 2\.37") as refused:
        check_kept(below, write_tar(tmp_path / "made.tar", newer), written=SPEC.files)
    assert "--forcerun root_filesystem" in refused.value.remedy


@pytest.fixture
def fake_build(monkeypatch):
    """Replace the long build by one that writes `contents`, or fails with what is said."""

    def install(contents=None, said=""):
        def run(argv, **_):
            if contents is None:
                raise CommandError(argv, "ended with status 25", said)
            write_tar(Path(argv[argv.index("bookworm") + 1]), contents)

        monkeypatch.setattr(mmdebstrap, "run_logged", run)
        monkeypatch.setattr(derive, "machine_sources", lambda: ())

    return install


def test_a_finished_one_is_recorded_and_leaves_nothing_else(tmp_path, below, fake_build):
    fake_build(BELOW | {"./sbin/init": b"systemd"})
    tar = tmp_path / "roots/system.tar"
    built = build_root_variant(SPEC, below=below, tar=tar, log=tmp_path / "log")
    assert built.versions == {"libc6": "2.36"}
    assert built.size_bytes == tar.stat().st_size
    assert [path.name for path in tar.parent.iterdir()] == ["system.tar"]


def test_one_that_changed_a_file_leaves_no_archive(tmp_path, below, fake_build):
    fake_build(BELOW | {"./usr/sbin/nginx": b"other"})
    with pytest.raises(ImageError, match="usr/sbin/nginx"):
        build_root_variant(SPEC, below=below, tar=tmp_path / "r/s.tar", log=tmp_path / "log")
    assert list((tmp_path / "r").iterdir()) == []


def test_a_failed_build_names_it_and_says_what_to_do(tmp_path, below, fake_build):
    fake_build(said="tar: write: No space left on device")
    with pytest.raises(ImageError, match="'system'") as failed:
        build_root_variant(SPEC, below=below, tar=tmp_path / "s.tar", log=tmp_path / "log")
    assert "make room" in failed.value.remedy
