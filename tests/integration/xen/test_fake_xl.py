# SPDX-License-Identifier: Apache-2.0
"""This machine as dom0, with a fake `xl`: what it is told, and what is made of its answers."""

import json
import pickle
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from builders import ELF_HEAD, UnikernelSubject, stand_in
from featherbench import registry
from featherbench.contracts.vm_runner import name_of
from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.system.polling import wait_until
from featherbench.vm import bridge
from featherbench.vm import instance_dir as folder
from featherbench.vm.virtual_machine import vm_of
from featherbench.xen import domain_lifecycle

pytestmark = pytest.mark.testbed
FAKE = Path(__file__).with_name("fake_xl.py")


class Domains(UnikernelSubject):
    """Rumprun's startup image as domains of this machine."""

    def start(self, kernel=b"stays", **changes):
        return self.technology.start(self.request(kernel, **changes))

    def request(self, kernel, **changes):
        file = self.folder / f"{uuid.uuid4().hex}.elf"
        file.write_bytes(ELF_HEAD + kernel)
        request = super().request(self.image(kernel=file, **changes))
        self.technology.prepare(request)
        return request

    def asked(self):
        return [json.loads(line) for line in (self.folder / "asked").read_text().splitlines()]


@pytest.fixture
def domains(placement, tmp_path, monkeypatch):
    tools = ("xl", "xenstore-read", "xenstore-write")
    stand_in(FAKE, tmp_path / "programs", monkeypatch, *tools)
    monkeypatch.setenv("FAKE_XEN", str(tmp_path))
    monkeypatch.setattr(domain_lifecycle, "IN_DOM0", tmp_path / "domains")
    technology = registry.platform("rumprun", "xen")
    given = Domains(technology=technology, placement=placement, folder=tmp_path)
    yield given
    for leftover in given.leftovers():
        technology.remove(leftover)


def test_a_domain_is_created_paused_configured_and_unpaused(domains):
    instance = domains.start()
    name = name_of(instance.id)
    xl = [words[1:] for words in domains.asked() if words[0] == "xl"]
    assert [words[0] for words in xl] == ["create", "list", "unpause", "list"]
    assert xl[0][1:4] == ["-q", "-e", "-p"]
    told = (domains.folder / "xenstore").read_text()
    assert told.startswith("/local/domain/1/rumprun/cfg={,")
    assert '"cmdline": "probe' in told
    config = (domains.folder / "domains" / instance.id / "domain.cfg").read_text()
    assert f'name = "{name}"' in config
    assert 'type = "pv"' in config
    assert f"bridge={bridge.of(str(domains.placement.state))}" in config


def test_it_runs_is_recorded_and_ends_without_a_trace(domains):
    technology = domains.technology
    instance = domains.start()
    assert technology.is_running(instance)
    assert technology.usage(instance).memory_current_bytes == 32 << 20
    wait_until(
        lambda: "said by the guest" in technology.diagnosis(instance),
        what="the console",
        within_s=10,
    )
    technology.stop(instance)
    technology.stop(instance)
    assert not technology.is_running(instance)
    assert "the domain is gone" in technology.diagnosis(instance)
    assert not folder.of(instance.id).path.exists()
    assert not (domains.folder / "domains" / instance.id).exists()
    with pytest.raises(InstanceDiedError):
        technology.usage(instance)


def test_a_crash_is_distinguished_from_an_end(domains):
    technology = domains.technology
    crashed = domains.start(b"crashes", xenstore_key=None)
    assert not technology.is_running(crashed)
    assert "the domain is crashed" in technology.diagnosis(crashed)
    technology.stop(crashed)
    ended = domains.start()
    technology.runner._power_down(vm_of(ended))
    assert "the domain is shut down" in technology.diagnosis(ended)


def test_a_kernel_that_xen_cannot_boot_leaves_nothing(domains):
    with pytest.raises(InstanceError, match="no loader found"):
        domains.start(b"refused")
    assert domains.leftovers() == []
    assert list((domains.folder / "domains").iterdir()) == []


STARTS = """
import pickle, sys
from featherbench import registry
from featherbench.xen import domain_lifecycle
domain_lifecycle.IN_DOM0, request = pickle.load(open(sys.argv[1], "rb"))
registry.platform("rumprun", "xen").start(request)
"""


def is_being_made(domains):
    return any(words[:2] == ["xl", "create"] for words in domains.asked())


def test_a_domain_in_creation_does_not_appear_after_its_creator_is_killed(domains):
    given, request = domains.folder / "order.pickle", domains.request(b"slow")
    given.write_bytes(pickle.dumps((domain_lifecycle.IN_DOM0, request)))
    (domains.folder / "asked").touch()
    starter = subprocess.Popen([sys.executable, "-c", STARTS, given])
    wait_until(lambda: is_being_made(domains), what="xl create", within_s=30)
    starter.kill()
    starter.wait()
    (leftover,) = domains.leftovers()
    domains.technology.remove(leftover)
    assert ["xl", "destroy", f"featherbench-{request.instance_id}"] in domains.asked()
    assert list(domains.folder.glob("*.console")), "it had been made by then"
    assert list(domains.folder.glob("*.domain")) == []
