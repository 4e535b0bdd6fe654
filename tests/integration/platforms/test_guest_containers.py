# SPDX-License-Identifier: Apache-2.0
"""Docker in a guest under software emulation: the same driver, on a machine reached by ssh."""

import os
import signal
import time
from pathlib import Path

import pytest

from featherbench.contracts.vm_runner import addresses_in
from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.system import ssh
from featherbench.system.polling import wait_until
from featherbench.vm import engine_vm, instance_dir
from featherbench.vm.libvirt import domains

pytestmark = [pytest.mark.slow, pytest.mark.qemu, pytest.mark.testbed, pytest.mark.timeout(3000)]
TECHNOLOGY, HYPERVISOR, SERVICES = "docker", "tcg", ("http",)
ANSWERS_WITHIN_S = 120
NOTICED_WITHIN_S = ssh.SILENT_INTERVAL_S * ssh.SILENT_INTERVALS + 15


def test_a_container_in_a_guest_serves_by_a_channel_of_its_own_until_the_guest_dies(platform):
    """On a bridge in the guest; address translation there is the default, which workflows use."""
    instance, technology = platform.start(network="bridge"), platform.technology
    payload = wait_until(
        lambda: platform.fetch(instance), what="payload", within_s=ANSWERS_WITHIN_S, every_s=0.5
    )
    assert len(payload) == 1150
    platform.wire.client("ping", "-c", "1", instance.endpoint.ping_address)
    assert technology.is_running(instance)
    assert technology.tuning_in_force(instance, platform.tuning)["nofile"] == "4321"
    usage = technology.usage(instance)
    assert 0 < usage.memory_current_bytes < usage.guest_used_bytes < usage.hypervisor_bytes
    machine = engine_vm.machine_of(instance.id)
    require_a_channel(machine, addresses_in(platform.placement.guest_subnet))
    require_death_is_noticed(technology, machine, instance)


def require_a_channel(machine, addresses):
    done = machine.run(["sh", "-c", "echo $SSH_CONNECTION; cat"], timeout_s=30, stdin="told\n")
    source, _, listening, port = done.stdout.split()[:4]
    assert (listening, port) == (addresses.guest, "22")
    assert source == addresses.gateway
    assert done.stdout.endswith("told\n")
    files = ["/proc/sys/kernel/ostype", "/no/such/file"]
    found = machine.read([Path(name) for name in files])
    assert list(found.values()) == ["Linux\n"]
    with pytest.raises(OSError, match="No such file"):
        machine.write(Path("/no/such/folder/file"), "x")
    listeners = machine.run(["ss", "-Hltn"], timeout_s=30).stdout
    assert f"{addresses.guest}:22" in listeners
    assert "0.0.0.0:22" not in listeners


def require_death_is_noticed(technology, machine, instance):
    os.kill(domains.pid_of(instance.id), signal.SIGKILL)
    wait_until(lambda: not technology.is_running(instance), what="death", within_s=10)
    assert "the guest is gone" in technology.diagnosis(instance)
    with pytest.raises(InstanceDiedError):
        technology.usage(instance)
    began_s = time.monotonic()
    with pytest.raises(InstanceDiedError):
        machine.run(["true"], timeout_s=120)
    assert time.monotonic() - began_s < NOTICED_WITHIN_S
    technology.stop(instance)
    assert not instance_dir.of(instance.id).path.exists()


def test_a_container_that_cannot_start_leaves_no_guest(platform):
    before = domains.owned_domains()
    with pytest.raises(InstanceError):
        platform.start(runtime="no-such-runtime")
    assert domains.owned_domains() == before
