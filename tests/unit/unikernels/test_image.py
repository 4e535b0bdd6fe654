# SPDX-License-Identifier: Apache-2.0
"""Files that cannot be booted from are recognized before anything is started."""

import struct
import subprocess

import pytest

from featherbench.contracts.image_description import Description
from featherbench.unikernels.image import faults, has_debug_symbols

X86, ARM = 62, 183
REST = bytes(1000)


def elf(machine, *, big_endian=False):
    head = b"\x7fELF\x02" + (b"\x02" if big_endian else b"\x01") + bytes(10)
    return head + struct.pack(">HH" if big_endian else "<HH", 2, machine) + REST


LINUX = bytes(0x202) + b"HdrS" + REST
QCOW2 = b"QFI\xfb" + REST
GZIP = b"\x1f\x8b" + REST


@pytest.fixture
def found(tmp_path):
    """Give what is wrong with a kernel of that content, and with a disk of that and a format."""

    def of(kernel=None, disk=None, form="raw"):
        files = {"kernel": kernel, "disk": disk}
        paths = {name: tmp_path / name for name, content in files.items() if content is not None}
        for name, path in paths.items():
            path.write_bytes(files[name])
        disks = [{"path": str(paths["disk"]), "format": form}] if "disk" in paths else []
        boot = "kernel+disk" if disks else "kernel"
        description = Description.model_validate({"boot": boot, "disks": disks})
        return faults(description, paths.get("kernel"))

    return of


@pytest.mark.parametrize("kernel", [elf(X86), elf(3), LINUX], ids=["64 bits", "32 bits", "Linux"])
def test_a_kernel_that_may_boot_is_no_fault(found, kernel):
    assert found(kernel) == []
    assert found(kernel, disk=REST, form="raw") == []
    assert found(kernel, disk=QCOW2, form="qcow2") == []


@pytest.mark.parametrize(
    ("kernel", "words", "remedy"),
    [
        (elf(ARM), "is for AArch64, not for x86-64 (wrong ABI)", "build the image for x86-64"),
        (elf(22, big_endian=True), "is for S/390", "build the image for x86-64"),
        (elf(4242), "is for machine 4242", "build the image for x86-64"),
        (GZIP, "neither an ELF executable nor a Linux kernel (wrong ABI)", "unpack an archive"),
        (b"", "neither an ELF executable", "name the kernel"),
        (b"\x7fELF", "neither an ELF executable", "name the kernel"),
    ],
    ids=["Arm", "big-endian", "unknown", "an archive", "empty", "cut off"],
)
def test_a_kernel_of_another_abi_is_a_fault(found, kernel, words, remedy):
    (fault,) = found(kernel)
    assert words in fault.message
    assert remedy in fault.remedy


def solo5(target):
    note = struct.pack("<III", 6, 16, 0x31494241) + b"Solo5\0\0\0" + struct.pack("<II", target, 1)
    return elf(X86) + note + REST


@pytest.mark.parametrize(
    ("target", "backend", "words"),
    [
        *((6, backend, "is for Solo5's xen") for backend in ("qemu", "solo5-hvt", "solo5-spt")),
        (3, "solo5-hvt", "is for Solo5's virtio, not for solo5-hvt (wrong ABI)"),
        (1, "qemu", "is for Solo5's hvt"),
        *((target, backend, "") for target, backend in enumerate(("solo5-hvt", "solo5-spt"), 1)),
        *((target, "qemu", "") for target in (3, 4, 99)),
    ],
)
def test_a_kernel_of_solo5_for_another_backend_is_a_fault_before_it_boots(
    tmp_path, target, backend, words
):
    kernel = tmp_path / "kernel"
    kernel.write_bytes(solo5(target))
    found = faults(Description(backend=backend), kernel)
    assert [words in fault.message for fault in found] == [True] * bool(words)


@pytest.mark.parametrize("word", ["-m32", "-m64"])
@pytest.mark.parametrize(("debug", "found"), [("-g", True), ("-g0", False)])
def test_debug_symbols_are_seen_by_their_section(tmp_path, word, debug, found):
    source, kernel = tmp_path / "a.c", tmp_path / "a.o"
    source.write_text('const char *name = ".debug_info";')
    subprocess.run(["gcc", word, debug, "-c", source, "-o", kernel], check=True)
    assert has_debug_symbols(kernel) is found
    assert not has_debug_symbols(source)
    kernel.write_bytes(elf(X86)[:40])
    assert not has_debug_symbols(kernel)


@pytest.mark.parametrize(
    ("disk", "said", "words", "remedy"),
    [
        (
            QCOW2,
            "raw",
            "is qcow2, but the description states raw",
            "set the disk's `format` to qcow2",
        ),
        (REST, "qcow2", "is not qcow2, but the description states qcow2", "`format` to raw"),
    ],
)
def test_a_disk_in_another_format_is_a_fault(found, disk, said, words, remedy):
    (fault,) = found(elf(X86), disk=disk, form=said)
    assert f"{words} (wrong disk format)" in fault.message
    assert remedy in fault.remedy
