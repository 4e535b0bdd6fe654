# SPDX-License-Identifier: Apache-2.0
"""A root file system made over the base from real packages: what system containers are made of."""

import contextlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from featherbench.rootfs import variants
from featherbench.rootfs.base import RootFilesystem, read_versions
from featherbench.rootfs.derive import build_root_variant
from featherbench.services import launcher
from featherbench.system.polling import wait_until

pytestmark = pytest.mark.testbed

SPEC = variants.spec("system", suite="bookworm", code="")
BUILD = f"""\
import sys
sys.path[:0] = {sys.path}
from pathlib import Path
from featherbench import variants
from featherbench.rootfs.derive import build_root_variant
spec = variants.spec("system", suite="bookworm", code="")
build_root_variant(spec, below=Path(sys.argv[1]), tar=Path(sys.argv[2]), log=Path(sys.argv[3]))
"""


@dataclass(frozen=True, kw_only=True)
class Built:
    """One that was made, its record, and its entries by path."""

    tar: Path
    record: RootFilesystem
    entries: dict


@pytest.fixture(scope="module")
def system(built_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("system")
    tar = folder / "system.tar"
    record = build_root_variant(SPEC, below=built_root.tar, tar=tar, log=folder / "log")
    with tarfile.open(tar) as archive:
        entries = {entry.name.removeprefix("."): entry for entry in archive}
    return Built(tar=tar, record=record, entries=entries)


def content(built, path):
    with tarfile.open(built.tar) as archive:
        return archive.extractfile(f".{path}").read().decode()


def test_it_has_an_init_system_beside_the_same_services(system, built_root):
    assert system.entries["/usr/sbin/init"].linkname.endswith("systemd")
    assert {"/usr/sbin/nginx", launcher.LAUNCHER, launcher.PROBE} <= set(system.entries)
    below = read_versions(built_root.tar)
    assert below.items() <= read_versions(system.tar).items()
    assert system.record.versions.keys() >= {"systemd", "nginx-light", "redis-server"}


@pytest.mark.parametrize("unit", SPEC.masked)
def test_what_it_masks_can_start_by_no_way(system, unit):
    assert system.entries[f"/etc/systemd/system/{unit}"].linkname == "/dev/null"


def test_its_instances_share_no_identity_and_ask_nobody(system):
    assert content(system, "/etc/machine-id") == ""
    assert content(system, "/etc/hostname") == "featherbench\n"
    assert content(system, "/etc/resolv.conf") == ""
    assert not [path for path in system.entries if "ssh_host" in path]


def test_nothing_in_it_tells_when_or_from_where_it_was_built(system):
    told = ("/etc/apt/sources.list", "/var/lib/apt/lists/", "/var/log/", "/var/cache/apt")
    files = [
        path
        for path, entry in system.entries.items()
        if path.startswith(told) and entry.isfile() and entry.size > 0
    ]
    assert files == []
    assert max(entry.mtime for entry in system.entries.values()) == 1_672_531_200


def test_the_same_packages_give_the_same_bytes(system, built_root, tmp_path):
    again = build_root_variant(
        SPEC, below=built_root.tar, tar=tmp_path / "system.tar", log=tmp_path / "log"
    )
    assert again.digest == system.record.digest


def processes_in(folder):
    """Those whose command names the folder, or whose root is in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            said = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(folder) in said + str((process / "root").readlink()):
                found.append(said)
    return found


def test_a_killed_build_leaves_no_process_and_no_mount(built_root, tmp_path):
    log, tar = tmp_path / "log", tmp_path / "system.tar"
    build = subprocess.Popen([sys.executable, "-c", BUILD, built_root.tar, tar, log])
    wait_until(
        lambda: "Setting up" in log.read_text() if log.exists() else build.poll() is not None,
        what="packages are being installed in the chroot",
        within_s=300,
        every_s=0.1,
    )
    assert len(processes_in(tmp_path)) > 1
    build.kill()
    build.wait()
    wait_until(lambda: not processes_in(tmp_path), what="all of it ends", within_s=10)
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    shutil.rmtree(tmp_path / ".system.tar.build")
    assert not tar.exists()
