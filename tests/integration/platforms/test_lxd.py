# SPDX-License-Identifier: Apache-2.0
"""Real system containers: unprivileged, reached in two ways, and removed without a trace."""

import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from builders import ran
from featherbench.errors import InstanceError
from featherbench.system.machine import LOCAL
from featherbench.system.polling import wait_until
from featherbench.technologies._container import name_of
from featherbench.technologies.lxd import connection, containers, resources
from integration.platforms.container_tests import ContainerTests

pytestmark = [pytest.mark.lxd, pytest.mark.timeout(900)]
TECHNOLOGY = "lxd"
SILENT = Path("/nonexistent/unix.socket")


def lxd():
    return connection.connect(connection.socket_of(LOCAL))


def firewall_rules():
    outputs = [
        ran(*argv).stdout
        for argv in (["nft", "list", "table", "inet", "lxd"], ["iptables", "-t", "nat", "-S"])
    ]
    return [line for output in outputs for line in output.splitlines() if "18080" in line]


class TestLxd(ContainerTests):
    listening_networks = ()
    shared = ("network", "storage pool")
    another_network = "no featherbench network"

    def inside(self, instance, *argv):
        exit_status, output = containers.run_inside(lxd(), name_of(instance.id), argv)
        return exit_status, output.strip()

    def names(self):
        return {url.rsplit("/", 1)[1] for url in lxd().api.instances.get().json()["metadata"]}

    def service_pid(self, instance):
        scope = f"lxc.payload.{name_of(instance.id)}/system.slice/featherbench.service"
        (group,) = list(Path("/sys/fs/cgroup").glob(f"systemd/{scope}")) or [
            Path("/sys/fs/cgroup") / scope
        ]
        return min(map(int, (group / "cgroup.procs").read_text().split()))

    def has_image(self, image):
        return lxd().images.exists(image.digest)

    def network_address(self):
        return resources.find(lxd().api.networks, resources.NETWORK)["config"]["ipv4.address"]

    def make_another_network(self):
        made = {"name": resources.NETWORK, "type": "bridge", "config": {"ipv4.address": "none"}}
        lxd().api.networks.post(json=made)
        return lxd().api.networks[resources.NETWORK].delete

    def make_container(self, image, state):
        name, marks = "fb-users", {}
        if state is not None:
            name, marks = "fb-theirs", resources.marks("x", state)
        container = containers.bare_description(name, image.digest, "dir", marks)
        lxd().instances.create(container, wait=True)
        return name

    def remove_container(self, name):
        containers.remove(lxd(), name)

    def wait_for_service(self, platform, instance):
        def is_active():
            return self.inside(instance, "systemctl", "is-active", "featherbench")[1] == "active"

        wait_until(is_active, what=platform.technology.diagnosis(instance), within_s=20)

    def test_two_containers_have_an_address_each(self, platform):
        first, second = platform.start(network="bridge"), platform.start("kv", network="bridge")
        assert first.endpoint.address != second.endpoint.address
        platform.await_payload(first)

    @pytest.mark.parametrize("service", ["http", "kv"])
    def test_the_service_has_no_privilege_and_root_is_not_the_machines(
        self, platform, status_of, service
    ):
        instance = platform.start(service)
        self.wait_for_service(platform, instance)
        status = status_of(self.service_pid(instance))
        self.require_no_privilege(status)
        assert 33 not in set(map(int, status["Uid"].split()))
        assert status_of(instance.handle["pid"])["Uid"].split()[0] != "0"
        assert self.inside(instance, "stat", "--format=%u", "/run/featherbench") == (0, "33")

    def test_it_has_an_init_system(self, platform):
        instance = platform.start()
        platform.await_payload(instance)
        assert self.inside(instance, "cat", "/proc/1/comm") == (0, "systemd")
        is_active = partial(self.inside, instance, "systemctl", "is-active")
        assert is_active("nginx", "systemd-networkd")[0] != 0
        assert is_active("systemd-journald") == (0, "active")

    def test_a_limit_of_memory_is_set(self, platform):
        instance = platform.start(memory_mib=128)
        platform.await_payload(instance)
        _, meminfo = self.inside(instance, "cat", "/proc/meminfo")
        assert meminfo.split()[1] == str(128 << 10)

    def test_its_usage_is_the_whole_containers(self, platform):
        instance = platform.start()
        platform.await_payload(instance)
        usage = platform.technology.usage(instance)
        state = lxd().api.instances[name_of(instance.id)].state.get().json()["metadata"]
        assert usage.cpu_s == pytest.approx(state["cpu"]["usage"] / 1e9, rel=0.2)
        assert usage.memory_current_bytes == pytest.approx(state["memory"]["usage"], rel=0.2)

    def test_an_images_fingerprint_is_the_computed_digest(self, platform):
        for image in platform.images.values():
            assert image.reference["fingerprint"] == image.digest
            assert lxd().images.exists(image.digest)

    def test_in_btrfs_a_container_is_a_snapshot_of_an_unpacked_image(self, platform):
        environment = lxd().host_info["environment"]
        drivers = {driver["Name"] for driver in environment["storage_supported_drivers"]}
        if "btrfs" not in drivers:
            pytest.skip("this LXD has no btrfs (btrfs-progs)")
        instance = platform.start(storage="btrfs")
        assert len(platform.await_payload(instance)) == 1150
        pool = lxd().api["storage-pools"]["featherbench-btrfs"]
        unpacked = pool.volumes.image.get(params={"recursion": 1}).json()["metadata"]
        assert [volume["name"] for volume in unpacked] == [platform.images["http"].digest]
        platform.technology.stop(instance)
        assert self.kinds(platform) == self.shared

    def test_a_taken_port_is_named_and_nothing_is_left(self, platform):
        assert f"pid={os.getpid()}" in self.refusal_of_a_taken_port(platform)

    def test_a_service_that_dies_ends_its_container(self, platform):
        instance = platform.start("kv")
        self.wait_for_service(platform, instance)
        os.kill(self.service_pid(instance), signal.SIGKILL)
        wait_until(
            lambda: not platform.technology.is_running(instance), what="its end", within_s=10
        )
        diagnosis = platform.technology.diagnosis(instance)
        assert "stopped" in diagnosis
        assert "signal, killed KILL" in diagnosis

    def test_a_container_that_others_stopped_leaves_no_rule_and_can_be_removed(self, platform):
        instance = platform.start()
        assert firewall_rules()
        subprocess.run(["lxc", "stop", "--force", name_of(instance.id)], check=True)
        assert not platform.technology.is_running(instance)
        platform.technology.stop(instance)
        assert name_of(instance.id) not in self.names()
        assert firewall_rules() == []

    def test_an_lxd_that_does_not_answer_is_reported(self, platform, monkeypatch):
        instance = platform.start()
        monkeypatch.setattr(connection, "socket_of", lambda _machine: SILENT)
        with pytest.raises(InstanceError, match="does not answer") as refused:
            platform.technology.is_running(instance)
        assert "make engine" in refused.value.remedy
        assert "does not answer" in platform.technology.diagnosis(instance)
