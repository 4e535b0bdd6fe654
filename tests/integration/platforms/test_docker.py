# SPDX-License-Identifier: Apache-2.0
"""Real Docker containers (`technologies/docker/containers.py`), removed without a trace."""

import tarfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from featherbench import registry
from featherbench.errors import InstanceError
from featherbench.ownership import LABEL
from featherbench.rootfs.archives import files_layer
from featherbench.system import machine, ssh
from featherbench.system.machine import LOCAL
from featherbench.technologies.docker import containers
from featherbench.technologies.docker.connection import SOCKET, connect
from integration.platforms.container_tests import ContainerTests
from integration.platforms.disturbance_tests import DisturbanceTests

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


class TestDocker(ContainerTests):
    listening_networks = ("nat", "host")
    shared = ("network", "firewall rule")
    another_network = "not featherbench's"

    def inside(self, instance, *argv):
        done = container(instance).exec_run(list(argv))
        return done.exit_code, done.output.decode()

    def names(self):
        return {made.name for made in engine().containers.list(all=True)}

    def service_pid(self, instance):
        return container(instance).attrs["State"]["Pid"]

    def has_image(self, image):
        return image.reference["id"] in {known.id for known in engine().images.list(all=True)}

    def network_address(self):
        (made,) = engine().networks.list(names=[containers.NETWORK])
        pool = made.attrs["IPAM"]["Config"][0]
        return f"{pool['Gateway']}/{pool['Subnet'].partition('/')[2]}"

    def make_another_network(self):
        return engine().networks.create(containers.NETWORK).remove

    def make_container(self, image, state):
        labels = {} if state is None else {containers.STATE_LABEL: state, LABEL: "x"}
        return engine().containers.create(image.reference["id"], ["true"], labels=labels).name

    def remove_container(self, name):
        engine().containers.get(name).remove()

    def kinds(self, platform):
        return tuple(leftover.kind for leftover in platform.leftovers())

    def wait_for_service(self, platform, instance):
        assert platform.technology.is_running(instance)

    @pytest.mark.parametrize("service", ["http", "kv"])
    def test_it_has_no_privilege(self, platform, status_of, service):
        instance = platform.start(service)
        status = status_of(self.service_pid(instance))
        self.require_no_privilege(status)
        assert set(status["Uid"].split()) == {"33"}
        assert container(instance).attrs["HostConfig"]["Privileged"] is False

    def test_it_can_write_only_to_its_scratch_folder(self, platform):
        instance = platform.start()
        assert self.inside(instance, "touch", "/run/featherbench/x")[0] == 0
        for path in ("/x", "/tmp/x", "/var/tmp/x"):
            exit_status, output = self.inside(instance, "touch", path)
            assert exit_status != 0
            assert "Read-only file system" in output
        as_root = container(instance).exec_run(["touch", "/x"], user="0")
        assert as_root.exit_code != 0

    def test_seccomp_can_be_turned_off(self, platform, status_of):
        instance = platform.start(seccomp="unconfined")
        assert status_of(self.service_pid(instance))["Seccomp"] == "0"

    def test_a_limit_of_memory_is_set(self, platform):
        instance = platform.start(memory_mib=64)
        assert container(instance).attrs["HostConfig"]["Memory"] == 64 << 20

    def test_an_images_id_is_the_computed_digest(self, platform):
        for image in platform.images.values():
            assert image.reference["id"] == f"sha256:{image.digest}"

    def test_saved_layers_have_the_computed_sizes(self, platform, built_root, tmp_path):
        saved = tmp_path / "saved.tar"
        with saved.open("wb") as file:
            for chunk in engine().images.get(platform.images["http"].reference["tag"]).save():
                file.write(chunk)
        with tarfile.open(saved) as archive:
            sizes = {entry.size for entry in archive if entry.name.endswith("layer.tar")}
        workload = registry.load("workloads", "http")
        layer = files_layer(workload.files(workload.Settings()))
        assert sizes == {built_root.tar.stat().st_size, len(layer)}

    def test_an_unknown_runtime_is_reported(self, platform):
        with pytest.raises(InstanceError) as refused:
            platform.start(runtime="no-such-runtime")
        assert "daemon.json" in refused.value.remedy
        assert self.kinds(platform) == self.shared

    def test_an_engine_that_does_not_answer_is_reported(self, platform, monkeypatch):
        instance = platform.start()
        platform.placement = replace(platform.placement, machine=SilentMachine())
        with pytest.raises(InstanceError, match="does not answer") as refused:
            platform.start()
        assert "make engine" in refused.value.remedy
        monkeypatch.setattr(ssh, "LOCAL", SilentMachine())
        with pytest.raises(InstanceError, match="does not answer"):
            platform.technology.is_running(instance)
        assert "does not answer" in platform.technology.diagnosis(instance)


class TestDisturbances(DisturbanceTests):
    def move(self, bench):
        container(bench.under_test).update(cpuset_cpus=str(bench.client.cpus[0]))

    def test_a_container_that_was_paused_for_a_while(self, bench):
        def pause():
            paused = container(bench.under_test)
            paused.pause()
            time.sleep(0.3)
            paused.unpause()

        self.require(bench, pause, "invalid", "held up: the server was frozen or paused")

    def test_a_limit_of_memory_that_was_set(self, bench):
        def limit():
            container(bench.under_test).update(mem_limit="64m", memswap_limit="64m")

        self.require(bench, limit, "invalid", "changed: the memory limit of")

    def test_its_link_went_down_and_up(self, bench):
        pid = bench.technology.processes(bench.under_test)[0]
        peer = Path(f"/proc/{pid}/root/sys/class/net/eth0/iflink").read_text()
        links = Path("/sys/class/net").glob("*/ifindex")
        (link,) = [file.parent.name for file in links if file.read_text() == peer]

        def pull():
            for state in ("down", "up"):
                LOCAL.run(["ip", "link", "set", link, state], timeout_s=5)

        self.require(bench, pull, "invalid", f"changed: the link {link} went down or up")
