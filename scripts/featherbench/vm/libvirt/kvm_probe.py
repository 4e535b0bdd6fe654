# SPDX-License-Identifier: Apache-2.0
"""Whether KVM can be used on this machine: only if a tiny guest runs under it.

    python -m featherbench.vm.libvirt.kvm_probe

A device node proves nothing. On a machine that is itself a guest, KVM may exist, create a machine
and a processor, and then abort, hang, or fail with an internal error. Therefore QEMU boots 512
bytes that enter long mode as every guest does, execute instructions that every program needs, and
make QEMU exit through a port for tests: resources/vm/kvm_probe.S. The same bytes under software
emulation are the control: if they do not run there either, the fault is not KVM's.
"""

import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from featherbench.files import canonical_json
from featherbench.records.base import Record
from featherbench.system import subprocesses
from featherbench.system.programs import path_of
from featherbench.vm.libvirt.domain_xml import Accelerator

QEMU = "qemu-system-x86_64"
DEVICE = Path("/dev/kvm")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
RESULT = Path("/run/featherbench-kvm.json")
"""The result, until the next boot: the probe takes up to PROBE_WITHIN_S seconds."""
PROBE_WITHIN_S = 5.0
EXIT_PORT, WRITTEN = 0xF4, 0x2A
EXIT_STATUS = WRITTEN << 1 | 1
"""QEMU's exit status when WRITTEN is written to the port; see isa-debug-exit."""
SECTOR_BYTES = 512
BOOT_SIGNATURE = b"\x55\xaa"
SHOWN_CHARACTERS = 400
HUNG = 124
"""The exit status of timeout(1) if it ended the program."""
GUEST = bytes.fromhex(
    "fafc6631c08ed88ec066bf0010000066b9001400006766f3ab66c70600100320000066c70600200330000066"
    "c70600308300000066b8001000000f22d80f20e0660d200600000f22e066b9800000c00f32660d000100000f"
    "300f20c06683e0fb660d030000800f22c0660f0116b87c66ea777c00000800bf0050000031d231c0bb010000"
    "00b902000000f0480fc70f75100f100766480f7ec0ffc87504b02ae6f4faf4ebfc0f1f000000000000000000"
    "00000000009a20000f00a87c"
)
"""Assembled, because not every machine has an assembler."""
CPU: dict[Accelerator, str] = {"kvm": "host", "tcg": "max"}
"""Like other guests: a simpler processor may run where the machine's own does not."""


class KvmProbeResult(Record):
    """A result; `reason` is empty if KVM can be used. It is valid as long as `key` is the same."""

    key: str
    reason: str


def version() -> str:
    """Return QEMU's version, as it prints it."""
    return subprocesses.run([QEMU, "--version"], timeout_s=PROBE_WITHIN_S).stdout.partition("\n")[0]


def boot_sector() -> bytes:
    """Return the guest as a boot sector."""
    return GUEST.ljust(SECTOR_BYTES - len(BOOT_SIGNATURE), b"\0") + BOOT_SIGNATURE


def command(accelerator: Accelerator, sector: Path) -> list[str]:
    """Return the QEMU command that runs the boot sector."""
    return [
        *(QEMU, "-accel", accelerator, "-cpu", CPU[accelerator], "-machine", "pc", "-m", "32"),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-drive", f"file={sector},format=raw,if=ide,readonly=off,snapshot=on"),
        *("-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=1"),
    ]


def reason_of(exit_status: int, output: str) -> str:
    """Return why a run failed, by QEMU's exit status and output; empty if the guest ran."""
    if exit_status == EXIT_STATUS:
        return ""
    words = "; ".join(output.split("\n")).strip("; .")
    if exit_status == HUNG:  # the fault comes first, and a long list of registers follows
        first = words[:SHOWN_CHARACTERS].partition("; ")[0] or "nothing"
        return f"the guest hung: it did not end within {PROBE_WITHIN_S:g} s, and QEMU said: {first}"
    last = words[-SHOWN_CHARACTERS:] or "nothing"
    how = f"was killed by signal {-exit_status}" if exit_status < 0 else f"ended ({exit_status})"
    return f"QEMU {how}, and said: {last}"


def run(accelerator: Accelerator) -> str:
    """Run the tiny guest; return why it failed, or an empty string."""
    with tempfile.NamedTemporaryFile(suffix=".img") as sector:
        sector.write(boot_sector())
        sector.flush()
        argv = ["timeout", f"{PROBE_WITHIN_S:g}", *command(accelerator, Path(sector.name))]
        done = subprocesses.run(argv, timeout_s=2 * PROBE_WITHIN_S, check=False)
    return reason_of(done.exit_status, done.stderr)


def probe() -> str:
    """Return why KVM cannot be used, or an empty string."""
    if not DEVICE.exists():
        return f"there is no {DEVICE}"
    reason = run("kvm")
    if reason and (control := run("tcg")):
        return f"QEMU runs no guest, not under software emulation either: {control}"
    return reason and f"a tiny guest does not run under it: {reason}"


def _key(qemu: Path) -> str:
    """Return what a result depends on: this boot and this QEMU (a new version is another file)."""
    file = qemu.stat()
    facts = [BOOT_ID.read_text(encoding="utf-8").strip(), str(qemu), file.st_size, file.st_mtime_ns]
    return canonical_json([*facts, DEVICE.exists()])


def why_unusable(*, result_file: Path = RESULT) -> str:
    """Return why KVM cannot be used, or "": kept until the next boot or another QEMU."""
    qemu = path_of(QEMU)
    if qemu is None:
        return f"{QEMU} is missing"
    key = _key(qemu)
    if (known := KvmProbeResult.read_valid(result_file)) and known.key == key:
        return known.reason
    result = KvmProbeResult(key=key, reason=probe())
    with suppress(OSError):  # only root may keep it
        result.write(result_file)
    return result.reason


if __name__ == "__main__":
    reason = probe()
    sys.stdout.write(f"KVM cannot be used: {reason}\n" if reason else "KVM can be used\n")
    sys.exit(1 if reason else 0)
