# SPDX-License-Identifier: Apache-2.0
"""Where control groups are (version 1, version 2 and hybrid), and their usage, as captured."""

import contextlib
import errno
from pathlib import Path

import pytest

from builders import DATA
from featherbench.errors import InstanceError
from featherbench.system import cgroup
from featherbench.system.cgroup import (
    ControlGroup,
    locate,
    parse_membership,
    parse_mounts,
    parse_usage,
    reset_peak,
    usage_of,
)

TMPFS = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
HYBRID = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
V2 = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"

IN_DOCKER_JOINED = "4:memory:/docker/4f\n2:cpu,cpuacct:/docker/4f\n"
V1_SPLIT, V1_JOINED, IN_DOCKER_V1 = (
    (DATA / "cgroup_v1" / name).read_text()
    for name in ("mountinfo_split", "mountinfo_joined", "membership")
)
IN_DOCKER_V2 = "0::/system.slice/docker-4f.scope\n"


@pytest.mark.parametrize("unified", ["", HYBRID])
def test_version_1_with_a_folder_for_each_controller(unified):
    group = locate(parse_mounts(TMPFS + V1_SPLIT + unified), parse_membership(IN_DOCKER_V1))
    assert group == ControlGroup(
        version=1,
        cpu=Path("/sys/fs/cgroup/cpu/docker/4f"),
        cpuacct=Path("/sys/fs/cgroup/cpuacct/docker/4f"),
        memory=Path("/sys/fs/cgroup/memory/docker/4f"),
    )
    assert len(group.folders) == 3
    assert group.name == "4f"


def test_version_1_with_joined_controllers():
    group = locate(parse_mounts(TMPFS + V1_JOINED), parse_membership(IN_DOCKER_JOINED))
    assert group.cpu == group.cpuacct == Path("/sys/fs/cgroup/cpu,cpuacct/docker/4f")
    assert len(group.folders) == 2


def test_version_2():
    group = locate(parse_mounts(V2), parse_membership(IN_DOCKER_V2))
    assert group.version == 2
    assert group.folders == (Path("/sys/fs/cgroup/system.slice/docker-4f.scope"),)


def test_a_path_may_hold_colons():
    assert parse_membership("0::/a:b/c\n") == {"": "/a:b/c"}


@pytest.mark.parametrize("mounts", ["", TMPFS, TMPFS + V1_SPLIT.replace("cpuacct", "blkio")])
def test_a_machine_without_usable_groups_is_an_error(mounts):
    with pytest.raises(InstanceError, match="memory"):
        locate(parse_mounts(mounts), parse_membership(IN_DOCKER_V1))


def group_at(folder, version):
    return ControlGroup(version=version, cpu=folder, cpuacct=folder, memory=folder)


@pytest.mark.parametrize("version", [1, 2])
def test_a_program_that_was_throttled_and_had_read_a_file(version):
    usage = usage_of(group_at(DATA / f"cgroup_v{version}", version))
    assert usage.cpu_s == pytest.approx(0.606404, abs=1e-6)
    assert usage.throttled_s == pytest.approx(0.164588, abs=1e-6)
    assert usage.memory_current_bytes == 47_255_552
    assert usage.memory_working_set_bytes == 47_255_552 - 8_388_608
    assert usage.memory_anonymous_bytes == 38_490_112
    assert usage.memory_file_bytes == 8_388_608
    assert usage.memory_peak_bytes == 55_672_832
    assert usage.source.startswith(f"cgroup v{version}: ")
    assert "memory.stat" in usage.source


@pytest.mark.parametrize("version", [1, 2])
def test_what_the_kernel_does_not_tell_is_none(version):
    usage = parse_usage(version, {})
    assert set(usage.model_dump(exclude={"source"}).values()) == {None}


def test_a_working_set_is_never_negative():
    usage = parse_usage(2, {"memory.current": "4096\n", "memory.stat": "inactive_file 8192\n"})
    assert usage.memory_working_set_bytes == 0


def test_lines_that_are_no_pairs_are_left_out():
    assert parse_usage(2, {"memory.stat": "anon 1\n\nN0=1 N1=2 3\nfile 2\n"}).memory_file_bytes == 2


@pytest.mark.parametrize("version", [1, 2])
def test_a_group_that_is_gone_is_an_error(tmp_path, version):
    with pytest.raises(FileNotFoundError):
        usage_of(group_at(tmp_path / "gone", version))


def test_version_1_resets_its_peak_and_version_2_does_not_claim_to(tmp_path):
    assert not reset_peak(group_at(tmp_path, 2))
    assert list(tmp_path.iterdir()) == []
    assert reset_peak(group_at(tmp_path, 1))
    assert (tmp_path / "memory.max_usage_in_bytes").read_text() == "0"


def test_a_group_without_our_mark_is_not_ours(tmp_path, monkeypatch):
    mine, old, other = "featherbench-mine", "featherbench-0123456789ab", "featherbench-other"
    for name in (mine, old, other):
        (tmp_path / name).mkdir()
    mountinfo = f"1 2 0:3 / {tmp_path} rw - cgroup2 cgroup rw\n"
    monkeypatch.setattr(cgroup, "parse_mounts", lambda _: parse_mounts(mountinfo))

    def attribute(folder, _name):
        if folder.name == mine:
            return b"/run/featherbench"
        raise OSError(errno.ENODATA, "no data")

    monkeypatch.setattr(cgroup.os, "getxattr", attribute)
    assert [group.name for group in cgroup.own_groups()] == [old, mine]


@pytest.mark.parametrize(
    ("refused", "made"),
    [
        ({}, True),
        ({"+cpu": errno.EINVAL}, True),  # while real-time tasks run
        ({"+cpu": errno.EACCES}, False),
        ({"+memory": errno.EINVAL}, False),
    ],
)
def test_only_the_controller_that_real_time_tasks_keep_is_dispensable(
    tmp_path, monkeypatch, refused, made
):
    (tmp_path / "cgroup.subtree_control").write_text("cpuset pids\n")

    def write(_file, text, **_):
        if text in refused:
            raise OSError(refused[text], "refused")

    monkeypatch.setattr(cgroup.os, "setxattr", lambda *_: None)
    monkeypatch.setattr(Path, "write_text", write)
    folder = tmp_path / "featherbench-0123456789ab"
    with contextlib.nullcontext() if made else pytest.raises(InstanceError, match="refused"):
        cgroup.create(group_at(folder, 2), owner="x")
    assert folder.exists() == made


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EROFS, "start this container privileged"),
        (errno.EACCES, "start this container privileged"),
        (errno.EBUSY, "move the processes"),
        (errno.EAGAIN, "cgroup.max.descendants"),
        (errno.ENOENT, "cgroup_enable=memory"),
        (errno.EINVAL, "cgroups(7)"),
    ],
)
def test_each_refusal_of_a_group_has_its_remedy(tmp_path, monkeypatch, number, remedy):
    def refuse(_root):
        raise OSError(number, "refused")

    monkeypatch.setattr(cgroup, "_enable_controllers", refuse)
    for user_id, expected in ((0, remedy), (1000, "run as root")):
        monkeypatch.setattr("os.geteuid", lambda user_id=user_id: user_id)
        with pytest.raises(InstanceError, match="cannot be made") as refused:
            cgroup.create(group_at(tmp_path / "new", 2), owner="/run/x")
        assert expected in refused.value.remedy
