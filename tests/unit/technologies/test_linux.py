# SPDX-License-Identifier: Apache-2.0
"""The command of a plain process; what needs root is in tests/integration."""

import errno
from pathlib import Path

import pytest

from featherbench.errors import ImageError, InstanceError
from featherbench.technologies import linux
from featherbench.technologies.linux import _check_devices, chrooted


def test_the_command_ends_in_the_services_with_its_address():
    argv = chrooted(Path("/t"), ["serve", "http", "{address}", "80"], "198.18.0.1")
    assert argv[-4:] == ["serve", "http", "198.18.0.1", "80"]
    assert argv[0] == "unshare"
    assert "--root=/t" in argv


def test_a_tree_on_a_file_system_without_devices_is_refused(tmp_path):
    tree = tmp_path / "tree"
    (tree / "dev").mkdir(parents=True)
    (tree / "dev/null").mkdir()
    with pytest.raises(ImageError, match="device nodes"):
        _check_devices(tree)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.EACCES, "`nodev`"), (errno.ENOSPC, "make room"), (errno.EROFS, "read-only")],
)
def test_a_device_node_that_does_not_work_has_a_reason(tmp_path, monkeypatch, number, remedy):
    def refuse(*_):
        raise OSError(number, "refused")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(ImageError, match="device nodes") as refused:
        _check_devices(tmp_path)
    assert remedy in refused.value.remedy


def test_a_process_that_ends_at_once_has_the_remedy_of_its_own_words(tmp_path, monkeypatch):
    log = tmp_path / "log"
    log.write_text("unshare: failed to execute /usr/bin/setpriv: Permission denied")
    monkeypatch.setattr(linux.cgroup, "members", lambda _group: set())
    with pytest.raises(InstanceError, match="ended at once") as ended:
        linux._wait_for_service(None, 1, log)
    assert "`noexec`" in ended.value.remedy
