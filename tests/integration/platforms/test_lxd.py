# SPDX-License-Identifier: Apache-2.0
"""Real system containers: unprivileged, reached in two ways, and clean when they go."""

import os
import signal
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from featherbench.contracts.technology import BuildRequest
from featherbench.errors import ImageError, InstanceError, TestbedError
from featherbench.records.tuning import Tuning
from featherbench.system.machine import LOCAL
from featherbench.system.polling import wait_until
from featherbench.technologies.lxd import (
    connection,
    container_ops,
    container_spec,
    network,
    owned_resources,
)
from featherbench.technologies.lxd.container_spec import described

pytestmark = [pytest.mark.lxd, pytest.mark.timeout(900)]
TECHNOLOGY = "lxd"
SHARED = ["network", "storage pool"]
SILENT = Path("/nonexistent/unix.socket")


def lxd():
    return connection.connect(connection.socket_of(LOCAL))


def name_of(instance):
    return container_spec.name_of(instance.id)


def inside(instance, *argv):
    return container_ops.run_inside(lxd(), name_of(instance), argv)


def names():
    return {url.rsplit("/", 1)[1] for url in lxd().api.instances.get().json()["metadata"]}


def service(instance):
    """Give the pid on this machine of the server itself."""
    scope = f"lxc.payload.{name_of(instance)}/system.slice/featherbench.service"
    (group,) = list(Path("/sys/fs/cgroup").glob(f"systemd/{scope}")) or [
        Path("/sys/fs/cgroup") / scope
    ]
    return min(map(int, (group / "cgroup.procs").read_text().split()))


def kinds(platform):
    """What is left of what LXD itself has."""
    return [each.kind for each in platform.leftovers() if each.kind != "firewall rule"]


def firewall_rules():
    printed = [
        subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        for argv in (["nft", "list", "table", "inet", "lxd"], ["iptables", "-t", "nat", "-S"])
    ]
    return [line for text in printed for line in text.splitlines() if "18080" in line]


# --- how it is reached ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["nat", "bridge"])
def test_the_client_gets_the_payload(platform, way):
    instance = platform.start(network=way)
    assert len(platform.await_payload(instance)) == 1150


def test_each_way_has_its_addresses(platform):
    own = platform.placement.container_subnet.replace(".0/24", ".2")
    for way, address in (("nat", platform.placement.address), ("bridge", own)):
        instance = platform.start(network=way)
        assert (instance.endpoint.address, instance.endpoint.ping_address) == (address, own)
        platform.technology.stop(instance)


def test_two_containers_have_an_address_each(platform):
    first, second = platform.start(network="bridge"), platform.start("kv", network="bridge")
    assert first.endpoint.address != second.endpoint.address
    platform.await_payload(first)


@pytest.mark.parametrize("way", ["nat", "bridge"])
def test_pings_reach_the_container_itself(platform, way):
    instance = platform.start(network=way)
    platform.await_payload(instance)
    before = icmp_echos(instance)
    platform.wire.client("ping", "-c", "1", "-W", "2", instance.endpoint.ping_address)
    assert icmp_echos(instance) == before + 1


def icmp_echos(instance):
    _, snmp = inside(instance, "cat", "/proc/net/snmp")
    lines = [line.split()[1:] for line in snmp.splitlines() if line.startswith("Icmp:")]
    return int(lines[1][lines[0].index("InEchos")])


@pytest.mark.parametrize("way", ["nat", "bridge"])
def test_nothing_listens_on_this_machine(platform, way):
    def listeners():
        printed = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True)
        return {line.split()[3] for line in printed.stdout.splitlines()}

    before = listeners()
    platform.await_payload(platform.start(network=way))
    assert listeners() == before


