# SPDX-License-Identifier: Apache-2.0
"""A technology inside a guest: the request that its unchanged driver gets."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from builders import image, instance, placement, start_request
from featherbench import registry
from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.records.cell import Usage
from featherbench.vm import container_in_vm, engine_vm, instance_dir
from featherbench.vm.container_in_vm import ContainerInVm
from featherbench.vm.virtual_machine import vm_of

INNER = image(technology="docker", reference={"id": "sha256:d"})


@pytest.fixture
def docker():
    return registry.platform("docker", "tcg")


@pytest.fixture
def request_in_vm(docker):
    reference = {"folder": "/images", "inner": INNER.model_dump(mode="json")}
    return start_request(
        instance_id="abc",
        image=INNER.model_copy(update={"reference": reference}),
        network="nat",
        settings=docker.Settings.model_validate({"memory_mib": 64, "guest": {"memory_mib": 2048}}),
        placement=placement(hypervisor="tcg", guest_subnet="198.18.2.0/24"),
        memory_mib=256,
    )


def test_the_technologys_driver_runs_in_a_guest(docker):
    assert isinstance(docker, ContainerInVm)
    assert docker.networks == registry.load("technologies", "docker").networks
    assert docker.root_filesystems == ("guest-docker", "base")
    assert not docker.fixed_memory
    assert registry.image_owner("docker", "tcg") == "docker-guest"


def test_settings_are_the_technologys_and_the_guests(docker):
    settings = docker.Settings()
    assert settings.runtime == "runc"
    assert settings.guest.memory_mib == 1024
    with pytest.raises(ValidationError):
        docker.Settings.model_validate({"guest": {"init": "minimal"}})


def test_inside_the_technology_has_its_own_machine_and_settings(docker, request_in_vm):
    inside = docker._inner_request(request_in_vm)
    assert inside.placement.address == "198.18.2.2"
    assert inside.placement.container_subnet == "198.18.2.128/25"
    assert inside.placement.cpus == (0, 1)
    assert inside.placement.machine == engine_vm.machine_of("abc")
    assert inside.placement.callback_address == "198.18.0.1"
    assert inside.image == INNER
    assert inside.settings == docker.inner.Settings(memory_mib=64)
    assert inside.memory_mib is None
    single = docker.Settings.model_validate({"guest": {"vcpus": 1}})
    assert docker._inner_request(replace(request_in_vm, settings=single)).placement.cpus == (0,)


def test_a_start_that_fails_ends_the_guest(docker, request_in_vm, monkeypatch):
    ended = []
    monkeypatch.setattr(engine_vm, "stop", lambda _runner, vm: ended.append(vm.instance_id))

    def refuse(_technology, _request):
        raise RuntimeError

    monkeypatch.setattr(type(docker.inner), "start", refuse)
    with pytest.raises(RuntimeError):
        docker.start(request_in_vm)
    assert ended == ["abc"]


def test_the_console_is_beside_the_log(request_in_vm):
    assert container_in_vm._vm_for(request_in_vm).console == Path("/logs/abc.console.log")


@pytest.fixture
def accounts(docker, monkeypatch):
    """Have a hypervisor account a guest, and the engine in it a container."""
    whole = Usage(cpu_s=9.0, memory_current_bytes=900, guest_used_bytes=300, source="QEMU")
    own = Usage(cpu_s=1.0, memory_current_bytes=20, source="v1")
    monkeypatch.setattr(type(docker.inner), "usage", lambda _self, _instance: own)

    def account(**changes):
        changed = whole.model_copy(update=changes)
        monkeypatch.setattr(type(docker.runner), "usage", lambda _self, _id: changed)
        return docker.usage(instance())

    return account


def test_the_time_is_the_guests_and_the_memory_the_containers(accounts):
    found = accounts()
    assert (found.cpu_s, found.memory_current_bytes) == (9.0, 20)
    assert (found.guest_used_bytes, found.hypervisor_bytes) == (300, 900)
    assert "v1" in found.source


def test_the_boot_of_the_guest_does_not_count_as_the_containers_time(
    docker, accounts, monkeypatch, tmp_path
):
    monkeypatch.setattr(instance_dir, "ALL", tmp_path)
    (tmp_path / "abc").mkdir()
    assert accounts(cpu_s=7.5).cpu_s == 7.5
    docker._record_used_before(vm_of(instance()))
    assert accounts(cpu_s=9.0).cpu_s == 1.5


def test_a_guest_reports_its_memory_if_the_hypervisor_cannot(accounts, monkeypatch):
    meminfo = "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     400 kB\n"
    guest = SimpleNamespace(read=lambda paths: dict.fromkeys(paths, meminfo))
    monkeypatch.setattr(engine_vm, "machine_of", lambda _: guest)
    assert accounts(guest_used_bytes=None).guest_used_bytes == 600 * 1024
    guest.read = lambda _paths: {}
    assert accounts(guest_used_bytes=None).guest_used_bytes is None


@pytest.fixture
def guest_that_ends_meanwhile(docker, monkeypatch):
    """A guest that runs when libvirt is asked first, and whose engine answers no more."""
    answers = iter([True, False])
    for question in ("is_running", "usage"):
        monkeypatch.setattr(type(docker.runner), question, lambda _self, _id: next(answers))

    def does_not_answer(_self, _instance):
        raise InstanceError("the engine does not answer")

    for question in ("is_running", "usage"):
        monkeypatch.setattr(type(docker.inner), question, does_not_answer)
    return instance()


def test_a_guest_that_ends_during_the_question_does_not_run(docker, guest_that_ends_meanwhile):
    assert not docker.is_running(guest_that_ends_meanwhile)


def test_the_usage_of_a_guest_that_ends_meanwhile_is_an_error(docker, guest_that_ends_meanwhile):
    with pytest.raises(InstanceDiedError, match="guest abc is gone"):
        docker.usage(guest_that_ends_meanwhile)
