# SPDX-License-Identifier: Apache-2.0
"""Whether KVM can be used here: it can when a tiny guest has been seen to run under it.

    python -m featherbench.vm.libvirt.kvm_probe

A device node proves nothing. On a host that is itself a guest, KVM may be there, create a machine
and a processor, and then abort, hang, or fail with an internal error. So QEMU boots 512 bytes that
go the way of every guest, into long mode, do there what no program is without, and tell QEMU to
exit, by a port that is there for tests: resources/vm/kvm_probe.S. The same bytes under software
emulation are the control: when they do not run there either, the fault is not KVM's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.files import canonical_json, write_atomic
from featherbench.records.base import Record
from featherbench.system import subprocesses
from featherbench.system.programs import path_of

if TYPE_CHECKING:
    from featherbench.vm.libvirt.domain_xml import Accelerator

QEMU = "qemu-system-x86_64"
DEVICE = Path("/dev/kvm")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MEMORY = Path("/run/featherbench-kvm.json")
"""What was found, until the next boot: to look takes up to PROBE_WITHIN_S seconds."""
PROBE_WITHIN_S = 5.0
EXIT_PORT, WRITTEN = 0xF4, 0x2A
EXIT_STATUS = WRITTEN << 1 | 1
"""What QEMU ends with when WRITTEN is written to the port; see isa-debug-exit."""
SECTOR_BYTES = 512
BOOT_SIGNATURE = b"\x55\xaa"
SHOWN_CHARACTERS = 400
HUNG = 124
"""The status of timeout(1) when it has ended the program."""
GUEST = bytes.fromhex(
    "fafc6631c08ed88ec066bf0010000066b9001400006766f3ab66c70600100320000066c70600200330000066"
    "c70600308300000066b8001000000f22d80f20e0660d200600000f22e066b9800000c00f32660d000100000f"
    "300f20c06683e0fb660d030000800f22c0660f0116b87c66ea777c00000800bf0050000031d231c0bb010000"
    "00b902000000f0480fc70f75100f100766480f7ec0ffc87504b02ae6f4faf4ebfc0f1f000000000000000000"
    "00000000009a20000f00a87c"
)
"""Assembled, since not every host that asks has an assembler."""
CPU: dict[Accelerator, str] = {"kvm": "host", "tcg": "max"}
"""As our guests have it: a simpler processor may run where the host's does not."""


class Finding(Record):
    """What was found; `reason` is empty when KVM can be used. `key` says when it holds."""

    key: str
    reason: str


def version() -> str:
    """Give QEMU's version, as it tells it."""
    return subprocesses.run([QEMU, "--version"], timeout_s=PROBE_WITHIN_S).stdout.partition("\n")[0]


def boot_sector() -> bytes:
    """Give the guest, as the firmware looks for it on a disk."""
    return GUEST.ljust(SECTOR_BYTES - len(BOOT_SIGNATURE), b"\0") + BOOT_SIGNATURE


def command(accelerator: Accelerator, sector: Path) -> list[str]:
    """Give the QEMU command that runs it."""
    return [
        *(QEMU, "-accel", accelerator, "-cpu", CPU[accelerator], "-machine", "pc", "-m", "32"),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-drive", f"file={sector},format=raw,if=ide,readonly=off,snapshot=on"),
        *("-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=1"),
    ]


def verdict(exit_status: int, said: str) -> str:
    """Say what a run shows: nothing when the guest ran, else what was seen."""
    if exit_status == EXIT_STATUS:
        return ""
    words = "; ".join(said.split("\n")).strip("; .")
    if exit_status == HUNG:  # what it said first is the fault, and a long list of registers follows
        first = words[:SHOWN_CHARACTERS].partition("; ")[0] or "nothing"
        return f"the guest hung: it did not end within {PROBE_WITHIN_S:g} s, and QEMU said: {first}"
    last = words[-SHOWN_CHARACTERS:] or "nothing"
    how = f"was killed by signal {-exit_status}" if exit_status < 0 else f"ended ({exit_status})"
    return f"QEMU {how}, and said: {last}"


def run(accelerator: Accelerator) -> str:
    """Run the tiny guest; say why it did not run, or nothing."""
    with tempfile.NamedTemporaryFile(suffix=".img") as sector:
        sector.write(boot_sector())
        sector.flush()
        argv = ["timeout", f"{PROBE_WITHIN_S:g}", *command(accelerator, Path(sector.name))]
        done = subprocesses.run(argv, timeout_s=2 * PROBE_WITHIN_S, check=False)
    return verdict(done.exit_status, done.stderr)


def look() -> str:
    """Say why KVM cannot be used, or nothing."""
    if not DEVICE.exists():
        return f"there is no {DEVICE}"
    seen = run("kvm")
    if seen and (control := run("tcg")):
        return f"QEMU runs no guest at all, under software emulation either: {control}"
    return seen and f"a tiny guest does not run under it: {seen}"


def _key(qemu: Path) -> str:
    """Name what a finding depends on: this boot, this QEMU (a new version is another file)."""
    file = qemu.stat()
    facts = [BOOT_ID.read_text().strip(), str(qemu), file.st_size, file.st_mtime_ns]
    return canonical_json([*facts, DEVICE.exists()])


def why_unusable(*, memory: Path = MEMORY) -> str:
    """Say why KVM cannot be used, or nothing. QEMU is installed, and we are root.

    What was found is remembered until the next boot, or another QEMU.
    """
    qemu = path_of(QEMU)
    if qemu is None:
        return f"{QEMU} is missing"
    key = _key(qemu)
    if memory.exists() and (known := Finding.read(memory)).key == key:
        return known.reason
    found = Finding(key=key, reason=look())
    write_atomic(memory, found.model_dump_json())
    return found.reason


if __name__ == "__main__":
    reason = look()
    sys.stdout.write(f"KVM cannot be used: {reason}\n" if reason else "KVM can be used\n")
    sys.exit(1 if reason else 0)
