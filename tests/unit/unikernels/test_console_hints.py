# SPDX-License-Identifier: Apache-2.0
"""The meaning of the output of guests, QEMU and tenders."""

import pytest

from featherbench import errors
from featherbench.contracts.image_description import Console
from featherbench.unikernels import console_hints, description_loader

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
    "solo5-hvt: www: elf_load: invalid or unsupported executable": "too little memory for it, or",
    "solo5-spt: www: invalid executable: phdr[2] program memory segment falls outside of valid"
    " range (9437184 (p_vaddr + p_memsz) > 8388608 (mem_size))": "does not fit into",
    "solo5-spt: www: invalid executable: e_entry does not fall within the memory allocation range"
    " (1048576 < 65536 || 1048576 >= 1048576)": "does not fit into",
    "solo5-spt: Resource not declared in manifest: 'service'": "other devices",
    "solo5-spt: Device 'data' of type BLOCK_BASIC declared but not attached.": "other devices",
}


@pytest.mark.parametrize("said", GUESTS)
def test_known_output_of_guests_has_a_meaning(said):
    assert GUESTS[said] in errors.find_hint(console_hints.OF_GUESTS, said).meaning


@pytest.mark.parametrize("said", HYPERVISORS)
def test_known_output_of_hypervisors_has_a_meaning_and_a_remedy(said):
    found = errors.find_hint(console_hints.OF_HYPERVISORS, said)
    assert HYPERVISORS[said] in found.meaning
    assert found.remedy


@pytest.mark.parametrize(
    "said", ["", "floor: sent the packet", "DHCP is off", "Linux version 6.1", "0 errors"]
)
def test_harmless_output_has_no_meaning(said):
    assert errors.find_hint((*console_hints.OF_GUESTS, *console_hints.OF_HYPERVISORS), said) is None


@pytest.mark.parametrize("end", ["=== ERROR: _exit(1) called ===", "FATAL TRAP 12 (page fault)"])
@pytest.mark.parametrize(
    "file", sorted((description_loader.SHIPPED / "rumprun").glob("[!c]*.yaml"))
)
def test_rumpruns_ways_to_die_are_in_its_descriptions(file, end):
    assert console_hints.failure_in(description_loader.read(file).console, f"a\n{end}\nb") == end


def test_the_descriptions_own_signs_are_recognized():
    signs = Console(success="ready on port [0-9]+", failure=("panic: .*", "page fault"))
    assert console_hints.has_succeeded(signs, "nginx: ready on port 80")
    assert not console_hints.has_succeeded(signs, "nginx: ready")
    assert console_hints.failure_in(signs, "a\npanic: out of mbufs\nb") == "panic: out of mbufs"
    assert console_hints.failure_in(signs, "all is well") == ""
