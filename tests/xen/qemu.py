# SPDX-License-Identifier: Apache-2.0
"""The emulated machine: its command line, and whether it lives. It ends with whoever started it."""

from contextlib import contextmanager

from featherbench.errors import InstanceError
from featherbench.system import subprocesses
from featherbench.system.processes import identity_of
from featherbench.vm.instance_dir import make_overlay

MEMORY_MIB, DOM0_MEMORY_MIB = 2048, 512
XEN_WORDS = (
    *("com1=115200,8n1", "console=com1", "noreboot", "dom0_max_vcpus=1"),
    f"dom0_mem={DOM0_MEMORY_MIB}M,max:{DOM0_MEMORY_MIB}M",
)
LINUX_WORDS = (
    *("console=hvc0", "earlyprintk=xen", "quiet", "mitigations=off"),
    *("net.ifnames=0", "ipv6.disable=1"),
)
CONSOLE_LINES = 15
LAST_WORDS = ("Panic on CPU", "Kernel panic", "Manual reset required", "Hardware Dom0")
"""What is on the console when Xen or dom0 has given up, and QEMU goes on all the same."""


def _disk(name, file, options):
    return [
        *("-drive", f"if=none,id={name},file={file},{options}"),
        *("-device", f"virtio-blk-pci,drive={name}"),
    ]


def _nic(number, tap):
    mac = f"52:54:00:fb:00:0{number}"
    return [
        *("-netdev", f"tap,id=nic{number},ifname={tap},script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=nic{number},mac={mac},romfile="),
    ]


def command(place, parts):
    """Give the command. To Xen, dom0's kernel and initial RAM disk are modules of a boot loader."""
    return [
        "qemu-system-x86_64",
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-accel", "tcg,thread=multi,tb-size=256"),
        *("-machine", "q35", "-smp", "2", "-m", str(MEMORY_MIB)),
        # With smap dom0 dies at its first return to user mode; with rdtscp PVH guests crash; with
        # AVX their programs do, now and then: its state gets lost between guests.
        *("-cpu", "max,-smap,-rdtscp,-avx,-avx2,-xsave"),
        *("-serial", f"file:{place.console}"),
        *("-kernel", str(parts.hypervisor), "-append", " ".join(XEN_WORDS)),
        *("-initrd", f"{parts.kernel} {' '.join(LINUX_WORDS)},{parts.initrd}"),
        *_disk("root", place.overlay, "format=qcow2,cache=unsafe"),
        *_disk("seed", place.seed, "format=raw,readonly=on"),
        *_nic(0, place.management_tap),
        *_nic(1, place.data_tap),
    ]


def console_of(place):
    """Give all that Xen and dom0 have said so far."""
    return place.console.read_text(errors="replace") if place.console.exists() else ""


def tail(said):
    """Give the last lines, for a message."""
    return "\n".join(said.splitlines()[-CONSOLE_LINES:])


def require_life(qemu, place):
    """Raise InstanceError, with what was said last, when it cannot come up any more."""
    said = console_of(place)
    if qemu.poll() is not None:
        complaint = place.qemu_log.read_text(errors="replace").strip()
        raise InstanceError(f"QEMU ended with {qemu.returncode}: {complaint}\n{tail(said)}")
    if any(words in said for words in LAST_WORDS):
        raise InstanceError(f"Xen or dom0 gave up; its console said last:\n{tail(said)}")


@contextmanager
def running(place, parts):
    """Run it while the block runs. The kernel ends it, and its taps with it, when we are killed."""
    make_overlay(parts.disk, place.overlay)
    qemu = subprocesses.start(
        subprocesses.with_parent_death_signal(command(place, parts)), output=place.qemu_log
    )
    try:
        identity_of(qemu.pid).write(place.process)
        yield qemu
    finally:
        qemu.kill()
        qemu.wait()
