# SPDX-License-Identifier: Apache-2.0
"""What the LXD driver asks of LXD, and how it tells what LXD answers.

The answers in `captured/lxd` are of LXD 5.0.2; Incus and newer LXD say more, as tests have it.
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from featherbench.contracts.technology import Placement, StartRequest
from featherbench.errors import ImageError, InstanceDiedError, InstanceError, TestbedError
from featherbench.records.image import Image, ImageSize
from featherbench.records.tuning import Tuning
from featherbench.services import launcher
from featherbench.system.subprocesses import Completed
from featherbench.technologies.lxd import (
    connection,
    container_ops,
    container_spec,
    images,
    leftovers,
    network,
    owned_resources,
)
from featherbench.technologies.lxd import storage as pools
from featherbench.technologies.lxd.technology import Settings, Technology

CAPTURED = Path(__file__).parent / "captured" / "lxd"
STATE = "/run/featherbench"
SUBNET = "198.18.1.32/27"
NAME = "featherbench-abc"
IMAGE = Image(
    technology="lxd",
    service="http",
    digest="d",
    reference={"fingerprint": "d", "alias": "featherbench-http-0"},
    size=ImageSize(allocated_bytes=0, apparent_bytes=0, compressed_bytes=0, counted=""),
    versions={},
    built_utc="",
    build_log="",
)


def captured(name):
    text = (CAPTURED / name).read_text()
    return json.loads(text) if name.endswith(".json") else text


def request(way="nat", **changed):
    placement = Placement(
        hypervisor="native",
        address="198.18.0.1",
        callback_address="198.18.0.1",
        cpus=(2, 3),
        container_subnet=SUBNET,
        state=Path(STATE),
    )
    given = {
        "instance_id": "abc",
        "service": "http",
        "image": IMAGE,
        "command": launcher.serve_command("http"),
        "port": 18080,
        "network": way,
        "settings": Settings(),
        "tuning": Tuning(net_sysctls={"net.core.somaxconn": "1024"}, nofile=20000),
        "placement": placement,
        "log": Path("x.log"),
    }
    return StartRequest(**given | changed)


def creation(given, **settings):
    return container_spec.creation(given, "198.18.1.34", **Settings(**settings).model_dump())


class Answers:
    """LXD's API as pylxd gives it: a path, asked for what it holds."""

    def __init__(self, held, path=()):
        self.held, self.path = held, path

    def __getattr__(self, part):
        return self[part]

    def __getitem__(self, part):
        return Answers(self.held, (*self.path, part))

    def get(self, **_):
        found = self.held.get("/".join(self.path))
        if found is None:
            raise FileNotFoundError(self.path)
        return SimpleNamespace(json=lambda: {"metadata": found}, text=found)

    def post(self, **_):
        return SimpleNamespace(json=lambda: {"operation": "/1.0/operations/7"})


# --- containers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["nat", "bridge"])
def test_a_container_is_unprivileged_and_gets_nothing_from_profiles(way):
    found = creation(request(way))
    assert found["config"]["security.privileged"] == "false"
    assert not [key for key in found["config"] if key.startswith("security.") and "priv" not in key]
    assert found["profiles"] == []
    assert found["type"] == "container"
    assert found["source"] == {"type": "image", "fingerprint": "d"}


def test_a_container_gets_its_cpus_limits_sysctls_and_marks():
    found = creation(request(), memory_mib=64)["config"]
    assert found["limits.cpu"] == "2-2,3-3"
    assert found["limits.kernel.nofile"] == "20000"
    assert found["limits.memory"] == "64MiB"
    assert found["linux.sysctl.net.core.somaxconn"] == "1024"
    assert (found[owned_resources.MARK], found[owned_resources.STATE]) == ("abc", STATE)


def test_one_cpu_is_its_number_and_not_a_count():
    assert container_spec.cpus((1,)) == "1-1"


@pytest.mark.parametrize("storage", ["dir", "btrfs"])
def test_it_lies_in_the_pool_of_its_storage(storage):
    pool = creation(request(), storage=storage)["devices"]["root"]["pool"]
    assert pool == pools.description(storage, STATE)["name"] == f"featherbench-{storage}"


