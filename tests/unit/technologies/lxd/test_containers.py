# SPDX-License-Identifier: Apache-2.0
"""The description with which a container is created, and what LXD and the kernel say of it."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from builders import DATA, TreeMachine, image, placement, start_request, write_tree
from featherbench.errors import InstanceDiedError
from featherbench.records.tuning import Tuning
from featherbench.technologies.lxd import containers, images, resources
from featherbench.technologies.lxd.technology import Settings

STATE = "/run/state"
NAME = "featherbench-abc"


def request(network="nat", **changes):
    fields = {
        "instance_id": "abc",
        "image": image(reference={"fingerprint": "d", "alias": "featherbench-http-0"}),
        "settings": Settings(),
        "tuning": Tuning(net_sysctls={"net.core.somaxconn": "1024"}, nofile=20000),
        "placement": placement(container_subnet="198.18.1.32/27"),
    }
    return start_request(network=network, **fields | changes)


def creation(request, **settings):
    return containers.creation(request, "198.18.1.34", **Settings(**settings).model_dump())


@pytest.mark.parametrize("network", ["nat", "bridge"])
def test_a_container_is_unprivileged_and_gets_nothing_from_profiles(network):
    description = creation(request(network))
    assert description["config"]["security.privileged"] == "false"
    assert not [
        key for key in description["config"] if key.startswith("security.") and "priv" not in key
    ]
    assert description["profiles"] == []
    assert description["type"] == "container"
    assert description["source"] == {"type": "image", "fingerprint": "d"}


def test_a_container_gets_its_cpus_limits_sysctls_and_marks():
    description = creation(request(), memory_mib=64)["config"]
    assert description["limits.cpu"] == "2-2,3-3"
    assert description["limits.kernel.nofile"] == "20000"
    assert description["limits.memory"] == "64MiB"
    assert description["linux.sysctl.net.core.somaxconn"] == "1024"
    assert (description[resources.MARK], description[resources.STATE]) == ("abc", STATE)
    assert containers.cpus((1,)) == "1-1", "a range, not a count"
    unlimited = creation(request(tuning=Tuning(net_sysctls={}, nofile=None)))["config"]
    assert not {"limits.kernel.nofile", "limits.memory"} & set(unlimited)


@pytest.mark.parametrize("storage", ["dir", "btrfs"])
def test_it_is_in_the_pool_of_its_storage(storage):
    pool = creation(request(), storage=storage)["devices"]["root"]["pool"]
    assert pool == images.pool_description(storage, STATE)["name"] == f"featherbench-{storage}"


def test_its_address_is_set_before_its_first_process():
    description = creation(request())
    assert description["config"]["raw.lxc"].splitlines() == [
        "lxc.net.0.ipv4.address = 198.18.1.34/27",
        "lxc.net.0.ipv4.gateway = 198.18.1.33",
    ]
    assert description["devices"]["eth0"]["ipv4.address"] == "198.18.1.34"


def test_through_nat_the_port_is_published_only_at_the_placements_address():
    assert creation(request("nat"))["devices"]["published"] == {
        "type": "proxy",
        "nat": "true",
        "listen": "tcp:198.18.0.1:18080",
        "connect": "tcp:198.18.1.34:18080",
    }


@pytest.mark.parametrize("changed", [{"network": "bridge"}, {"port": None}])
def test_on_the_bridge_and_for_the_probe_nothing_is_published(changed):
    assert set(creation(request(**changed))["devices"]) == {"root", "eth0"}


def test_the_command_listens_at_any_address_inside_and_is_quoted():
    def command(request):
        return creation(request)["config"][f"environment.{containers.COMMAND}"]

    assert command(request()).split()[2:] == ["0.0.0.0", "18080"]
    assert command(request(command=("a b", "c"))) == "'a b' c"


def test_the_output_is_the_units_lines_of_the_console_or_the_last_ones_of_the_boot(captured):
    output = containers.unit_lines(captured("console.txt"))
    assert output.splitlines()[0].endswith("Redis is starting oO0OoO0OoO0Oo")
    assert output.splitlines()[-1] == "it ended: signal, killed KILL"
    assert "Stopped target" not in output
    boot = containers.unit_lines(captured("console.txt").partition("featherbench[")[0])
    assert "Started featherbench.service" in boot
    assert len(boot.splitlines()) <= containers.LOG_LINES


V1_MOUNTS = "".join(
    f"3{number} 31 0:29 / /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}\n"
    for number, name in enumerate(("cpu", "cpuacct", "memory"))
)
V1_MEMBERSHIP = (DATA / "lxd/cgroup_v1").read_text()
V2_MOUNT = "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


def machine_with(tmp_path, mounts, membership):
    """A machine with a process 7."""
    files = {"proc/self/mountinfo": mounts, "proc/7/cgroup": membership}
    return TreeMachine(root=write_tree(tmp_path, **files))


@pytest.mark.parametrize(
    ("mounts", "membership", "memory"),
    [
        (V1_MOUNTS, V1_MEMBERSHIP, f"memory/lxc.payload.{NAME}"),
        (V2_MOUNT, f"0::/lxc.payload.{NAME}/init.scope\n", f"lxc.payload.{NAME}"),
        (V2_MOUNT, f"0::/lxc.payload.{NAME}\n", f"lxc.payload.{NAME}"),
        (V2_MOUNT, f"0::/lxc.payload.a_{NAME}/init.scope\n", f"lxc.payload.a_{NAME}"),
    ],
)
def test_its_group_is_the_whole_containers(tmp_path, mounts, membership, memory):
    group = containers.group(NAME, 7, machine_with(tmp_path, mounts, membership))
    assert group.memory == Path("/sys/fs/cgroup") / memory
    assert group.cpuacct.name == group.memory.name


@pytest.mark.parametrize(
    ("pid", "membership"),
    [(7, "0::/user.slice\n"), (7, "0::/lxc.payload.another\n"), (8, "0::/\n")],
    ids=["of another process", "of another container", "gone"],
)
def test_a_pid_that_is_not_its_own_means_that_it_died(tmp_path, pid, membership):
    with pytest.raises(InstanceDiedError):
        containers.group(NAME, pid, machine_with(tmp_path, V2_MOUNT, membership))


@pytest.mark.parametrize("folder", ["logs", "logs/exec-output"])
def test_the_output_of_a_program_is_read_where_lxd_keeps_it(scripted_api, folder):
    """Newer LXD and Incus have a folder for it."""
    file = f"instances/{NAME}/{folder}/exec_1.stdout"
    metadata = {"return": 0, "output": {"1": f"/1.0/{file}"}}
    client = SimpleNamespace(
        api=scripted_api({file: "1024\n"}),
        operations=SimpleNamespace(wait_for_operation=lambda _: SimpleNamespace(metadata=metadata)),
    )
    assert containers.run_inside(client, NAME, ["cat", "x"]) == (0, "1024\n")


def test_the_containers_that_publish_a_port_are_named(captured, scripted_api):
    client = SimpleNamespace(api=scripted_api({"instances": captured("instances.json")}))
    assert containers.publishers(client, "tcp:198.18.1.33:16379") == [NAME]
    assert containers.publishers(client, "tcp:198.18.1.33:18080") == []
