# SPDX-License-Identifier: Apache-2.0
"""Whether KVM can be used here: it can when a tiny guest has been seen to run under it.

    python -m featherbench.guest.kvm_probe

A device node proves nothing. On a host that is itself a guest, KVM may be there, create a machine
and a processor, and then abort, hang, or fail with an internal error. So QEMU boots 512 bytes that
do one thing: tell QEMU to exit, by a port that is there for tests. The same bytes under software
emulation are the control: when they do not run there either, the fault is not KVM's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench import shell
from featherbench.errors import CommandError
from featherbench.files import canonical_json, write_whole
from featherbench.programs import path_of
from featherbench.record import Record

if TYPE_CHECKING:
    from featherbench.guest.definition import Accelerator

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
MOVE_TO_AL, OUT_TO_PORT, DISABLE_INTERRUPTS, HALT = 0xB0, 0xE6, 0xFA, 0xF4
CPU: dict[Accelerator, str] = {"kvm": "host", "tcg": "max"}
"""As our guests have it: a simpler processor may run where the host's does not."""


class Finding(Record):
    """What was found; `reason` is empty when KVM can be used. `key` says when it holds."""

    key: str
    reason: str


def version() -> str:
    """Give QEMU's version, as it tells it."""
    return shell.run([QEMU, "--version"], timeout_s=PROBE_WITHIN_S).stdout.partition("\n")[0]


def boot_sector() -> bytes:
    """Give the guest: three instructions that end QEMU, and a halt should that not be so."""
    code = bytes([MOVE_TO_AL, WRITTEN, OUT_TO_PORT, EXIT_PORT, DISABLE_INTERRUPTS, HALT])
    return code.ljust(SECTOR_BYTES - len(BOOT_SIGNATURE), b"\0") + BOOT_SIGNATURE


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
    last = "; ".join(said.split("\n")).strip("; .")[-SHOWN_CHARACTERS:] or "nothing"
    how = f"was killed by signal {-exit_status}" if exit_status < 0 else f"ended ({exit_status})"
    return f"QEMU {how}, and said: {last}"


def run(accelerator: Accelerator) -> str:
    """Run the tiny guest; say why it did not run, or nothing."""
    with tempfile.NamedTemporaryFile(suffix=".img") as sector:
        sector.write(boot_sector())
        sector.flush()
        argv = command(accelerator, Path(sector.name))
        try:
            done = shell.run(argv, timeout_s=PROBE_WITHIN_S, check=False)
        except CommandError:
            return f"the guest hung: it did not end within {PROBE_WITHIN_S:g} s"
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
    write_whole(memory, found.model_dump_json())
    return found.reason


if __name__ == "__main__":
    reason = look()
    sys.stdout.write(f"KVM cannot be used: {reason}\n" if reason else "KVM can be used\n")
    sys.exit(1 if reason else 0)