def test_nothing_is_limited_unless_asked_for():
    found = creation(request(tuning=Tuning(net_sysctls={}, nofile=None)))["config"]
    assert not {"limits.kernel.nofile", "limits.memory"} & set(found)


def test_its_address_is_there_before_its_first_process():
    found = creation(request())
    assert found["config"]["raw.lxc"].splitlines() == [
        "lxc.net.0.ipv4.address = 198.18.1.34/27",
        "lxc.net.0.ipv4.gateway = 198.18.1.33",
    ]
    assert found["devices"]["eth0"]["ipv4.address"] == "198.18.1.34"


def test_through_nat_the_port_is_published_at_the_places_address_alone():
    assert creation(request("nat"))["devices"]["published"] == {
        "type": "proxy",
        "nat": "true",
        "listen": "tcp:198.18.0.1:18080",
        "connect": "tcp:198.18.1.34:18080",
    }


@pytest.mark.parametrize("changed", [{"way": "bridge"}, {"port": None}])
def test_on_the_bridge_and_for_the_probe_nothing_is_published(changed):
    assert set(creation(request(**changed))["devices"]) == {"root", "eth0"}


def test_the_command_listens_everywhere_inside_and_is_quoted():
    assert container_spec.command(request()).split()[2:] == ["0.0.0.0", "18080"]
    assert container_spec.command(request(command=("a b", "c"))) == "'a b' c"


# --- what containers share -----------------------------------------------------------------------


def test_what_lxd_says_of_our_network_and_pool_is_as_wanted():
    assert owned_resources.is_as_wanted(
        captured("network.json"), network.description(SUBNET, STATE)
    )
    assert owned_resources.is_as_wanted(captured("pool.json"), pools.description("dir", STATE))


def test_what_incus_says_besides_makes_no_difference():
    said = captured("network.json") | {"project": "default"}
    said["config"] |= {"volatile.network.ipv4.address": "198.18.1.33/27"}
    assert owned_resources.is_as_wanted(said, network.description(SUBNET, STATE))


@pytest.mark.parametrize(
    ("subnet", "state"), [("198.18.1.64/27", STATE), (SUBNET, "/another/testbed")]
)
def test_another_network_is_not_as_wanted(subnet, state):
    assert not owned_resources.is_as_wanted(
        captured("network.json"), network.description(subnet, state)
    )


def test_the_first_address_that_is_not_leased_is_given():
    assert network.first_free(SUBNET, captured("leases.json")) == "198.18.1.35"
    assert network.first_free(SUBNET, captured("leases.json")[:1]) == "198.18.1.34"


def test_a_subnet_without_a_free_address_is_told():
    leases = [{"address": "198.18.1.2"}]
    with pytest.raises(InstanceError, match=r"198\.18\.1\.0/30"):
        network.first_free("198.18.1.0/30", leases)


@pytest.mark.parametrize(
    ("firewall", "iptables", "leaves"),
    [
        ("xtables", "iptables v1.8.9 (nf_tables)", True),
        ("xtables", "iptables v1.8.9 (legacy)", False),
        ("nftables", "iptables v1.8.9 (nf_tables)", False),
    ],
)
def test_an_lxd_that_would_leave_its_rules_behind_is_known(firewall, iptables, leaves):
    environment = captured("server.json")["environment"] | {"firewall": firewall}
    assert network.leaves_rules(environment, iptables) is leaves


# --- images --------------------------------------------------------------------------------------


@pytest.fixture
def contents(tmp_path):
    root = tmp_path / "root.tar"
    with tarfile.open(root, "w") as tar:
        entry = tarfile.TarInfo("./etc/hostname")
        entry.size = 2
        tar.addfile(entry, io.BytesIO(b"x\n"))
    return images.Contents(service="http", root_tar=root, files={"/srv/payload": b"p"})


