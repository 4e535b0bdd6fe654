# SPDX-License-Identifier: Apache-2.0
"""What guests, QEMU and tenders say, and what it means."""

import json
import socket
import threading

import pytest

from featherbench.contracts.image_description import Console
from featherbench.system import error_hints
from featherbench.unikernels import console_hints, qmp

GUESTS = {
    "Starting network... DHCP: sending discover": "waits for DHCP",
    "eth0: waiting for an address": "waits for DHCP",
    "[I/28 dhcp]: Waiting for IP...": "waits for DHCP",
    "dhcpcd: vioif0: soliciting a DHCP lease": "waits for DHCP",
    "rumprun: configuring dhcp for vioif0 failed: 60": "waits for DHCP",
    "Boot failed: not a bootable disk": "nothing to boot",
    "No bootable device.": "nothing to boot",
    "Fatal error: exception Out of memory": "ran out of memory",
}
HYPERVISORS = {
    "KVM internal error. Suberror: 1\nEAX=00000000 EBX=00000000": "KVM failed inside",
    "error: failed to set MSR 0x10a to 0x69": "KVM failed inside",
    "Error loading uncompressed kernel without PVH ELF Note": "for another hypervisor",
    "qemu: could not load kernel '/images/k': Exec format error": "for another hypervisor",
    "qemu-system-x86_64: -drive file=x: Image is not in qcow2 format": "not in the format",
    "'no-such-device' is not a valid device model name": "does not have",
    "unsupported machine type": "does not have",
    "cannot set up guest memory 'pc.ram': Cannot allocate memory": "amount of memory",
    "solo5-spt: www.hvt: Executable is not for the solo5-spt target": "interface (ABI)",
    "solo5-spt: www: Executable requests unsupported ABI version 2 (expected 1)": "interface (ABI)",
    "solo5-spt: www: No Solo5 ABI information found in executable": "interface (ABI)",
    "solo5-hvt: www: elf_load: invalid or unsupported executable (elf header invalid": "(ABI)",
    "solo5-spt: Resource not declared in manifest: 'service'": "other devices",
    "solo5-spt: Device 'data' of type BLOCK_BASIC declared but not attached.": "other devices",
}


@pytest.mark.parametrize("said", GUESTS)
def test_a_guests_trouble_is_understood(said):
    assert GUESTS[said] in error_hints.find(console_hints.OF_GUESTS, said).meaning


@pytest.mark.parametrize("said", HYPERVISORS)
def test_a_hypervisors_trouble_is_understood(said):
    found = error_hints.find(console_hints.OF_HYPERVISORS, said)
    assert HYPERVISORS[said] in found.meaning
    assert found.remedy


@pytest.mark.parametrize(
    "said", ["", "floor: sent the packet", "DHCP is off", "Linux version 6.1", "0 errors"]
)
def test_what_is_well_is_no_trouble(said):
    assert error_hints.find((*console_hints.OF_GUESTS, *console_hints.OF_HYPERVISORS), said) is None


def test_the_descriptions_own_signs():
    signs = Console(success="ready on port [0-9]+", failure=("panic: .*", "page fault"))
    assert console_hints.has_succeeded(signs, "nginx: ready on port 80")
    assert not console_hints.has_succeeded(signs, "nginx: ready")
    assert console_hints.failure_in(signs, "a\npanic: out of mbufs\nb") == "panic: out of mbufs"
    assert console_hints.failure_in(signs, "all is well") == ""


HALTED = "EIP=00100214 EFL=00000006 [-----P-] CPL=0 II=0 A20=1 SMM=0 HLT=1"


@pytest.mark.parametrize(
    ("registers", "dead"),
    [
        (HALTED, True),
        (HALTED.replace("EFL=00000006", "EFL=00000206"), False),
        (HALTED.replace("HLT=1", "HLT=0"), False),
        ("RIP=0000 RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1", True),
        ("", False),
    ],
    ids=["halted for good", "halted until an interrupt", "running", "64 bits", "nothing"],
)
def test_a_dead_processor_is_told_from_one_that_sleeps(registers, dead):
    assert qmp.parse_is_dead(registers) is dead


@pytest.fixture
def qemu():
    """A monitor that says what a test wants: greeting, then one line for each question."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind("\0featherbench-unit-monitor")
        listener.listen()

        def says(*lines):
            process_lines.extend(lines)

        process_lines = []

        def serve():
            plug, _ = listener.accept()
            with plug, plug.makefile("rwb") as stream:
                stream.write(b'{"QMP": {}}\n')
                stream.flush()
                stream.readline()
                stream.write(b'{"return": {}}\n')
                stream.flush()
                for line in process_lines:
                    stream.readline()
                    stream.write(line.encode() + b"\n")
                    stream.flush()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield says


@pytest.mark.parametrize("status", ["running", "internal-error", "guest-panicked"])
def test_qemu_is_asked_for_the_guests_status(qemu, status):
    event, answer = {"event": "NIC_RX_FILTER_CHANGED"}, {"return": {"status": status}}
    qemu(f"{json.dumps(event)}\n{json.dumps(answer)}")
    assert qmp.status("featherbench-unit") == status


@pytest.mark.usefixtures("qemu")
def test_a_qemu_that_ends_meanwhile_is_silent():
    assert qmp.status("featherbench-unit") == qmp.SILENT


def test_a_qemu_that_is_not_there_is_silent():
    assert qmp.status("featherbench-nobody") == qmp.SILENT
