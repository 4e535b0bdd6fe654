# SPDX-License-Identifier: Apache-2.0
"""What LXD answers about containers, and what the kernel says of their control groups."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from featherbench.errors import InstanceDiedError
from featherbench.system.machine import LocalMachine
from featherbench.technologies.lxd import container_ops

NAME = "featherbench-abc"


def test_the_output_is_the_units_lines_of_the_console(captured):
    output = container_ops.unit_lines(captured("console.txt"))
    assert output.splitlines()[0].endswith("Redis is starting oO0OoO0OoO0Oo")
    assert output.splitlines()[-1] == "it ended: signal, killed KILL"
    assert "Stopped target" not in output


def test_the_output_of_a_boot_without_the_service_is_its_last_lines(captured):
    boot = captured("console.txt").partition("featherbench[")[0]
    assert "Started featherbench.service" in container_ops.unit_lines(boot)
    assert len(container_ops.unit_lines(boot).splitlines()) <= container_ops.LOG_LINES


V1_MOUNTS = "".join(
    f"3{number} 31 0:29 / /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}\n"
    for number, name in enumerate(("cpu", "cpuacct", "memory"))
)
V1_MEMBERSHIP = (Path(__file__).parents[3] / "data/lxd/cgroup_v1").read_text()
V2_MOUNT = "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


@dataclass(frozen=True, kw_only=True)
class FakeMachine(LocalMachine):
    """A machine with a process 7."""

    mounts: str
    membership: str

    def read(self, paths):
        files = {"/proc/self/mountinfo": self.mounts, "/proc/7/cgroup": self.membership}
        return {path: files[str(path)] for path in paths if str(path) in files}


@pytest.mark.parametrize(
    ("mounts", "membership", "memory"),
    [
        (V1_MOUNTS, V1_MEMBERSHIP, f"memory/lxc.payload.{NAME}"),
        (V2_MOUNT, f"0::/lxc.payload.{NAME}/init.scope\n", f"lxc.payload.{NAME}"),
        (V2_MOUNT, f"0::/lxc.payload.{NAME}\n", f"lxc.payload.{NAME}"),
        (V2_MOUNT, f"0::/lxc.payload.a_{NAME}/init.scope\n", f"lxc.payload.a_{NAME}"),
    ],
)
def test_its_group_is_the_whole_containers(mounts, membership, memory):
    group = container_ops.group(NAME, 7, FakeMachine(mounts=mounts, membership=membership))
    assert group.memory == Path("/sys/fs/cgroup") / memory
    assert group.cpuacct.name == group.memory.name


@pytest.mark.parametrize("membership", ["0::/user.slice\n", "0::/lxc.payload.another\n"])
def test_a_pid_that_belongs_to_another_process_means_that_it_died(membership):
    with pytest.raises(InstanceDiedError):
        container_ops.group(NAME, 7, FakeMachine(mounts=V2_MOUNT, membership=membership))


def test_a_pid_that_is_gone_means_that_it_died():
    with pytest.raises(InstanceDiedError):
        container_ops.group(NAME, 8, FakeMachine(mounts=V2_MOUNT, membership="0::/\n"))


@pytest.mark.parametrize("folder", ["logs", "logs/exec-output"])
def test_the_output_of_a_program_is_read_where_lxd_keeps_it(scripted_api, folder):
    """Newer LXD and Incus have a folder for it."""
    file = f"instances/{NAME}/{folder}/exec_1.stdout"
    metadata = {"return": 0, "output": {"1": f"/1.0/{file}"}}
    client = SimpleNamespace(
        api=scripted_api({file: "1024\n"}),
        operations=SimpleNamespace(wait_for_operation=lambda _: SimpleNamespace(metadata=metadata)),
    )
    assert container_ops.run_inside(client, NAME, ["cat", "x"]) == (0, "1024\n")


def test_the_containers_that_publish_a_port_are_named(captured, scripted_api):
    client = SimpleNamespace(api=scripted_api({"instances": captured("instances.json")}))
    assert container_ops.publishers(client, "tcp:198.18.1.33:16379") == [NAME]
    assert container_ops.publishers(client, "tcp:198.18.1.33:18080") == []
