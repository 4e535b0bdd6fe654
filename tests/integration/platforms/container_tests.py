# SPDX-License-Identifier: Apache-2.0
"""What must hold for real containers of every engine; each engine's tests inherit it."""

import os
import socket
from abc import ABC, abstractmethod
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from builders import build_image, ran
from featherbench.errors import ImageError, InstanceError, TestbedError
from featherbench.records.tuning import Tuning
from featherbench.system.polling import wait_until
from featherbench.technologies._container import name_of

TUNING = Tuning(
    net_sysctls={
        "net.core.somaxconn": "2222",
        "net.ipv4.ip_local_port_range": "2000 60000",
        "net.ipv4.tcp_keepalive_time": "61",
    },
    nofile=5555,
)


def listeners():
    """Where this machine listens, as ADDRESS:PORT."""
    done = ran("ss", "-Hltn", check=True)
    return {line.split()[3] for line in done.stdout.splitlines()}


class ContainerTests(ABC):
    """The tests, and what they must know of an engine."""

    listening_networks: tuple
    """The networks for which something on this machine listens at the placement's address."""
    shared: tuple
    """The kinds of what containers share, without a firewall rule that the engine does not need."""
    another_network: str
    """The error about a network of somebody else that has featherbench's name."""

    @abstractmethod
    def inside(self, instance, *argv):
        """Run a program in the container; return its exit status and output."""

    @abstractmethod
    def names(self):
        """Return the names of all containers."""

    @abstractmethod
    def service_pid(self, instance):
        """Return the pid of the server on this machine."""

    @abstractmethod
    def has_image(self, image):
        """Return whether the engine has it."""

    @abstractmethod
    def network_address(self):
        """Return the address of featherbench's network on this machine, with the prefix."""

    @abstractmethod
    def make_another_network(self):
        """Make somebody else's network with featherbench's name; return a function to remove it."""

    @abstractmethod
    def make_container(self, image, state):
        """Create another testbed's container, or a user's if `state` is None; return its name."""

    @abstractmethod
    def remove_container(self, name):
        """Remove what `make_container` made."""

    @abstractmethod
    def wait_for_service(self, platform, instance):
        """Wait until the container has started the server."""

    def kinds(self, platform):
        kinds = [leftover.kind for leftover in platform.leftovers()]
        return tuple(kind for kind in kinds if kind != "firewall rule")

    # --- how it is reached -----------------------------------------------------------------------

    def test_each_network_has_its_addresses_and_only_those_are_listened_at(self, platform):
        placement = platform.placement
        container = str(IPv4Network(placement.container_subnet)[2])
        expected = {
            "nat": (placement.address, container),
            "bridge": (container, container),
            "host": (placement.address, placement.address),
        }
        for network in platform.technology.networks:
            before = listeners()
            instance = platform.start(network=network)
            endpoint = instance.endpoint
            assert (endpoint.address, endpoint.ping_address) == expected[network]
            assert len(platform.await_payload(instance)) == 1150
            listens = network in self.listening_networks
            assert listeners() - before == ({f"{placement.address}:18080"} if listens else set())
            if network != "host":
                self.require_pings_to_reach_the_container(platform, instance)
            platform.technology.stop(instance)

    def require_pings_to_reach_the_container(self, platform, instance):
        before = self.icmp_echos(instance)
        platform.wire.client("ping", "-c", "1", "-W", "2", instance.endpoint.ping_address)
        assert self.icmp_echos(instance) == before + 1

    def icmp_echos(self, instance):
        _, snmp = self.inside(instance, "cat", "/proc/net/snmp")
        names, values = (line.split()[1:] for line in snmp.splitlines() if line.startswith("Icmp:"))
        return int(values[names.index("InEchos")])

    # --- how it is confined ----------------------------------------------------------------------

    def require_no_privilege(self, status):
        assert {int(status[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd")} == {0}
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"

    def test_it_runs_on_the_placements_cpus(self, platform):
        instance = platform.start()
        self.wait_for_service(platform, instance)
        assert os.sched_getaffinity(self.service_pid(instance)) == set(platform.placement.cpus)

    def test_tuning_is_the_containers_own(self, platform):
        instance = platform.start(tuning=TUNING)
        platform.await_payload(instance)
        tuning = platform.technology.tuning_in_force(instance, TUNING)
        assert tuning == {**TUNING.net_sysctls, "nofile": "5555"}
        limits = Path(f"/proc/{self.service_pid(instance)}/limits").read_text().splitlines()
        open_files = next(line for line in limits if "open files" in line)
        assert open_files.split()[3:5] == ["5555", "5555"]
        assert Path("/proc/sys/net/core/somaxconn").read_text().strip() != "2222"

    # --- images ----------------------------------------------------------------------------------

    def test_a_rebuilt_image_replaces_the_one_before(
        self, platform, built_root, forget_images, tmp_path
    ):
        def build(payload):
            files = {"/payload": payload}
            return build_image(platform.technology, "http", tmp_path, built_root, files)

        first, second, same = build(b"1"), build(b"2"), build(b"2")
        assert not self.has_image(first)
        assert second.reference == same.reference
        assert self.has_image(second)
        forget_images(platform.technology.name, [second])

    def test_a_missing_image_is_an_image_error_with_the_file_to_delete(self, platform):
        before = self.names()
        image = platform.images["http"]
        digest = {"id": f"sha256:{'0' * 64}", "fingerprint": "0" * 64}
        missing = image.model_copy(update={"reference": digest})
        with pytest.raises(ImageError) as refused:
            platform.start(image=missing)
        assert f"results/images/{platform.technology.name}" in refused.value.remedy
        assert self.names() == before

    # --- what goes wrong -------------------------------------------------------------------------

    def refusal_of_a_taken_port(self, platform):
        before = self.names()
        with socket.create_server((platform.placement.address, 18080)):
            with pytest.raises(InstanceError) as refused:
                platform.start()
            assert f"{platform.placement.address}:18080" in refused.value.message
            assert "ss -ltnp" in refused.value.remedy
        assert self.names() == before
        return refused.value.message

    def test_a_taken_port_is_named_and_nothing_is_left(self, platform):
        assert self.refusal_of_a_taken_port(platform)

    def test_the_container_that_has_the_port_is_named(self, platform):
        first = platform.start()
        with pytest.raises(InstanceError, match=name_of(first.id)):
            platform.start()
        assert platform.technology.is_running(first)

    def test_a_server_that_fails_is_reported_with_its_output(self, platform):
        assert "redis.conf" in platform.failure("kv", image=platform.images["http"])

    # --- what is left ----------------------------------------------------------------------------

    def test_output_is_kept_when_it_stops(self, platform):
        def has_printed():
            return "Ready to accept connections" in platform.technology.diagnosis(instance)

        instance = platform.start("kv")
        wait_until(has_printed, what="Redis' output", within_s=20)
        platform.technology.stop(instance)
        assert "Ready to accept connections" in Path(instance.handle["log"]).read_text()

    def test_what_containers_share_is_made_once_and_found(self, platform):
        for _ in range(2):
            platform.technology.prepare(platform.request())
        assert self.kinds(platform) == self.shared
        for leftover in platform.leftovers():
            platform.technology.remove(leftover)
            platform.technology.remove(leftover)
        assert platform.leftovers() == []

    def test_a_network_with_other_addresses_is_replaced(self, platform):
        platform.technology.prepare(platform.request())
        other = replace(platform.placement, container_subnet="198.18.102.0/24")
        platform.technology.prepare(replace(platform.request(), placement=other))
        assert self.network_address() == "198.18.102.1/24"

    def test_a_network_of_somebody_else_is_left_alone(self, platform):
        remove = self.make_another_network()
        try:
            with pytest.raises(TestbedError, match=self.another_network):
                platform.technology.prepare(platform.request())
        finally:
            remove()

    def test_containers_of_another_testbed_and_of_users_are_not_ours(self, platform):
        """A user's container of the same image is no leftover at all."""
        platform.technology.prepare(platform.request())
        image = platform.images["http"]
        before = {leftover.state for leftover in platform.technology.leftovers()}
        theirs = self.make_container(image, "/another/testbed")
        users = self.make_container(image, None)
        try:
            assert self.kinds(platform) == self.shared
            states = {leftover.name: leftover.state for leftover in platform.technology.leftovers()}
            assert states[theirs] == "/another/testbed"
            assert set(states.values()) - before == {"/another/testbed"}
            assert users not in states
        finally:
            self.remove_container(theirs)
            self.remove_container(users)
