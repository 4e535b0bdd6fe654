# SPDX-License-Identifier: Apache-2.0
"""Real containers: unprivileged, reached in three ways, and clean when they go."""

import os
import socket
import subprocess
import tarfile
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from featherbench import registry
from featherbench.contracts.technology import BuildRequest
from featherbench.errors import ImageError, InstanceError, TestbedError
from featherbench.ownership import LABEL
from featherbench.records.tuning import Tuning
from featherbench.rootfs.archives import files_layer
from featherbench.system import machine, ssh
from featherbench.technologies.docker import network
from featherbench.technologies.docker.connection import SOCKET, connect

pytestmark = pytest.mark.docker
TECHNOLOGY = "docker"


def engine():
    return connect(f"unix://{SOCKET}")


class SilentMachine(machine.LocalMachine):
    """A machine where no engine answers."""

    def socket(self, path):
        return Path("/nonexistent") / path.name


def container(instance):
    return engine().containers.get(instance.handle["container"])


def pid_of(instance):
    return container(instance).attrs["State"]["Pid"]


def inside(instance, *argv):
    return container(instance).exec_run(list(argv))


def names():
    return {each.name for each in engine().containers.list(all=True)}


def listeners():
    """Where this machine listens, as ADDRESS:PORT."""
    lines = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
    return {line.split()[3] for line in lines.splitlines()}


# --- how it is reached ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["nat", "bridge", "host"])
def test_the_client_gets_the_payload(platform, way):
    instance = platform.start(network=way)
    assert len(platform.await_payload(instance)) == 1150


def test_each_way_has_its_addresses(platform):
    placement = platform.placement
    for way in platform.technology.networks:
        instance = platform.start(network=way)
        own = str(IPv4Network(placement.container_subnet)[2])
        wanted = {
            "nat": (placement.address, own),
            "bridge": (own, own),
            "host": (placement.address, placement.address),
        }
        found = instance.endpoint
        assert (found.address, found.ping_address) == wanted[way]
        platform.technology.stop(instance)


@pytest.mark.parametrize("way", ["nat", "bridge"])
def test_pings_reach_the_container_itself(platform, way):
    instance = platform.start(network=way)
    before = inside(instance, "cat", "/proc/net/snmp").output
    platform.wire.client("ping", "-c", "1", "-W", "2", instance.endpoint.ping_address)
    after = inside(instance, "cat", "/proc/net/snmp").output
    assert icmp_echos(after) == icmp_echos(before) + 1


def icmp_echos(snmp):
    names, values = (
        line.split()[1:] for line in snmp.decode().splitlines() if line.startswith("Icmp:")
    )
    return int(values[names.index("InEchos")])


@pytest.mark.parametrize(("way", "wanted"), [("nat", 1), ("bridge", 0), ("host", 1)])
def test_this_machine_listens_at_the_places_address_only(platform, way, wanted):
    before = listeners()
    instance = platform.start(network=way)
    platform.await_payload(instance)
    assert listeners() - before == set([f"{platform.placement.address}:18080"][:wanted])


