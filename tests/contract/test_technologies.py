# SPDX-License-Identifier: Apache-2.0
"""What every technology driver must do, the package's and a user's.

Also tests `technologies/floor.py`, `technologies/mirageos.py`, `technologies/nanos.py`,
`technologies/netbsd.py`, `technologies/osv.py`, `technologies/rumprun.py`,
`technologies/unikraft.py`.
"""

import inspect
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from builders import ran
from featherbench.contracts import technology as contract
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import BASE, Probe
from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.records.cell import Usage
from featherbench.records.instance import Image, Instance
from featherbench.rootfs import descriptions
from featherbench.services import launcher
from featherbench.system.polling import wait_until
from featherbench.vm.libvirt import domains

HEAVY = ("docker", "libvirt", "pandas", "plotnine", "pylxd", "scipy", "statsmodels")
METHODS = [
    name
    for name, member in vars(contract.Technology).items()
    if inspect.isfunction(member) and not name.startswith("_")
]


def listening(port):
    """Addresses of this machine at which something listens on a TCP port."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listeners = [line.split()[1] for line in lines if line.split()[3] == "0A"]
    pairs = (listener.split(":") for listener in listeners)
    return {
        socket.inet_ntoa(bytes.fromhex(address)[::-1])
        for address, number in pairs
        if int(number, 16) == port
    }


# --- what needs nothing --------------------------------------------------------------------------


def test_its_networks_root_file_systems_and_subnet_are_known(technology):
    assert set(technology.networks) <= {"nat", "bridge", "host"}
    assert technology.networks
    assert set(technology.root_filesystems) <= {BASE, *descriptions.names()}
    assert technology.subnet_share is None or 0 <= technology.subnet_share < 8
    assert isinstance(technology.fixed_memory, bool)


def test_its_settings_have_defaults_and_refuse_unknown_keys(technology):
    assert issubclass(technology.Settings, DriverSettings)
    assert technology.Settings().model_dump(mode="json") is not None
    with pytest.raises(ValidationError):
        technology.Settings.model_validate({"no_such_key": 1})


@pytest.mark.parametrize("method", METHODS)
def test_its_methods_are_those_of_the_contract(technology, method):
    expected = inspect.signature(getattr(contract.Technology, method))
    actual = inspect.signature(getattr(type(technology), method))
    assert list(actual.parameters) == list(expected.parameters)


def test_every_missing_requirement_has_a_remedy(technology):
    for requirement in technology.missing_requirements():
        assert requirement.what
        assert requirement.remedy


def test_requirements_are_missing_without_any_program(technology, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("featherbench.system.programs.SYSTEM_FOLDERS", "/nonexistent")
    needs_something = technology.root_filesystems or technology.fixed_memory
    assert bool(technology.missing_requirements()) == bool(needs_something)


def test_loading_it_loads_nothing_heavy(technology_name, technology_plugins):
    name, _, hypervisor = technology_name.partition("-")
    script = (
        "import sys; from featherbench import registry\n"
        f"names = {name!r}, {hypervisor or 'native'!r}, {technology_plugins!r}\n"
        "platform = registry.platform(*names)\n"
        "platform.missing_requirements()\n"
        f"print(*set({HEAVY!r}) & set(sys.modules))"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(contract.__file__).parents[2])}
    done = ran(sys.executable, "-c", script, env=env, check=True)
    assert done.stdout.split() == []


# --- images --------------------------------------------------------------------------------------


def test_an_image_is_recorded(technology_name, images):
    for service, image in images.items():
        assert (image.technology, image.service) == (technology_name.partition("-")[0], service)
        assert image.size.allocated_bytes > 0
        assert 0 < image.size.compressed_bytes <= image.size.apparent_bytes
        assert image.size.counted
        assert image.versions
        assert Image.model_validate_json(image.model_dump_json()) == image


def test_the_same_bytes_have_the_same_digest(build_image, images):
    assert build_image("http").digest == images["http"].digest


def test_other_bytes_have_another_digest(build_image, images):
    assert build_image("http", {"/srv/featherbench/http/payload": b"x"}).digest not in {
        image.digest for image in images.values()
    }


# --- instances -----------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["http", "kv"])
def test_an_instance_lives_and_ends(subject, service):
    technology = subject.technology
    instance = subject.start(service)
    assert technology.is_running(instance), technology.diagnosis(instance)
    subject.await_answer(instance)
    assert instance.start_phases_s
    technology.stop(instance)
    assert not technology.is_running(instance)
    assert technology.diagnosis(instance)
    technology.stop(instance)
    wait_until(
        lambda: subject.placement.address not in listening(launcher.PORTS[service]),
        what="release of the port",
        within_s=2,
    )


def test_an_instance_can_be_used_from_its_record(subject):
    started = subject.start("http")
    recorded = Instance.model_validate_json(started.model_dump_json())
    assert subject.technology.is_running(recorded)
    subject.technology.stop(recorded)
    assert not subject.technology.is_running(started)


def test_it_listens_only_at_the_placements_address(subject):
    before = listening(launcher.PORTS["http"])
    instance = subject.start("http")
    subject.await_answer(instance)
    # Nothing listens where the kernel translates the address.
    assert listening(launcher.PORTS["http"]) - before <= {subject.placement.address}


def test_usage_grows_with_work(subject):
    technology = subject.technology
    instance = subject.start("http")
    subject.await_answer(instance)
    before = technology.usage(instance)
    assert isinstance(before, Usage)
    assert before.source
    assert before.memory_working_set_bytes is None or before.memory_working_set_bytes > 100_000

    def has_grown():
        subject.await_answer(instance)
        return technology.usage(instance).cpu_s > before.cpu_s

    wait_until(has_grown, what="processor time", within_s=20)


def test_usage_of_an_instance_that_is_gone_is_an_error(subject):
    instance = subject.start("http")
    subject.technology.stop(instance)
    with pytest.raises(InstanceDiedError):
        subject.technology.usage(instance)


def test_the_peak_is_reset_or_reported_as_not_reset(subject):
    technology = subject.technology
    instance = subject.start("kv")
    subject.await_answer(instance)
    if technology.reset_peak(instance):
        after = technology.usage(instance)
        assert after.memory_peak_bytes <= 1.1 * after.memory_current_bytes


def test_tuning_is_read_back(subject):
    instance = subject.start("http")
    subject.await_answer(instance)
    tuning = subject.technology.tuning_in_force(instance, subject.tuning)
    assert tuning == {**subject.tuning.net_sysctls, "nofile": "4321"}


def start_and_wait_for_its_end(subject, request):
    try:
        instance = subject.technology.start(request)
    except InstanceError:
        return
    # The platform reported that it ran for a moment.
    wait_until(lambda: not subject.technology.is_running(instance), what="its end", within_s=60)
    subject.technology.stop(instance)


def test_a_command_that_cannot_run_leaves_nothing(subject):
    request = subject.request("http", command=("/no/such/program",), port=None)
    subject.technology.prepare(request)
    before = subject.leftovers()
    start_and_wait_for_its_end(subject, request)
    assert subject.leftovers() == before


def test_a_started_instance_is_a_leftover_that_can_be_removed(subject):
    instance = subject.start("http")
    assert subject.leftovers()
    subject.clean()
    assert subject.leftovers() == []
    assert not subject.technology.is_running(instance)


def test_the_startup_probe_sends_its_nonce_and_goes_on(subject):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind((subject.placement.address, 0))
        receiver.settimeout(20)
        port = receiver.getsockname()[1]
        probe = Probe(address=subject.placement.address, port=port, nonce="a-nonce")
        instance = subject.start("startup", probe=probe)
        assert receiver.recv(100) == b"a-nonce"
    assert subject.technology.is_running(instance)
    subject.technology.stop(instance)
    assert not subject.technology.is_running(instance)


def test_facts_are_text(runnable):
    assert all(isinstance(value, str) for value in runnable.facts().values())


def test_a_killed_server_is_not_running(subject, technology_name):
    instance = subject.start("kv")
    subject.await_answer(instance)
    pid = first_process(instance, technology_name)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not subject.technology.is_running(instance), what="its end", within_s=10)
    assert subject.technology.diagnosis(instance)
    subject.technology.stop(instance)


def first_process(instance, technology_name):
    if technology_name == "linux-tcg":
        return domains.pid_of(instance.id)
    if technology_name != "docker":
        return instance.handle["pid"]
    inspected = ["docker", "inspect", "--format", "{{.State.Pid}}", instance.handle["container"]]
    return int(ran(*inspected, check=True).stdout)
