# SPDX-License-Identifier: Apache-2.0
"""Our own guest `floor` as a domain of a real Xen, and what can go wrong with such."""

import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from builders import UnikernelSubject
from featherbench import registry
from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.measuring.first_packet import listening
from featherbench.system.polling import wait_until
from featherbench.vm.virtual_machine import vm_of

pytestmark = [pytest.mark.slow, pytest.mark.xen, pytest.mark.testbed, pytest.mark.timeout(1200)]
BOOTS_WITHIN_S = 120.0
ELF = b"\x7fELF\x02\x01\x01" + bytes(11) + b"\x3e\x00" + bytes(100)
"""A file that is called an ELF executable for this machine, and is none."""


@dataclass(kw_only=True)
class Floor(UnikernelSubject):
    """Guests of floor on the wire, with descriptions that differ from the shipped one."""

    wire: object

    def request(self, *, port=9, nonce="n", memory_mib=None, **changes):
        image = self.image(**changes)
        return super().request(image, port=port, nonce=nonce, memory_mib=memory_mib)

    def start(self, **given):
        request = self.request(**given)
        self.technology.prepare(request)
        return self.technology.start(request)


@pytest.fixture
def floor(xen_settings, placement, wire, tmp_path):
    technology = registry.platform("floor", "xentcg", hypervisor_settings=xen_settings)
    assert technology.missing_requirements() == []
    return Floor(technology=technology, placement=placement, folder=tmp_path, wire=wire)


def test_it_sends_its_packet_answers_pings_and_ends(floor, left_in_dom0):
    with listening(floor.placement.callback_address, "a-nonce") as listener:
        instance = floor.start(port=listener.port, nonce="a-nonce", memory_mib=4)
        wait_until(
            listener.stamp_ns,
            what=f"the packet: {floor.technology.diagnosis(instance)}",
            within_s=BOOTS_WITHIN_S,
        )
    assert "1 received" in floor.wire.client("ping", "-c1", instance.endpoint.ping_address)
    technology = floor.technology
    assert technology.is_running(instance)
    assert technology.usage(instance).memory_current_bytes == 4 << 20
    assert set(instance.start_phases_s) == {"disks", "domain"}
    assert "floor: sent the packet" in technology.diagnosis(instance)
    technology.stop(instance)
    technology.stop(instance)
    assert not technology.is_running(instance)
    with pytest.raises(InstanceDiedError):
        technology.usage(instance)
    assert left_in_dom0() == set()


def test_it_obeys_the_power_button(floor):
    instance = floor.start(stop="powerdown")
    wait_until(
        lambda: "sent the packet" in floor.technology.diagnosis(instance),
        what="its boot",
        within_s=BOOTS_WITHIN_S,
        every_s=0.5,
    )
    floor.technology.runner._power_down(vm_of(instance))
    assert "the domain is shut down" in floor.technology.diagnosis(instance)
    assert not floor.technology.is_running(instance)


def test_a_guest_that_gives_up_is_reported_with_its_last_output(floor):
    instance = floor.start(arguments="nonsense")
    wait_until(
        lambda: not floor.technology.is_running(instance),
        what=f"its end: {floor.technology.diagnosis(instance)}",
        within_s=BOOTS_WITHIN_S,
        every_s=0.5,
    )
    said = floor.technology.diagnosis(instance)
    assert "sign of failure, 'floor: bad arguments" in said


def test_an_image_that_xen_cannot_boot_is_refused_with_its_message(floor, left_in_dom0):
    kernel = floor.folder / "kernel.elf"
    kernel.write_bytes(ELF)
    request = floor.request(kernel=kernel)
    floor.technology.prepare(request)
    with pytest.raises(InstanceError, match="xl refused"):
        floor.technology.start(request)
    assert left_in_dom0() == set()


def test_too_little_memory_is_refused_with_the_message_of_xen(floor, left_in_dom0):
    with pytest.raises(InstanceError, match=r"kernel too large.*Out of memory"):
        floor.start(memory_mib=1)
    assert left_in_dom0() == set()


STARTS_AND_DIES = """
import os, pickle, signal, sys
from featherbench import registry
request, settings = pickle.load(open(sys.argv[1], "rb"))
technology = registry.platform("floor", "xentcg", hypervisor_settings=settings)
technology.prepare(request)
technology.start(request)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_domain_whose_starter_was_killed_is_found_and_removed(floor, xen_settings, left_in_dom0):
    given = floor.folder / "order.pickle"
    request = floor.request()
    given.write_bytes(pickle.dumps((request, xen_settings)))
    done = subprocess.run([sys.executable, "-c", STARTS_AND_DIES, given], check=False, timeout=300)
    assert done.returncode == -signal.SIGKILL
    assert left_in_dom0() != set()
    hypervisor = registry.load("hypervisors", "xentcg")
    (leftover,) = floor.leftovers(hypervisor)
    assert leftover.name == request.instance_id
    hypervisor.remove(leftover)
    hypervisor.remove(leftover)
    assert left_in_dom0() == set()
