# SPDX-License-Identifier: Apache-2.0
"""The `system` root file system, derived from the base with real packages."""

import contextlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from featherbench.rootfs import descriptions
from featherbench.rootfs.base import RootFilesystem, read_versions
from featherbench.rootfs.derived import build_derived_root_filesystem
from featherbench.services import launcher
from featherbench.system.polling import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.testbed, pytest.mark.machine]

SPEC = descriptions.spec("system", suite="bookworm", code="")
BUILD = f"""\
import sys
sys.path[:0] = {sys.path}
from pathlib import Path
from featherbench.rootfs import descriptions
from featherbench.rootfs.derived import build_derived_root_filesystem
spec = descriptions.spec("system", suite="bookworm", code="")
base, tar, log = map(Path, sys.argv[1:])
build_derived_root_filesystem(spec, base=base, tar=tar, log=log)
"""


@dataclass(frozen=True, kw_only=True)
class Built:
    """One that was built: its record, and the entries of its archive by path."""

    tar: Path
    record: RootFilesystem
    entries: dict


@pytest.fixture(scope="module")
def system(built_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("system")
    tar = folder / "system.tar"
    record = build_derived_root_filesystem(SPEC, base=built_root.tar, tar=tar, log=folder / "log")
    with tarfile.open(tar) as archive:
        entries = {entry.name.removeprefix("."): entry for entry in archive}
    return Built(tar=tar, record=record, entries=entries)


def content(built, path):
    with tarfile.open(built.tar) as archive:
        return archive.extractfile(f".{path}").read().decode()


def test_it_has_an_init_system_beside_the_same_services(system, built_root):
    assert system.entries["/usr/sbin/init"].linkname.endswith("systemd")
    assert {"/usr/sbin/nginx", launcher.LAUNCHER, launcher.PROBE} <= set(system.entries)
    base = read_versions(built_root.tar)
    assert base.items() <= read_versions(system.tar).items()
    assert system.record.versions.keys() >= {"systemd", "nginx-light", "redis-server"}


@pytest.mark.parametrize("unit", SPEC.masked)
def test_masked_units_cannot_start(system, unit):
    assert system.entries[f"/etc/systemd/system/{unit}"].linkname == "/dev/null"


def test_its_instances_share_no_identity_and_use_no_name_server(system):
    assert content(system, "/etc/machine-id") == ""
    assert content(system, "/etc/hostname") == "featherbench\n"
    assert content(system, "/etc/resolv.conf") == ""
    assert not [path for path in system.entries if "ssh_host" in path]


def test_it_contains_no_trace_of_when_or_from_where_it_was_built(system):
    prefixes = ("/etc/apt/sources.list", "/var/lib/apt/lists/", "/var/log/", "/var/cache/apt")
    files = [
        path
        for path, entry in system.entries.items()
        if path.startswith(prefixes) and entry.isfile() and entry.size > 0
    ]
    assert files == []
    assert max(entry.mtime for entry in system.entries.values()) == 1_672_531_200


def test_the_same_packages_give_the_same_bytes(system, built_root, tmp_path):
    again = build_derived_root_filesystem(
        SPEC, base=built_root.tar, tar=tmp_path / "system.tar", log=tmp_path / "log"
    )
    assert again.digest == system.record.digest


def processes_in(folder):
    """Return the commands that name the folder, or whose root is in it."""
    commands = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(folder) in command + str((process / "root").readlink()):
                commands.append(command)
    return commands


def test_a_killed_build_leaves_no_process_and_no_mount(built_root, tmp_path):
    log, tar = tmp_path / "log", tmp_path / "system.tar"
    build = subprocess.Popen([sys.executable, "-c", BUILD, built_root.tar, tar, log])
    wait_until(
        lambda: "Setting up" in log.read_text() if log.exists() else build.poll() is not None,
        what="installation of packages in the chroot",
        within_s=300,
        every_s=0.1,
    )
    assert len(processes_in(tmp_path)) > 1
    build.kill()
    build.wait()
    wait_until(lambda: not processes_in(tmp_path), what="end of all its processes", within_s=10)
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    shutil.rmtree(tmp_path / ".system.tar.build")
    assert not tar.exists()
