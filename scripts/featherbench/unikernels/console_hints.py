# SPDX-License-Identifier: Apache-2.0
"""What the output of guests, of QEMU and of tenders means: known failures and their remedies."""

import re
from collections.abc import Iterator
from pathlib import Path

from featherbench.contracts.image_description import Console
from featherbench.contracts.vm_runner import Vm
from featherbench.errors import ErrorHint, find_hint
from featherbench.services.open_connections import EXCHANGES
from featherbench.vm import boot_report, bridge

OF_GUESTS = (
    ErrorHint(
        r"\b(dhcp|bootp)[^\n]{0,40}(discover|request|start|wait|send|broadcast|lease|fail)"
        r"|waiting for (an? )?(ip|address|lease|dhcp)|\b(starting|configuring) dhcp",
        meaning="the guest waits for DHCP, and there is no DHCP server",
        remedy="give it its address: `arguments`, with ${address}, or an image with a static one",
    ),
    ErrorHint(
        r"no bootable device|boot failed|not a bootable disk|missing operating system",
        meaning="the firmware found nothing to boot on the disk",
        remedy="check `format` of the first disk (raw or qcow2), and that it has a boot loader",
    ),
    ErrorHint(
        r"out of memory|cannot allocate|bad_alloc|not enough memory|failed to allocate",
        meaning="the guest ran out of memory",
        remedy="give it more: `memory_mib`",
    ),
)
OF_HYPERVISORS = (
    ErrorHint(
        r"KVM internal error|kvm run failed|error: failed to set MSR|kvm_buf_set_msrs",
        meaning="KVM failed inside (an internal error)",
        remedy="see `python -m featherbench.vm.libvirt.kvm_probe`; in a virtual machine, use tcg",
    ),
    ErrorHint(
        r"without PVH ELF Note|invalid kernel header|multiboot.*(not|unsupported|invalid)"
        r"|Could not load kernel|error loading.*kernel|linux kernel too old",
        meaning="QEMU cannot boot this kernel: it is for another hypervisor or another machine",
        remedy="build the image for QEMU or KVM (virtio), or name the `backend` that it is for",
    ),
    ErrorHint(
        r"Image is not in qcow2 format|Image is not in .* format|could not open disk image.*format",
        meaning="the disk is not in the format that the description states",
        remedy="set `format` of the disk to that of the file, raw or qcow2",
    ),
    ErrorHint(
        r"segment falls outside of valid range|outside of (valid )?memory range"
        r"|memory allocation range|does not fit (in|into) (the )?(guest )?memory",
        meaning="the image does not fit into the guest's memory",
        remedy="give it more: `memory_mib`",
    ),
    ErrorHint(
        r"invalid or unsupported executable(?! \()",
        meaning="the tender cannot load the image: the guest has too little memory for it, or it is"
        " for another interface (ABI)",
        remedy="give it more `memory_mib`; else build it for this tender",
    ),
    ErrorHint(
        r"unsupported (abi|elf)|ABI (version|target)"
        r"|Invalid or unsupported executable|Executable is not for|No Solo5 (ABI|manifest)",
        meaning="the tender does not know this image's interface (ABI)",
        remedy="build it for this tender and for the installed version of Solo5",
    ),
    ErrorHint(
        r"resource not declared|undeclared|device .* not (attached|specified|declared)",
        meaning="the tender was given other devices than the image declares",
        remedy="set `nic.name` and the disks' `name` to those in the image's manifest",
    ),
    ErrorHint(
        r"is not a valid device model|'[^']+' is not a valid|Property .* not found"
        r"|unsupported machine type|Device .* could not be initialized|unable to find CPU model",
        meaning="this machine's QEMU does not have what the description asks for",
        remedy="choose what it has: see `qemu-system-x86_64 -machine help`, -cpu, -device",
    ),
    ErrorHint(
        r"cannot set up guest memory|Cannot allocate memory|at least .* (RAM|memory)",
        meaning="the guest cannot have that amount of memory",
        remedy="choose another `memory_mib`",
    ),
)


NOTES = {
    bridge.Reply.ANSWERED: "answers on its own link: if it does not answer the client, which is in"
    " another network, give it its gateway, ${gateway}",
    bridge.Reply.ACCEPTED: "accepts connections without answering: often a sign of too little"
    " memory",
    bridge.Reply.REFUSED: "refuses connections: its server does not listen there; if it has"
    " started, compare its configuration with `port`, and have it listen on all addresses",
}


def text_of(file: Path) -> str:
    """Return the content of a file as text; empty if it does not exist."""
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def failure_in(console: Console, output: str) -> str:
    """Return the description's own sign of a dead guest in its output; empty if there is none."""
    for pattern in console.failure:
        if match := re.search(pattern, output):
            return match[0]
    return ""


def has_failed(console: Console, file: Path) -> bool:
    """Return whether a guest's console shows its description's sign of a dead guest."""
    return bool(console.failure and failure_in(console, text_of(file)))


def has_succeeded(console: Console, output: str) -> bool:
    """Return whether the description's sign of success is in the guest's output."""
    return bool(console.success and re.search(console.success, output))


def meanings(console: Console, guest_output: str, hypervisor_output: str = "") -> Iterator[str]:
    """Yield what the output of a guest means, and that of its hypervisor."""
    if failure := failure_in(console, guest_output):
        yield f"its console shows the description's sign of failure, {failure!r}"
    of_hypervisor = find_hint(OF_HYPERVISORS, hypervisor_output or guest_output)
    if hint := of_hypervisor or find_hint(OF_GUESTS, guest_output):
        yield f"{hint.meaning} ({hint.remedy})"


def mute_server(vm: Vm) -> str:
    """Return a note on its port, as it is on the guest's own link, for a client without an answer.

    Empty if nothing is to be told.
    """
    if not vm.port:
        return ""
    request, _ = EXCHANGES.get(vm.service, ("", ""))
    reply = bridge.reply_at(vm.address, vm.port, request.encode())
    return f", and {vm.address}:{vm.port} {NOTES[reply]}" if reply in NOTES else ""


def diagnosis(vm: Vm, state: str, hypervisor_output: str = "", *quotations: str) -> str:
    """Return the diagnosis of a virtual machine of a user's image in that state."""
    assert vm.description is not None
    hints = meanings(vm.description.console, text_of(vm.console), hypervisor_output)
    parts = "; ".join(filter(None, [state, *hints, *quotations]))
    return boot_report.diagnosis(parts, vm)