# --- how it is confined --------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["http", "kv"])
def test_it_has_no_privilege_at_all(platform, status_of, service):
    instance = platform.start(service)
    status = status_of(pid_of(instance))
    assert {int(status[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert set(status["Uid"].split()) == {"33"}
    assert container(instance).attrs["HostConfig"]["Privileged"] is False


def test_it_can_write_to_its_scratch_folder_only(platform):
    instance = platform.start()
    assert inside(instance, "touch", "/run/featherbench/x").exit_code == 0
    for path in ("/x", "/tmp/x", "/var/tmp/x"):
        refused = inside(instance, "touch", path)
        assert refused.exit_code != 0
        assert b"Read-only file system" in refused.output
    as_root = container(instance).exec_run(["touch", "/x"], user="0")
    assert as_root.exit_code != 0


def test_seccomp_can_be_turned_off(platform, status_of):
    instance = platform.start(seccomp="unconfined")
    assert status_of(pid_of(instance))["Seccomp"] == "0"


def test_it_runs_on_the_places_cpus(platform):
    assert os.sched_getaffinity(pid_of(platform.start())) == set(platform.placement.cpus)


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
    found = platform.technology.tuning_in_force(instance, tuning)
    assert found == {**tuning.net_sysctls, "nofile": "5555"}
    assert Path("/proc/sys/net/core/somaxconn").read_text().strip() != "2222"


def test_a_limit_of_memory_is_set(platform):
    instance = platform.start(memory_mib=64)
    assert container(instance).attrs["HostConfig"]["Memory"] == 64 << 20


# --- images --------------------------------------------------------------------------------------


def test_an_images_id_is_the_digest_that_we_computed(platform):
    for image in platform.images.values():
        assert image.reference["id"] == f"sha256:{image.digest}"


def test_saved_layers_are_the_bytes_that_we_counted(platform, built_root, tmp_path):
    saved = tmp_path / "saved.tar"
    with saved.open("wb") as file:
        for chunk in engine().images.get(platform.images["http"].reference["tag"]).save():
            file.write(chunk)
    with tarfile.open(saved) as archive:
        sizes = {each.size for each in archive if each.name.endswith("layer.tar")}
    workload = registry.load("workloads", "http")
    layer = files_layer(workload.files(workload.Settings()))
    assert sizes == {built_root.tar.stat().st_size, len(layer)}


def test_a_rebuilt_image_replaces_the_one_before(platform, built_root, tmp_path):
    def build(payload):
        return platform.technology.build_image(
            BuildRequest(
                service="http",
                into=tmp_path,
                root_filesystems=built_root.root_filesystems_of(platform.technology),
                files={"/payload": payload},
                state=tmp_path / "state",
            )
        )

    first, second, same = build(b"1"), build(b"2"), build(b"2")
    known = {image.id for image in engine().images.list(all=True)}
    assert first.reference["id"] not in known
    assert second.reference == same.reference
    assert second.reference["id"] in known
    engine().images.remove(second.reference["tag"])


def test_an_image_that_is_gone_is_an_image_error_with_what_to_delete(platform):
    image = platform.images["http"]
    gone = image.model_copy(update={"reference": {"id": f"sha256:{'0' * 64}"}})
    with pytest.raises(ImageError) as refused:
        platform.start(image=gone)
    assert "results/images/docker" in refused.value.remedy


# --- what goes wrong -----------------------------------------------------------------------------


def test_a_taken_port_is_named_and_nothing_is_left(platform):
    before = names()
    with socket.create_server((platform.placement.address, 18080)):
        with pytest.raises(InstanceError) as refused:
            platform.start()
        assert f"{platform.placement.address}:18080" in refused.value.message
        assert "ss -ltnp" in refused.value.remedy
    assert names() == before


def test_the_container_that_has_the_port_is_named(platform):
    first = platform.start()
    with pytest.raises(InstanceError, match=f"featherbench-{first.id}"):
        platform.start()
    assert platform.technology.is_running(first)


def test_an_unknown_runtime_is_told(platform):
    with pytest.raises(InstanceError) as refused:
        platform.start(runtime="no-such-runtime")
    assert "daemon.json" in refused.value.remedy
    assert [each.kind for each in platform.leftovers()] == ["network", "firewall rule"]


def test_an_engine_that_does_not_answer_is_told(platform, monkeypatch):
    instance = platform.start()
    platform.placement = replace(platform.placement, machine=SilentMachine())
    with pytest.raises(InstanceError, match="does not answer") as refused:
        platform.start()
    assert "make engine" in refused.value.remedy
    monkeypatch.setattr(ssh, "LOCAL", SilentMachine())
    lost = instance
    with pytest.raises(InstanceError, match="does not answer"):
        platform.technology.is_running(lost)
    assert "does not answer" in platform.technology.diagnosis(lost)


def test_a_server_that_fails_is_told_with_what_it_said(platform):
    assert "redis.conf" in platform.said_at_its_end("kv", image=platform.images["http"])


# --- what is left --------------------------------------------------------------------------------


def test_output_is_kept_when_it_stops(platform):
    instance = platform.start("kv")
    platform.technology.stop(instance)
    assert "Ready to accept connections" in Path(instance.handle["log"]).read_text()


def test_network_and_rule_are_made_once_and_found(platform):
    for _ in range(2):
        platform.technology.prepare(platform.request())
    assert [each.kind for each in platform.leftovers()] == ["network", "firewall rule"]
    for leftover in platform.leftovers():
        platform.technology.remove(leftover)
        platform.technology.remove(leftover)
    assert platform.leftovers() == []


def test_a_network_with_other_addresses_is_made_anew(platform):
    platform.technology.prepare(platform.request())
    other = replace(platform.placement, container_subnet="198.18.102.0/24")
    platform.technology.prepare(replace(platform.request(), placement=other))
    (made,) = engine().networks.list(names=[network.NAME])
    assert made.attrs["IPAM"]["Config"][0]["Subnet"] == "198.18.102.0/24"


def test_a_network_of_others_is_left_alone(platform):
    others = engine().networks.create(network.NAME)
    try:
        with pytest.raises(TestbedError, match="not ours"):
            platform.technology.prepare(platform.request())
    finally:
        others.remove()


def test_containers_of_another_testbed_are_told_apart(platform):
    image = platform.images["http"].reference["id"]
    before = {each.state for each in platform.technology.leftovers()}
    labels = {network.STATE_LABEL: "/another/testbed", LABEL: "x"}
    theirs = engine().containers.create(image, ["true"], labels=labels)
    try:
        assert platform.leftovers() == []
        found = {each.state for each in platform.technology.leftovers()}
        assert found - before == {"/another/testbed"}
    finally:
        theirs.remove()


def test_a_users_own_container_of_our_image_is_no_leftover(platform):
    image = platform.images["http"].reference["id"]
    theirs = engine().containers.create(image, ["true"])
    try:
        assert theirs.name not in {each.name for each in platform.technology.leftovers()}
    finally:
        theirs.remove()
