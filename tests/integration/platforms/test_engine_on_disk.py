# SPDX-License-Identifier: Apache-2.0
"""An engine on a guest's disk: a shell stands for it, and needs no root file system of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from builders import ran
from featherbench.errors import CommandError, ImageError
from featherbench.system.polling import wait_until
from featherbench.vm import offline_engine
from featherbench.vm.offline_engine import Engine, engine_on

pytestmark = [pytest.mark.slow, pytest.mark.testbed, pytest.mark.machine]

SERVES = """\
trap 'echo ended >/ended; exit 0' TERM
touch /run/up
echo written >/kept
while :; do sleep 0.1; done
"""
SHELL = Engine(start=("sh", "-c", SERVES), question=("test", "-e", "/run/up"))
HOLD = """\
import sys, time
from pathlib import Path
from featherbench.vm.offline_engine import ENGINES, Engine, engine_on
ENGINES["shell"] = Engine(start=("sh", "-c", sys.argv[2]), question=("test", "-e", "/run/up"))
disk = Path(sys.argv[1])
with engine_on(disk, "shell", log=disk.with_suffix(".log")) as node:
    disk.with_suffix(".pid").write_text(str(node.pid))
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def pristine(built_root, tmp_path_factory):
    """A disk with the base in it."""
    folder = tmp_path_factory.mktemp("disk")
    tree, disk = folder / "tree", folder / "disk.raw"
    tree.mkdir()
    subprocess.run(["tar", "-xpf", built_root.tar, "-C", tree], check=True)
    with disk.open("wb") as file:
        file.truncate(512 << 20)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, disk], check=True)
    return disk


@pytest.fixture
def disk(pristine, tmp_path, monkeypatch):
    monkeypatch.setitem(offline_engine.ENGINES, "shell", SHELL)
    copy = tmp_path / "disk.raw"
    subprocess.run(["cp", "--sparse=always", pristine, copy], check=True)
    return copy


@pytest.fixture
def log(disk):
    return disk.with_suffix(".log")


def on_disk(disk, path):
    """Read a file of a disk that nobody has mounted."""
    argv = ["debugfs", "-R", f"cat {path}", disk]
    return ran(*argv, check=True).stdout


def nothing_is_left(disk):
    loops = subprocess.run(["losetup", "-j", disk], check=True, capture_output=True).stdout
    mounts = Path("/proc/self/mounts").read_text()
    return not loops and str(disk.parent) not in mounts


def test_what_it_writes_is_on_the_disk_when_it_has_ended(disk, log):
    with engine_on(disk, "shell", log=log) as machine:
        machine.write(Path("/told"), "told\n")
        assert machine.read([Path("/told"), Path("/no/such/file")]) == {Path("/told"): "told\n"}
    assert on_disk(disk, "/kept") == "written\n"
    assert on_disk(disk, "/told") == "told\n"
    assert on_disk(disk, "/ended") == "ended\n", "it was given time to end"
    subprocess.run(["e2fsck", "-f", "-n", disk], check=True, capture_output=True)
    assert nothing_is_left(disk)
    assert not disk.with_suffix(".root").exists()


def test_it_has_the_disk_for_its_root_whatever_it_enters(disk, log):
    with engine_on(disk, "shell", log=log) as machine:
        again = ["nsenter", "--mount=/proc/1/ns/mnt", "cat", "/kept"]
        assert machine.run(again, timeout_s=10).stdout == "written\n"
        assert machine.run(["ls", "-A", "/mnt"], timeout_s=10).stdout == ""
        assert str(disk.parent) not in machine.run(["cat", "/proc/mounts"], timeout_s=10).stdout
        links = machine.run(["ls", "/sys/class/net"], timeout_s=10).stdout.split()
        addresses = machine.run(["cat", "/proc/net/fib_trie"], timeout_s=10).stdout
        assert "lo" in links
        assert "198.1" not in addresses
    assert not Path("/kept").exists()


def test_its_sockets_are_its_own_though_links_lead_there(disk, log):
    with engine_on(disk, "shell", log=log) as machine:
        assert Path("/var/run").exists()
        there = machine.socket(Path("/var/run/engine.sock"))
        assert there == Path(f"/proc/{machine.pid}/root/run/engine.sock")
        assert Path(f"/proc/{machine.pid}/root/run/up").exists()


def test_a_block_that_fails_leaves_nothing(disk, log):
    with pytest.raises(CommandError), engine_on(disk, "shell", log=log) as machine:
        machine.run(["false"], timeout_s=10)
    assert not Path(f"/proc/{machine.pid}").exists()
    assert nothing_is_left(disk)


def test_one_that_does_not_start_says_what_it_said(disk, log, monkeypatch):
    broken = Engine(start=("sh", "-c", "echo no daemon.json; exit 3"), question=("true",))
    monkeypatch.setitem(offline_engine.ENGINES, "shell", broken)
    with (
        pytest.raises(ImageError, match=r"ended with status 3.*no daemon.json") as said,
        engine_on(disk, "shell", log=log),
    ):
        pytest.fail("it did not start")
    assert "loop" in said.value.remedy
    assert nothing_is_left(disk)


def test_it_ends_with_whoever_started_it(disk):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, disk, SERVES])
    told = disk.with_suffix(".pid")
    pid = int(wait_until(lambda: told.exists() and told.read_text(), what="start", within_s=60))
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), what="its end", within_s=10)
    wait_until(lambda: nothing_is_left(disk), what="nothing left", within_s=10)
