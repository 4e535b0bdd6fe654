# SPDX-License-Identifier: Apache-2.0
"""Linux guests under software emulation: real boots, and whatever can go wrong with them."""

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from builders import bench_with
from featherbench.contracts.vm_runner import addresses_in
from featherbench.errors import InstanceError, TestbedError
from featherbench.records.tuning import Tuning
from featherbench.services.readiness import wait_until_ready
from featherbench.system.polling import wait_until
from featherbench.vm import bridge, instance_dir, virtual_machine
from featherbench.vm.libvirt import domains

pytestmark = [pytest.mark.qemu, pytest.mark.testbed, pytest.mark.timeout(1200)]
TECHNOLOGY, HYPERVISOR = "linux", "tcg"
INITS = ("minimal", "systemd")
EACH_INIT = ["minimal", pytest.param("systemd", marks=pytest.mark.slow)]
BOOTS_WITHIN_S = 300.0
"""Other tests may be using the processors."""
TUNING = Tuning(
    net_sysctls={"net.core.somaxconn": "1234", "net.ipv4.ip_local_port_range": "1024 65535"},
    nofile=4321,
)
MUTE = (
    "use IO::Socket::INET; my $l = IO::Socket::INET->new("
    "LocalAddr => '{address}', LocalPort => 18080, Listen => 9) or die $!; sleep 1000"
)
"""Takes connections, and never answers: in perl, which every Debian has."""


@pytest.fixture
def start(platform):
    """Start a guest with an init; `command` is run in place of the server."""

    def start_it(init="minimal", command=None, **guest):
        request = platform.request(tuning=TUNING, guest={"init": init, "memory_mib": 256, **guest})
        request = replace(request, command=command or request.command)
        platform.technology.prepare(request)
        return platform.technology.start(request)

    return start_it


def await_payload(platform, instance):
    return wait_until(
        lambda: platform.fetch(instance) or not platform.technology.is_running(instance),
        what="the payload",
        within_s=BOOTS_WITHIN_S,
        every_s=0.2,
    )


def end_of(platform, instance):
    """Wait until a guest is gone, and give what the user is told."""
    wait_until(
        lambda: not platform.technology.is_running(instance),
        what="its end",
        within_s=BOOTS_WITHIN_S,
        every_s=0.2,
    )
    return platform.technology.diagnosis(instance)


# --- what works ----------------------------------------------------------------------------------


@pytest.mark.parametrize("init", EACH_INIT)
def test_it_boots_to_the_service_and_reports_its_phases(platform, start, init):
    instance = start(init)
    assert len(await_payload(platform, instance)) == 1150
    technology = platform.technology
    assert technology.tuning_in_force(instance, TUNING) == {**TUNING.net_sysctls, "nofile": "4321"}
    phases_s = technology.start_phases_s(instance)
    assert list(phases_s) == ["definition", "firmware_and_kernel", "user_space"]
    assert all(took_s > 0 for took_s in phases_s.values())
    technology.stop(instance)
    assert_nothing_left_of(platform, instance)


def assert_nothing_left_of(platform, instance):
    if (state := str(platform.placement.state)) in bridge.owners().values():
        assert bridge.ports(bridge.of(state)) == []
    assert not domains.is_running(instance.id)
    assert not instance_dir.of(instance.id).path.exists()
    assert not domains.qemu_log(instance.id).exists()


@pytest.mark.slow
def test_its_memory_processors_disk_and_bridge_are_its_own(platform, start, tmp_path):
    disk = Path(platform.images["http"].reference["folder"]) / "disk.raw"
    before = disk.stat().st_mtime_ns
    instance = start()
    for thread in Path(f"/proc/{domains.pid_of(instance.id)}/task").iterdir():
        assert os.sched_getaffinity(int(thread.name)) == set(platform.placement.cpus), thread
    state = str(platform.placement.state)
    mine = bridge.of(state)
    with pytest.raises(TestbedError, match=f"already used by {mine}"):
        bridge.prepare(replace(platform.placement, state=tmp_path / "other", callback_address=""))
    assert bridge.ports(mine) != []
    assert bridge.of(state) == mine
    await_payload(platform, instance)
    require_usage_of_hypervisor_and_guest(platform, instance)
    platform.technology.stop(instance)
    assert disk.stat().st_mtime_ns == before


def require_usage_of_hypervisor_and_guest(platform, instance):
    def told():
        usage = platform.technology.usage(instance)
        return usage if usage.guest_used_bytes else None

    usage = wait_until(told, what="the guest's own memory", within_s=20, every_s=0.2)
    assert usage.cpu_s > 0.1
    assert 10 << 20 < usage.guest_used_bytes < 256 << 20
    assert usage.memory_current_bytes > usage.guest_used_bytes
    assert platform.technology.reset_peak(instance)


