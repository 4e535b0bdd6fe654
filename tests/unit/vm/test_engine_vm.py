# SPDX-License-Identifier: Apache-2.0
"""A guest with an engine (`vm/offline_engine.py`) is booted again if its kernel hangs."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from featherbench.contracts.vm_runner import Vm
from featherbench.errors import InstanceError
from featherbench.rootfs import descriptions
from featherbench.vm import engine_vm
from featherbench.vm.engine_vm import EngineVm
from featherbench.vm.offline_engine import ENGINES

REQUEST = SimpleNamespace(instance_id="abc")
VM = Vm(instance_id="abc", console=Path("/logs/abc.log"), address="198.18.2.2")


class Machines:
    """A hypervisor whose guests begin to report at their `reports_at_boot`-th boot."""

    boot_slowdown = 1

    def __init__(self):
        self.done = []
        self.reports_at_boot = 1
        self.runs = True

    def start(self, _request):
        self.done.append("start")

    def stop(self, _id):
        self.done.append("stop")

    def is_running(self, _id):
        return self.runs

    def report(self, _file):
        came_up = self.done.count("start") == self.reports_at_boot
        return {"user_space_began_s": "1.5", "ready_s": "9.0"} if came_up else {}

    def diagnosis(self, *_):
        return "its console said: nothing"


@pytest.fixture
def machines(monkeypatch):
    made = Machines()
    monkeypatch.setattr(engine_vm, "POLL_S", 0.01)
    monkeypatch.setattr(engine_vm, "BOOTED_WITHIN_S", 0.05)
    monkeypatch.setattr(engine_vm.boot_report, "read", made.report)
    monkeypatch.setattr(engine_vm.ssh, "connect", lambda _config: made.done.append("connect"))
    monkeypatch.setattr(engine_vm.ssh, "disconnect", lambda _config: None)
    return made


@pytest.fixture
def guest(machines):
    return EngineVm(runner=machines, request=REQUEST, vm=VM)


def test_a_guest_that_boots_is_booted_once(machines, guest):
    guest.start()
    assert machines.done == ["start", "connect"]


def test_a_kernel_that_hangs_is_booted_once_more(machines, guest, caplog):
    machines.reports_at_boot = 2
    guest.start()
    assert machines.done == ["start", "stop", "start", "connect"]
    assert "booted once more" in caplog.text


def test_a_kernel_that_hangs_again_is_an_error_and_is_ended(machines, guest):
    machines.reports_at_boot = 3
    with pytest.raises(InstanceError, match="its console said: nothing"):
        guest.start()
    assert machines.done == ["start", "stop", "start", "stop"]


def test_a_guest_that_ends_as_it_boots_is_an_error(machines, guest):
    machines.reports_at_boot = 3
    machines.runs = False
    with pytest.raises(InstanceError, match="ended as it booted"):
        guest.start()


def test_every_engine_of_guests_can_be_started_on_a_disk():
    names = [name for name in descriptions.names() if name.startswith("guest-")]
    assert {name.removeprefix("guest-") for name in names} == ENGINES.keys()
