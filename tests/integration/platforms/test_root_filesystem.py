# SPDX-License-Identifier: Apache-2.0
"""The base root file system, built from real packages."""

import tarfile

import pytest

from featherbench.rootfs.base import read_versions
from featherbench.services import launcher

pytestmark = pytest.mark.testbed


@pytest.fixture(scope="module")
def entries(built_root):
    with tarfile.open(built_root.tar) as tar:
        return {entry.name.removeprefix("."): entry for entry in tar}


def test_it_has_the_servers_the_probe_the_launcher_and_a_scratch_folder(entries):
    for program in ("/usr/sbin/nginx", launcher.PROBE, launcher.LAUNCHER):
        assert entries[program].mode & 0o111
        assert entries[program].uid == 0
    assert "/usr/bin/redis-server" in entries
    assert entries["/run/featherbench"].mode == 0o1777, "everybody may write to it"


def test_it_contains_no_trace_of_when_or_from_where_it_was_built(entries):
    assert not {"/etc/hostname", "/etc/resolv.conf"} & entries.keys(), (
        "those of the building machine"
    )
    sources = [path for path in entries if path.startswith("/etc/apt/sources.list.d/")]
    lists = [
        path
        for path, entry in entries.items()
        if path.startswith(("/var/lib/apt/lists/", "/var/log/", "/var/cache/")) and entry.isfile()
    ]
    assert sources == []
    assert "/etc/apt/sources.list" not in entries
    assert [path for path in lists if entries[path].size > 0 and "ldconfig" not in path] == []
    assert max(entry.mtime for entry in entries.values()) == 1_672_531_200


def test_the_record_contains_the_servers_versions(built_root):
    versions = built_root.record.versions
    assert versions["nginx-light"].startswith("1.22.1")
    assert versions["redis-server"].startswith("5:7.0.15")
    assert versions["libc6"]
    assert versions.items() <= read_versions(built_root.tar).items()