def test_an_image_is_one_archive_of_root_files_and_unit(contents, tmp_path):
    images.write_files(contents, tmp_path / "rootfs.tar")
    with tarfile.open(tmp_path / "rootfs.tar") as tar:
        names = tar.getnames()
        masked = tar.getmember("etc/systemd/system/systemd-networkd.service")
    assert {"./etc/hostname", "srv/payload", "etc/systemd/system/featherbench.service"} <= set(
        names
    )
    assert masked.size == 0


def test_its_digest_is_over_both_archives_as_lxd_computes_its_fingerprint(contents, tmp_path):
    file = tmp_path / "rootfs.tar"
    found = images.write_files(contents, file)
    assert found == hashlib.sha256(contents.metadata + file.read_bytes()).hexdigest()
    assert found == images.write_files(contents, file)
    other = images.Contents(
        service="http", root_tar=contents.root_tar, files={"/srv/payload": b"q"}
    )
    assert images.write_files(other, file) != found


def test_the_unit_runs_the_command_of_the_start_as_the_services_user():
    unit = images.UNIT.read_text()
    assert f"${container_spec.COMMAND}" in unit
    assert f"User={launcher.SERVICE_UID}\n" in unit
    assert "CapabilityBoundingSet=\n" in unit


def test_each_checkout_has_its_own_name_for_its_image(tmp_path):
    named = {images.alias_for("http", tmp_path / name) for name in ("a", "b", "b/../a")}
    assert len(named) == 2


# --- what runs -----------------------------------------------------------------------------------


def test_of_the_console_the_services_own_lines_are_told():
    said = container_ops.own_lines(captured("console.txt"))
    assert said.splitlines()[0].endswith("Redis is starting oO0OoO0OoO0Oo")
    assert said.splitlines()[-1] == "it ended: signal, killed KILL"
    assert "Stopped target" not in said


def test_of_a_boot_that_never_reached_the_service_the_last_lines_are_told():
    boot = captured("console.txt").partition("featherbench[")[0]
    assert "Started featherbench.service" in container_ops.own_lines(boot)
    assert len(container_ops.own_lines(boot).splitlines()) <= container_ops.LOG_LINES


V1_MOUNTS = "".join(
    f"3{number} 31 0:29 / /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}\n"
    for number, name in enumerate(("cpu", "cpuacct", "memory"))
)
V2_MOUNT = "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


class Machine:
    """A node with files and, on request, a listing."""

    name = ""

    def __init__(self, files=(), printed=""):
        self.files, self.printed = dict(files), printed

    def read(self, paths):
        return {path: self.files[str(path)] for path in paths if str(path) in self.files}

    def run(self, argv, **_):
        return Completed(
            argv=tuple(argv),
            exit_status=0,
            stdout=self.printed,
            stderr="",
            duration_s=0,
            cpu_s=0,
        )


def machine(mounts, membership):
    return Machine({"/proc/self/mountinfo": mounts, "/proc/7/cgroup": membership})


@pytest.mark.parametrize(
    ("mounts", "membership", "memory"),
    [
        (V1_MOUNTS, captured("cgroup_v1"), f"memory/lxc.payload.{NAME}"),
        (V2_MOUNT, f"0::/lxc.payload.{NAME}/init.scope\n", f"lxc.payload.{NAME}"),
        (V2_MOUNT, f"0::/lxc.payload.{NAME}\n", f"lxc.payload.{NAME}"),
        (V2_MOUNT, f"0::/lxc.payload.a_{NAME}/init.scope\n", f"lxc.payload.a_{NAME}"),
    ],
)
def test_its_group_is_the_whole_containers(mounts, membership, memory):
    found = container_ops.group(NAME, 7, machine(mounts, membership))
    assert found.memory == Path("/sys/fs/cgroup") / memory
    assert found.cpuacct.name == found.memory.name


@pytest.mark.parametrize("membership", ["0::/user.slice\n", "0::/lxc.payload.another\n"])
def test_a_pid_that_is_anothers_by_now_is_a_death(membership):
    with pytest.raises(InstanceDiedError):
        container_ops.group(NAME, 7, machine(V2_MOUNT, membership))


