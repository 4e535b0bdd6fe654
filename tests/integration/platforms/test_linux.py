# SPDX-License-Identifier: Apache-2.0
"""The baseline: a real process, in a chroot, unprivileged, in its own control group."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from builders import build_image
from featherbench.errors import ImageError
from featherbench.services import http
from featherbench.system import cgroup
from integration.platforms.disturbance_tests import DisturbanceTests

pytestmark = pytest.mark.testbed
TECHNOLOGY = "linux"


def members(instance):
    return cgroup.members(cgroup.own_group(instance.id))


def test_it_serves_the_payload_to_the_client(platform):
    instance = platform.start()
    assert len(platform.await_payload(instance)) == 1150


def test_it_is_confined_to_its_tree_its_user_and_its_cpus(platform, status_of):
    instance = platform.start()
    platform.await_payload(instance)
    tree = platform.images["http"].reference["tree"]
    assert len(members(instance)) == 2  # master and worker
    for pid in members(instance):
        status = status_of(pid)
        assert Path(f"/proc/{pid}/root").readlink() == Path(tree)
        assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"33"}
        assert {int(status[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd")} == {0}
        assert status["NoNewPrivs"] == "1"
        assert os.sched_getaffinity(pid) == set(platform.placement.cpus)


def test_it_has_its_own_mounts_and_its_limit_of_open_files(platform):
    process = Path(f"/proc/{platform.start().handle['pid']}")
    assert "proc" in (process / "mountinfo").read_text()
    tree = platform.images["http"].reference["tree"]
    assert str(tree) not in Path("/proc/self/mountinfo").read_text()
    limits = (process / "limits").read_text()
    assert "Max open files            4321                 4321" in limits


def test_stopping_leaves_no_process_and_no_group(platform):
    instance = platform.start()
    platform.await_payload(instance)
    pids = members(instance)
    platform.technology.stop(instance)
    assert not any(folder.exists() for folder in cgroup.own_group(instance.id).folders)
    first = instance.handle["pid"]  # a child of this process, which did not wait for it
    for pid in pids - {first}:
        assert not Path(f"/proc/{pid}").exists()
    assert platform.leftovers() == []


@pytest.fixture
def stubborn():
    """A process that SIGTERM does not end."""
    script = "trap '' TERM; echo ready; while :; do sleep 60; done"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def test_a_process_that_ignores_sigterm_is_killed(platform, stubborn, monkeypatch):
    monkeypatch.setattr("featherbench.technologies.linux.STOP_GRACE_S", 0.05)
    instance = platform.start()
    group = cgroup.own_group(instance.id)
    for folder in group.folders:
        (folder / "cgroup.procs").write_text(str(stubborn.pid))
    platform.technology.stop(instance)
    assert stubborn.wait(timeout=5) == -9
    assert not group.memory.exists()


def test_scratch_is_empty_at_every_start(platform):
    scratch = Path(platform.images["http"].reference["tree"]) / "run/featherbench"
    (scratch / "old").write_text("of an earlier instance")
    platform.start()
    assert not (scratch / "old").exists()
    assert scratch.stat().st_mode & 0o7777 == 0o1777


def test_a_wrong_configuration_is_reported_with_the_servers_output(platform):
    tree = Path(platform.images["http"].reference["tree"])
    config = tree / "etc/featherbench/http/nginx.conf"
    correct = config.read_bytes()
    config.write_text("nonsense;")
    try:
        assert "nonsense" in platform.failure()
    finally:
        config.write_bytes(correct)


def test_a_missing_tree_is_an_image_error_with_the_file_to_delete(platform, tmp_path):
    image = platform.images["http"]
    gone = image.model_copy(update={"reference": {"tree": str(tmp_path / "http/tree")}})
    with pytest.raises(ImageError) as refused:
        platform.start(image=gone)
    assert f"{tmp_path}/http.digest" in refused.value.remedy
    assert platform.leftovers() == []


def test_trees_share_no_file(platform):
    trees = [Path(image.reference["tree"]) for image in platform.images.values()]
    libc = [next(tree.glob("usr/lib/*/libc.so.6")).stat().st_ino for tree in trees]
    assert len(set(libc)) == len(libc)


def test_a_full_disk_is_reported(platform, built_root, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(small)], check=True)
    try:
        with pytest.raises(ImageError) as refused:
            build_image(platform.technology, "http", small, built_root, files={})
    finally:
        subprocess.run(["umount", str(small)], check=True)
        shutil.rmtree(small)
    assert "No space left" in refused.value.message
    assert "make room" in refused.value.remedy


class TestDisturbances(DisturbanceTests):
    def test_a_payload_that_changed(self, platform, bench):
        file = Path(platform.images["http"].reference["tree"]) / f"{http.ROOT}{http.PATH}"[1:]
        before = file.read_bytes()

        try:
            self.require(bench, lambda: file.write_bytes(b"x"), "invalid", "wrong content: GET")
        finally:
            file.write_bytes(before)