@pytest.mark.slow
def test_the_older_machine_type_boots(platform, start):
    assert len(await_payload(platform, start(machine="pc"))) == 1150


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_service_that_ends_ends_the_guest(platform, start):
    for init in INITS:
        said = end_of(platform, start(init, ("/no/such/program",)))
        assert "powered itself off" in said
        assert "/no/such/program: No such file or directory" in said


@pytest.mark.slow
def test_a_panic_is_reported_with_its_first_lines(platform, start, monkeypatch):
    monkeypatch.setitem(virtual_machine.INITS, "minimal", "/no/such/init")
    said = end_of(platform, start())
    assert "the guest's kernel panicked" in said
    assert "Kernel panic - not syncing: Attempted to kill init!" in said


@pytest.mark.slow
def test_too_little_memory_is_reported_as_such(platform, start):
    said = end_of(platform, start(memory_mib=64))
    assert "the guest is gone" in said
    assert "its kernel never started the first program" in said


def until_ready(platform, instance, *, within_s):
    """Wait for the service as a workload does; return what it says when that is in vain."""
    bench = bench_with(platform, instance, tuning=TUNING, logs=platform.folder)
    with pytest.raises(InstanceError) as told:
        wait_until_ready(bench, within_s=within_s)
    return told.value.message


@pytest.mark.slow
def test_a_hang_at_boot_is_reported_within_its_deadline(platform, start, monkeypatch):
    monkeypatch.setitem(virtual_machine.INITS, "minimal", "/usr/bin/cat")
    said = until_ready(platform, start(), within_s=20)
    assert "did not answer within 20 s: the guest runs" in said
    assert "its service never began" in said


@pytest.mark.slow
def test_a_guest_that_accepts_connections_without_answering_is_reported(platform, start):
    instance = start(command=("perl", "-e", MUTE))
    wait_until(
        lambda: "accepts connections" in platform.technology.diagnosis(instance),
        what="the mute server",
        within_s=BOOTS_WITHIN_S,
        every_s=0.5,
    )
    said = until_ready(platform, instance, within_s=5)
    assert f"the guest runs, and {instance.endpoint.address}:18080 accepts connections" in said


# --- what broken runs leave ----------------------------------------------------------------------


def test_a_killed_qemu_is_found_and_removed_completely(platform, start):
    instance = start()
    os.kill(domains.pid_of(instance.id), signal.SIGKILL)
    assert "the guest is gone" in end_of(platform, instance)
    assert platform.leftovers()[0].name == instance.id
    for leftover in platform.leftovers():
        platform.technology.remove(leftover)
        platform.technology.remove(leftover)
    assert platform.leftovers() == []
    assert_nothing_left_of(platform, instance)


STARTS_AND_DIES = """
import os, pickle, signal, sys
from dataclasses import replace
from featherbench.vm.libvirt.runner import LibvirtRunner
from featherbench.vm.virtual_machine import VirtualMachine
request, settings = pickle.load(open(sys.argv[1], "rb"))
guests = VirtualMachine(runner=LibvirtRunner(accelerator="tcg"))
request = replace(request, settings=guests.Settings.model_validate(settings))
guests.prepare(request)
guests.start(request)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_what_a_killed_job_leaves_is_found_and_removed(platform, tmp_path):
    request = platform.request(guest={"init": "minimal", "memory_mib": 256})
    given = (replace(request, settings=None), request.settings.model_dump())
    (tmp_path / "order").write_bytes(pickle.dumps(given))
    script = [sys.executable, "-c", STARTS_AND_DIES, str(tmp_path / "order")]
    died = subprocess.run(script, env=os.environ, check=False)
    assert died.returncode == -signal.SIGKILL
    assert domains.is_running(request.instance_id)
    found = platform.leftovers()
    assert {"guest", "bridge"} <= {each.kind for each in found}
    for leftover in found:
        platform.technology.remove(leftover)
    assert platform.leftovers() == []
    assert not domains.is_running(request.instance_id)
    assert not instance_dir.of(request.instance_id).path.exists()
    assert str(platform.placement.state) not in bridge.owners().values()


def test_without_the_bridge_nothing_is_sent(platform):
    platform.technology.prepare(platform.request())
    layout, mine = (
        addresses_in(platform.placement.guest_subnet),
        bridge.of(str(platform.placement.state)),
    )
    subprocess.run(["ip", "link", "delete", mine], check=True)
    for address in (layout.guest, str(layout.containers[2])):
        asked = subprocess.run(["ip", "route", "get", address], capture_output=True, check=False)
        assert asked.returncode != 0, asked.stdout
    (stale,) = (each for each in platform.technology.leftovers() if each.kind == "refusing route")
    platform.technology.remove(stale)
    assert layout.subnet not in bridge.stale_routes()