def test_a_pid_that_is_gone_is_a_death():
    with pytest.raises(InstanceDiedError):
        container_ops.group(NAME, 8, machine(V2_MOUNT, "0::/\n"))


@pytest.mark.parametrize("folder", ["logs", "logs/exec-output"])
def test_what_a_program_printed_is_where_lxd_says(folder):
    """Newer LXD and Incus keep it in a folder of its own."""
    kept = f"instances/{NAME}/{folder}/exec_1.stdout"
    metadata = {"return": 0, "output": {"1": f"/1.0/{kept}"}}
    client = SimpleNamespace(
        api=Answers({kept: "1024\n"}),
        operations=SimpleNamespace(wait_for_operation=lambda _: SimpleNamespace(metadata=metadata)),
    )
    assert container_ops.run_inside(client, NAME, ["cat", "x"]) == (0, "1024")


def test_who_publishes_a_port_is_named():
    client = SimpleNamespace(api=Answers({"instances": captured("instances.json")}))
    assert container_ops.publishers(client, "tcp:198.18.1.33:16379") == [NAME]
    assert container_ops.publishers(client, "tcp:198.18.1.33:18080") == []


def test_what_bears_our_mark_is_left_and_nothing_else(monkeypatch):
    monkeypatch.setattr("featherbench.system.firewall.leftovers", lambda: iter(()))
    users = {"name": "lxdbr0", "config": {"ipv4.nat": "true"}}
    held = {
        "instances": captured("instances.json"),
        "networks": [captured("network.json"), users],
        "storage-pools": [captured("pool.json")],
    }
    found = list(leftovers.find(SimpleNamespace(api=Answers(held))))
    assert [(each.kind, each.name) for each in found] == [
        ("container", NAME),
        ("network", "fb-lxd0"),
        ("storage pool", "featherbench-dir"),
    ]
    assert {each.state for each in found} == {STATE}


# --- the connection ------------------------------------------------------------------------------


@pytest.mark.parametrize("socket", connection.SOCKETS)
def test_the_socket_that_is_there_is_taken(socket):
    assert connection.socket_of(Machine(printed=f"{socket}\n")) == socket


@pytest.mark.parametrize(
    ("said", "kind", "remedy"),
    [
        ("write /x: no space left on device", InstanceError, "make room"),
        ("Image not provided for instance creation", ImageError, "results/images/lxd"),
        ("LXD doesn't have a uid/gid allocation", InstanceError, "/etc/subuid"),
        ('exec: "dnsmasq": executable file not found in $PATH', InstanceError, "dnsmasq-base"),
        ('IP address "198.18.1.34" already defined on another NIC', InstanceError, "subnet"),
        ('Instance "featherbench-abc" already exists', InstanceError, "clean"),
        ('Required tool "btrfs" is missing', InstanceError, "btrfs-progs"),
        ("The storage pool is currently in use", InstanceError, "clean"),
    ],
)
def test_what_lxd_refuses_has_a_remedy(said, kind, remedy):
    error = connection.explained("create", said, InstanceError)
    assert type(error) is kind
    assert said in error.message
    assert remedy in error.remedy


def test_any_other_refusal_is_of_the_kind_asked_for():
    error = connection.explained("prepare", "boom", TestbedError)
    assert isinstance(error, TestbedError)
    assert "LXD refused: boom" in error.message


@pytest.mark.parametrize(
    ("server", "driver"), [("lxd", "lxc"), ("incus", "lxc | qemu"), ("lxd", "qemu | lxc")]
)
def test_facts_name_the_server_and_its_version(server, driver, monkeypatch):
    told = captured("server.json")
    told["environment"] |= {"server": server, "driver": driver}
    monkeypatch.setattr(connection, "connect", lambda _: SimpleNamespace(host_info=told))
    found = Technology().facts()
    assert found[server] == "5.0.2"
    assert found[driver] == "5.0.2"
    assert all(isinstance(value, str) for value in found.values())