# --- how it is confined --------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["http", "kv"])
def test_the_service_has_no_privilege_and_its_root_is_not_ours(platform, status_of, service):
    instance = platform.start(service)
    wait_for_service(platform, instance)
    status = status_of(service(instance))
    assert {int(status[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert 33 not in set(map(int, status["Uid"].split()))
    assert status_of(instance.handle["pid"])["Uid"].split()[0] != "0"
    assert inside(instance, "stat", "--format=%u", "/run/featherbench") == (0, "33")


def wait_for_service(platform, instance):
    def is_active():
        return inside(instance, "systemctl", "is-active", "featherbench")[1] == "active"

    wait_until(is_active, what=platform.technology.diagnosis(instance), within_s=20)


def test_it_is_a_whole_system(platform):
    instance = platform.start()
    platform.await_payload(instance)
    assert inside(instance, "cat", "/proc/1/comm") == (0, "systemd")
    failed, _ = inside(instance, "systemctl", "is-active", "nginx", "systemd-networkd")
    assert failed
    assert inside(instance, "systemctl", "is-active", "systemd-journald") == (0, "active")


def test_it_runs_on_the_places_cpus(platform):
    instance = platform.start()
    wait_for_service(platform, instance)
    assert os.sched_getaffinity(service(instance)) == set(platform.placement.cpus)


def test_tuning_is_the_containers_own(platform):
    tuning = Tuning(
        net_sysctls={
            "net.core.somaxconn": "2222",
            "net.ipv4.ip_local_port_range": "2000 60000",
            "net.ipv4.tcp_keepalive_time": "61",
        },
        nofile=5555,
    )
    instance = platform.start(tuning=tuning)
    platform.await_payload(instance)
    found = platform.technology.tuning_in_force(instance, tuning)
    assert found == {**tuning.net_sysctls, "nofile": "5555"}
    limits = Path(f"/proc/{service(instance)}/limits").read_text().splitlines()
    assert next(each for each in limits if "open files" in each).split()[3:5] == ["5555", "5555"]
    assert Path("/proc/sys/net/core/somaxconn").read_text().strip() != "2222"


def test_a_limit_of_memory_is_set(platform):
    instance = platform.start(memory_mib=128)
    platform.await_payload(instance)
    _, seen = inside(instance, "cat", "/proc/meminfo")
    assert seen.split()[1] == str(128 << 10)


def test_what_it_uses_is_the_whole_containers(platform):
    instance = platform.start()
    platform.await_payload(instance)
    used = platform.technology.usage(instance)
    state = lxd().api.instances[name_of(instance)].state.get().json()["metadata"]
    assert used.cpu_s == pytest.approx(state["cpu"]["usage"] / 1e9, rel=0.2)
    assert used.memory_current_bytes == pytest.approx(state["memory"]["usage"], rel=0.2)


# --- images --------------------------------------------------------------------------------------


def test_an_images_fingerprint_is_the_digest_that_we_computed(platform):
    for image in platform.images.values():
        assert image.reference["fingerprint"] == image.digest
        assert lxd().images.exists(image.digest)


def test_a_rebuilt_image_replaces_the_one_before(platform, built_root, forget_images, tmp_path):
    def build(payload):
        return platform.technology.build_image(
            BuildRequest(
                service="http",
                into=tmp_path,
                root_filesystems=built_root.root_filesystems_of(platform.technology),
                files={"/payload": payload},
                state=platform.placement.state,
            )
        )

    first, second, same = build(b"1"), build(b"2"), build(b"2")
    assert not lxd().images.exists(first.digest)
    assert second.reference == same.reference
    assert lxd().images.exists(second.digest)
    forget_images("lxd", [second])


def test_an_image_that_is_gone_is_an_image_error_with_what_to_delete(platform):
    before = names()
    gone = platform.images["http"].model_copy(update={"reference": {"fingerprint": "0" * 64}})
    with pytest.raises(ImageError) as refused:
        platform.start(image=gone)
    assert "results/images/lxd" in refused.value.remedy
    assert names() == before


def test_in_btrfs_a_container_is_a_snapshot_of_an_image_unpacked_before(platform):
    environment = lxd().host_info["environment"]
    if "btrfs" not in {each["Name"] for each in environment["storage_supported_drivers"]}:
        pytest.skip("this LXD has no btrfs (btrfs-progs)")
    instance = platform.start(storage="btrfs")
    assert len(platform.await_payload(instance)) == 1150
    pool = lxd().api["storage-pools"]["featherbench-btrfs"]
    unpacked = pool.volumes.image.get(params={"recursion": 1}).json()["metadata"]
    assert [each["name"] for each in unpacked] == [platform.images["http"].digest]
    platform.technology.stop(instance)
    assert kinds(platform) == SHARED


# --- what goes wrong -----------------------------------------------------------------------------


def test_a_taken_port_is_named_and_nothing_is_left(platform):
    before = names()
    with socket.create_server((platform.placement.address, 18080)):
        with pytest.raises(InstanceError) as refused:
            platform.start()
        assert f"{platform.placement.address}:18080" in refused.value.message
        assert f"pid={os.getpid()}" in refused.value.message
    assert names() == before


def test_the_container_that_has_the_port_is_named(platform):
    first = platform.start()
    with pytest.raises(InstanceError, match=name_of(first)):
        platform.start()
    assert platform.technology.is_running(first)


def test_a_service_that_dies_ends_its_container(platform):
    instance = platform.start("kv")
    wait_for_service(platform, instance)
    os.kill(service(instance), signal.SIGKILL)
    wait_until(
        lambda: not platform.technology.is_running(instance), what="death noticed", within_s=10
    )
    said = platform.technology.diagnosis(instance)
    assert "stopped" in said
    assert "signal, killed KILL" in said


def test_a_server_that_fails_is_told_with_what_it_said(platform):
    assert "redis.conf" in platform.said_at_its_end("kv", image=platform.images["http"])


def test_a_container_that_was_stopped_by_others_leaves_no_rule_and_can_be_removed(platform):
    instance = platform.start()
    assert firewall_rules()
    subprocess.run(["lxc", "stop", "--force", name_of(instance)], check=True)
    assert not platform.technology.is_running(instance)
    platform.technology.stop(instance)
    assert name_of(instance) not in names()
    assert firewall_rules() == []


def test_an_lxd_that_does_not_answer_is_told(platform, monkeypatch):
    instance = platform.start()
    monkeypatch.setattr(connection, "socket_of", lambda _node: SILENT)
    with pytest.raises(InstanceError, match="does not answer") as refused:
        platform.technology.is_running(instance)
    assert "make engine" in refused.value.remedy
    assert "does not answer" in platform.technology.diagnosis(instance)


# --- what is left --------------------------------------------------------------------------------


def test_output_is_kept_when_it_stops(platform):
    instance = platform.start("kv")
    wait_for_service(platform, instance)
    platform.technology.stop(instance)
    assert "Ready to accept connections" in Path(instance.handle["log"]).read_text()


def test_network_and_pool_are_made_once_and_found(platform):
    for _ in range(2):
        platform.technology.prepare(platform.request())
    assert kinds(platform) == SHARED
    for leftover in platform.leftovers():
        platform.technology.remove(leftover)
        platform.technology.remove(leftover)
    assert platform.leftovers() == []


def test_a_network_with_other_addresses_is_made_anew(platform):
    platform.technology.prepare(platform.request())
    other = replace(platform.placement, container_subnet="198.18.102.0/24")
    platform.technology.prepare(replace(platform.request(), placement=other))
    made = owned_resources.find(lxd().api.networks, network.NAME)
    assert made["config"]["ipv4.address"] == "198.18.102.1/24"


def test_a_network_of_others_is_left_alone(platform):
    made = {"name": network.NAME, "type": "bridge", "config": {"ipv4.address": "none"}}
    lxd().api.networks.post(json=made)
    try:
        with pytest.raises(TestbedError, match="no featherbench network"):
            platform.technology.prepare(platform.request())
    finally:
        lxd().api.networks[network.NAME].delete()


def test_containers_of_another_testbed_and_of_users_are_told_apart(platform):
    platform.technology.prepare(platform.request())
    image = platform.images["http"].digest
    for name, marks in (
        ("fb-theirs", owned_resources.marks("x", "/another/testbed")),
        ("fb-users", {}),
    ):
        lxd().instances.create(described(name, image, "dir", marks), wait=True)
    try:
        assert kinds(platform) == SHARED
        found = {each.name: each.state for each in platform.technology.leftovers()}
        assert found["fb-theirs"] == "/another/testbed"
        assert "fb-users" not in found
    finally:
        for name in ("fb-theirs", "fb-users"):
            container_ops.remove(lxd(), name)
